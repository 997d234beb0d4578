"""What can be the name of a machine."""

from __future__ import annotations

import re
from ipaddress import ip_address

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})

_LABEL = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)")
_LONGEST_NAME = 253
_DIGITS = re.compile(r"[0-9.]+")


def is_host(text: str) -> bool:
    """Say whether the text can be the name or the number of a machine."""
    try:
        ip_address(text)
    except ValueError:
        name = text.removesuffix(".")
        labels = name.split(".")
        sound = all(_LABEL.fullmatch(label) for label in labels) and len(name) <= _LONGEST_NAME
        return sound and not _DIGITS.fullmatch(name)
    return True
