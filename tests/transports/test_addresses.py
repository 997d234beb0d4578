from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given, strategies as st

from nurture.transports.addresses import is_public


@pytest.mark.parametrize(
    "address",
    [
        *("1.1.1.1", "8.8.8.8", "100.63.255.255", "100.128.0.1", "172.15.0.1", "172.32.0.1"),
        *("198.17.255.255", "223.255.255.255", "2606:4700::1111", "2a00:1450:4001::1"),
        pytest.param("::ffff:8.8.8.8", id="mapped public"),
        pytest.param("64:ff9b::808:808", id="NAT64 of a public address"),
        pytest.param("2002:808:808::1", id="6to4 of a public address"),
        pytest.param("2001:0:808:808:0:0:f7f7:f7f7", id="Teredo between public addresses"),
    ],
)
def test_the_public_internet(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "127.255.255.255", "0.0.0.0", "0.1.2.3", "10.0.0.1", "172.16.0.1"),  # noqa: S104 (refused)
        *("172.31.255.255", "192.168.1.1", "169.254.169.254", "100.64.0.1", "100.127.255.255"),
        *("192.0.0.9", "192.0.2.1", "192.88.99.1", "198.18.0.1", "198.19.255.255"),
        *("198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1"),
        *("255.255.255.255", "::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00::1"),
        *("fec0::1", "ff02::1", "ff0e::1", "2001:db8::1", "2001:2::1", "2001:20::1", "3fff::1"),
        *("100::1", "4000::1", "64:ff9b:1::1", "5f00::1"),
        pytest.param("::7f00:1", id="compatible loopback"),
        pytest.param("::ffff:127.0.0.1", id="mapped loopback"),
        pytest.param("::ffff:10.0.0.1", id="mapped private"),
        pytest.param("::ffff:0:127.0.0.1", id="translated loopback"),
        pytest.param("64:ff9b::7f00:1", id="NAT64 loopback"),
        pytest.param("64:ff9b::a9fe:a9fe", id="NAT64 of the metadata service"),
        pytest.param("2002:7f00:1::", id="6to4 loopback"),
        pytest.param("2002:a00:1::1", id="6to4 private"),
        pytest.param("2001:0:7f00:1:0:0:f7f7:f7f7", id="Teredo by a loopback relay"),
        pytest.param("2001:0:808:808:0:0:80ff:fffe", id="Teredo to loopback"),
        *("", "localhost", "127.1", "0x7f.1", "2130706433", "1.2.3.4.5", "::g", "1.2.3.4:80"),
    ],
)
def test_everything_else(address: str) -> None:
    assert not is_public(address)


@given(st.ip_addresses(v=4))
def test_no_wrapping_makes_a_private_address_public(address: IPv4Address) -> None:
    bits = int(address)
    wrapped = [
        IPv6Address((0xFFFF << 32) | bits),
        IPv6Address((0x0064_FF9B << 96) | bits),
        IPv6Address((0x2002 << 112) | (bits << 80)),
        IPv6Address(
            (0x2001_0000 << 96) | (bits << 64) | (int(IPv4Address("8.8.8.8")) ^ 0xFFFFFFFF)
        ),
        IPv6Address((0x2001_0000 << 96) | (0x08080808 << 64) | (bits ^ 0xFFFFFFFF)),
    ]
    for each in wrapped:
        assert is_public(str(each)) == is_public(str(address))


@given(st.ip_addresses())
def test_what_is_public_here_is_no_loopback_link_or_group(
    address: IPv4Address | IPv6Address,
) -> None:
    if is_public(str(address)):
        unfit = [address.is_loopback, address.is_link_local, address.is_multicast]
        unfit += [address.is_unspecified, address.version == 4 and address.is_reserved]
        assert not any(unfit)
