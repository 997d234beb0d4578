"""Which IP addresses a webhook may go to: the public internet, and nothing else.

The list is our own because the standard library's `is_global` says yes to multicast and to
loopback wrapped in NAT64 or 6to4, and no to what is neither private nor global.
"""

from __future__ import annotations

from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
)

_DENIED_V4 = tuple(
    IPv4Network(block)
    for block in (
        "0.0.0.0/8",  # this network, unspecified
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # shared by carriers
        "127.0.0.0/8",  # loopback
        "169.254.0.0/16",  # link-local, and every cloud's metadata service
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments
        "192.0.2.0/24",  # documentation
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",  # private
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, broadcast
    )
)

# Everything outside is loopback, unspecified, mapped, unique local, link-local, multicast or
# not assigned to anybody.
_UNICAST_V6 = IPv6Network("2000::/3")
_DENIED_V6 = tuple(
    IPv6Network(block)
    for block in (
        "2001::/23",  # protocol assignments; Teredo in it is unwrapped first
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4; unwrapped first
        "3fff::/20",  # documentation
    )
)
_MAPPED = IPv6Network("::ffff:0:0/96")
_NAT64 = IPv6Network("64:ff9b::/96")
_SIX_TO_FOUR = IPv6Network("2002::/16")
_TEREDO = IPv6Network("2001::/32")


def is_public(address: str) -> bool:
    """Tell whether an address, and every address wrapped inside it, is on the public internet."""
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(parsed, IPv4Address):
        return _is_public_v4(parsed)
    wrapped = _wrapped(parsed)
    if wrapped:
        return all(_is_public_v4(inner) for inner in wrapped)
    return parsed in _UNICAST_V6 and not any(parsed in block for block in _DENIED_V6)


def _is_public_v4(address: IPv4Address) -> bool:
    return not any(address in block for block in _DENIED_V4)


def _wrapped(address: IPv6Address) -> list[IPv4Address]:
    """Return the IPv4 addresses that an IPv6 address really leads to."""
    bits = int(address)
    low = IPv4Address(bits & 0xFFFF_FFFF)
    if address in _MAPPED or address in _NAT64:
        return [low]
    if address in _SIX_TO_FOUR:
        return [IPv4Address((bits >> 80) & 0xFFFF_FFFF)]
    if address in _TEREDO:
        # The relay, and the client behind it, which is written inverted.
        return [IPv4Address((bits >> 64) & 0xFFFF_FFFF), IPv4Address(int(low) ^ 0xFFFF_FFFF)]
    return []
