"""What a public key of SendGrid's event webhook looks like, told without what verifies by it."""

from __future__ import annotations

import binascii
from base64 import b64decode

# A point on the curve P-256, in the wrapping of RFC 5480 that SendGrid shows: y*y = x*x*x - 3x + b.
_WHOLE = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d03010703420004")
_PRIME = 2**256 - 2**224 + 2**192 + 2**96 - 1
_B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
_COORDINATE = 32


def is_verification_key(text: str) -> bool:
    """Say whether the text is a public key that SendGrid signs its posts with."""
    try:
        key = b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        return False
    if not key.startswith(_WHOLE) or len(key) != len(_WHOLE) + 2 * _COORDINATE:
        return False
    x = int.from_bytes(key[-2 * _COORDINATE : -_COORDINATE], "big")
    y = int.from_bytes(key[-_COORDINATE:], "big")
    on_curve = (y * y - x * x * x + 3 * x - _B) % _PRIME == 0
    return x < _PRIME and y < _PRIME and on_curve
