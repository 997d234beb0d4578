from __future__ import annotations

import pytest

from nurture.core.host import is_host


@pytest.mark.parametrize(
    "name",
    [
        "localhost",
        "smtp.example.com",
        "smtp.example.com.",
        "10.0.0.1",
        "::1",
        "mail_1.lan",
        "a-b.c",
    ],
)
def test_a_machine_can_be_called(name: str) -> None:
    assert is_host(name)


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "mail..example",
        "-mail.example",
        "mail-.example",
        "mail example",
        "mail.example:25",
        "https://mail.example",
        "bücher.example",
        "10.0.0.300",
        "1.2.3",
        f"{'a' * 64}.example",
        ".".join(["a" * 60] * 5),
        "mail.example\n",
    ],
)
def test_no_machine_can_be_called(name: str) -> None:
    assert not is_host(name)
