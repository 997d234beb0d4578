"""Receiver groups: which mailbox provider an address' domain belongs to."""

from __future__ import annotations

import pytest

from nurture.core.address import ascii_domain
from nurture.core.receivers import LARGE_PROVIDERS, OTHERS, RECEIVER_GROUPS, receiver_group


@pytest.mark.parametrize(
    ("domain", "group"),
    [
        ("gmail.com", "gmail"),
        ("googlemail.com", "gmail"),
        ("outlook.com", "outlook"),
        ("outlook.de", "outlook"),
        ("hotmail.co.uk", "outlook"),
        ("live.nl", "outlook"),
        ("msn.com", "outlook"),
        ("yahoo.de", "yahoo"),
        ("ymail.com", "yahoo"),
        ("aol.com", "yahoo"),
        pytest.param("yahoo.co.jp", OTHERS, id="Yahoo in Japan is another company"),
        ("icloud.com", "icloud"),
        ("me.com", "icloud"),
        ("mac.com", "icloud"),
        ("gmx.de", "gmx"),
        ("gmx.net", "gmx"),
        ("web.de", "gmx"),
        ("t-online.de", "t-online"),
        ("wanadoo.fr", "orange"),
        ("plant1.example", OTHERS),
        pytest.param("gmail.com.plant.example", OTHERS, id="a name that only begins like one"),
        pytest.param("mail.gmail.com", OTHERS, id="a name below one"),
    ],
)
def test_a_domain_is_in_the_group_of_its_provider(domain: str, group: str) -> None:
    assert receiver_group(domain) == group


def test_every_domain_is_in_one_group_as_addresses_are_kept() -> None:
    assert len(LARGE_PROVIDERS) == sum(len(domains) for domains in RECEIVER_GROUPS.values())
    assert all(ascii_domain(domain) == domain for domain in LARGE_PROVIDERS)
    assert OTHERS not in RECEIVER_GROUPS
