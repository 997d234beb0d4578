"""What a release that cannot be loaded still tells, value by value."""

from __future__ import annotations

import pytest

from nurture.core.essentials import Essentials, essentials_of
from nurture.project.essentials import read_essentials
from nurture.project.load import load_files
from tests.engine.programme import starter

ENV = {"SENDGRID_API_KEY": "SG.key", "REPLIES": "p" * 24}
TRANSPORT = (
    'transport: {kind: sendgrid, api_key: "${SENDGRID_API_KEY}", webhook_keys: ["KEY"],'
    " webhook_max_age: 2h}\n"
    'replies: {secrets: ["${REPLIES}"]}'
)
PLAIN = starter().files["nurture.yaml"].replace("transport: {kind: outbox}", TRANSPORT)


def read(text: str, env: dict[str, str] = ENV) -> Essentials:
    return read_essentials({"nurture.yaml": text}, env)


def test_of_a_release_that_can_be_loaded_it_is_the_same() -> None:
    loaded = essentials_of(load_files({**starter().files, "nurture.yaml": PLAIN}, ENV).workspace)
    found = read(PLAIN)
    assert loaded.company["legal_name"]
    assert found == loaded


@pytest.mark.parametrize(
    ("old", "new", "name", "value"),
    [
        pytest.param(
            "time_zone: Europe/Berlin", "time_zone: Mars/Base", "time_zone", "UTC",
            id="a zone that is none any more",
        ),
        pytest.param("2h", "soon", "webhook_max_age_seconds", None, id="a duration that is none"),
        pytest.param('["KEY"]', "KEY", "webhook_keys", (), id="a text where a list belongs"),
        pytest.param("${REPLIES}", "${GONE}", "reply_secrets", (), id="a variable that is gone"),
        pytest.param("topics:", "themes:", "topics", {}, id="a key of another version"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_left_out_and_the_rest_holds(
    old: str, new: str, name: str, value: object
) -> None:
    assert old in PLAIN
    found = read(PLAIN.replace(old, new))
    assert getattr(found, name) == value
    assert found.company["name"] == "Havelock Air"


@pytest.mark.parametrize("files", [{}, {"nurture.yaml": "{"}, {"nurture.yaml": "- a list"}])
def test_of_what_is_no_file_nothing_is_told(files: dict[str, str]) -> None:
    found = read_essentials(files, ENV)
    assert (found.company["name"], dict(found.topics), found.time_zone) == ("", {}, "UTC")
