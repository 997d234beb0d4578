"""Import: what can be used comes in, the rest is explained, and nothing is undone by a repeat."""

from __future__ import annotations

import pytest

from nurture.core.errors import RefusedInput
from nurture.core.event import EventKind
from nurture.engine.importing import import_csv, reject_file
from nurture.store import enrollments, leads, profiles
from tests.engine.programme import HEADER, ROOT, Programme, row


def test_the_shipped_list_comes_in_and_twice_changes_nothing(programme: Programme) -> None:
    content = (ROOT / "data" / "leads.csv").read_bytes()
    first = import_csv(programme.runtime, programme.project, content, now=programme.now)
    again = import_csv(programme.runtime, programme.project, content, now=programme.now)
    assert (first.rows, first.created, first.merged, len(first.rejected)) == (300, 283, 9, 8)
    assert (again.created, again.merged, again.unchanged) == (0, 0, 292)


def test_a_row_becomes_a_lead_with_facts_consent_and_its_download(lite: Programme) -> None:
    lite.bring(row("Ada@Berg-Foods.example", employees='"1,200"'))
    lead_id = lite.lead("ada@berg-foods.example")
    with lite.database.read() as connection:
        lead = leads.read(connection, [lead_id])[lead_id]
        consents = profiles.consents_of(connection, lead_id)
    assert lead.email == "Ada@berg-foods.example"
    assert lead.account["employees"] == 1200
    assert lead.profile["first_name"] == "Ada"
    assert lead.topics == {"guides", "product-news"}
    assert consents[0]["wording"] == "Yes, write to me."
    lite.tick()
    assert lite.templates_sent() == ["guide-delivery"]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        pytest.param(row("no-at-sign.example"), "not an address", id="no @"),
        pytest.param(row("a@b@c.example"), "cannot be mailed", id="two @"),
        pytest.param(row("a@localhost"), "not a valid name", id="no domain"),
        pytest.param(row("", last_name="", downloaded=""), "neither phone nor name", id="nobody"),
        pytest.param(row("a@b.example") + ",surplus", "more cells", id="a surplus cell"),
        pytest.param(
            row("a@b.example", captured_at="2027-01-01T00:00:00Z"), "future", id="from the future"
        ),
        pytest.param(
            row("a@b.example", captured_at="0001-01-01T00:00:00+14:00"), "1970", id="long ago"
        ),
        pytest.param(row("a@b.example", captured_at="soon"), "not a time", id="no time"),
    ],
)
def test_a_row_that_cannot_be_used_is_rejected_with_line_and_reason(
    lite: Programme, line: str, reason: str
) -> None:
    result = lite.bring(row("good@berg-foods.example"), line)
    assert result.created == 1
    (rejected,) = result.rejected
    assert rejected.line == 3
    assert reason in rejected.reason
    assert f"3,{rejected.reason}" in reject_file(result).replace('"', "")


def test_a_line_feed_inside_quotes_does_not_shift_the_lines(lite: Programme) -> None:
    noted = row("a@berg-foods.example", notes='"two\nlines"')
    result = lite.bring(noted, row("broken"))
    assert [item.line for item in result.rejected] == [4]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        pytest.param(b"", "empty", id="empty"),
        pytest.param(b"name\nx\n", "no column 'email'", id="no address column"),
        pytest.param(b"email,email\n", "twice", id="a column twice"),
        pytest.param(b"email\n\xff\xfe\n", "line 2: the file is not UTF-8", id="not UTF-8"),
        pytest.param(b"email;name\na;b\n", "separated by commas", id="semicolons"),
        pytest.param(
            b'email\na@b.example\n"open\n\n', "line 3: a quote that opens here", id="an open quote"
        ),
    ],
)
def test_a_file_that_cannot_be_read_says_why(lite: Programme, content: bytes, reason: str) -> None:
    with pytest.raises(RefusedInput, match=reason):
        import_csv(lite.runtime, lite.project, content, now=lite.now)


def test_a_cell_that_cannot_be_used_costs_only_the_cell(lite: Programme) -> None:
    result = lite.bring(
        row("a@berg-foods.example", employees="a few", time_zone="Europe/Nowhere", country="Mars")
    )
    assert result.created == 1
    assert [remark.line for remark in result.remarks] == [2, 2, 2]


def test_without_a_basis_a_lead_comes_in_and_is_not_mailed(lite: Programme) -> None:
    result = lite.bring(row("a@berg-foods.example", consent=",,,,"))
    assert result.without_consent == 1
    lite.wait(days=3)
    assert lite.post.sent == []
    with lite.database.read() as connection:
        ((_, reason),) = enrollments.of_lead(connection, lite.lead("a@berg-foods.example"))
    assert reason == "no consent for guides"


def test_an_opt_out_survives_every_import(programme: Programme) -> None:
    programme.bring(row("ada@berg-foods.example"))
    lead_id = programme.lead("ada@berg-foods.example")
    programme.tick()
    programme.happens(lead_id, EventKind.MESSAGE_UNSUBSCRIBED, "guide-delivery")
    programme.bring(row("ADA@berg-foods.example", notes="a newer list"), name="newer.csv")
    programme.wait(days=9)
    assert programme.templates_sent() == ["guide-delivery"]
    assert programme.standing(lead_id)["suppressed"] == "unsubscribed"


def test_an_erased_address_is_not_created_again(programme: Programme) -> None:
    programme.bring(row("ada@berg-foods.example"))
    lead_id = programme.lead("ada@berg-foods.example")
    programme.happens(lead_id, EventKind.ERASURE_REQUESTED)
    programme.tick()
    result = programme.bring(row("ada@berg-foods.example", notes="again"), name="again.csv")
    assert (result.created, [item.reason for item in result.rejected]) == (
        0,
        ["asked to be forgotten"],
    )


def test_a_dry_run_reads_everything_and_stores_nothing(lite: Programme) -> None:
    content = f"{HEADER}\n{row('a@berg-foods.example')}\n{row('broken')}\n".encode()
    result = import_csv(lite.runtime, lite.project, content, now=lite.now, dry_run=True)
    assert (result.rows, len(result.rejected)) == (2, 1)
    with lite.database.read() as connection:
        assert leads.ids_by_match_key(connection, ["a@berg-foods.example"]) == {}


def test_a_dry_run_counts_what_the_import_would_do(lite: Programme) -> None:
    lite.bring(row("ada@berg-foods.example"), row("bo@berg-foods.example"))
    lite.happens(lite.lead("ada@berg-foods.example"), EventKind.ERASURE_REQUESTED)
    lite.happens(lite.lead("bo@berg-foods.example"), EventKind.MESSAGE_UNSUBSCRIBED)
    lite.tick()
    lines = [
        row(f"{name}@berg-foods.example", notes="a newer list") for name in ("ada", "bo", "cy")
    ]
    content = "\n".join([HEADER, *lines, row("cy@berg-foods.example")]).encode()
    counted = import_csv(lite.runtime, lite.project, content, now=lite.now, dry_run=True)
    assert import_csv(lite.runtime, lite.project, content, now=lite.now) == counted
    assert (counted.created, counted.suppressed, len(counted.rejected)) == (1, 1, 1)


def test_rejected_rows_can_be_corrected_in_the_reject_file(lite: Programme) -> None:
    again = reject_file(lite.bring(row("bad@@berg-foods.example", last_name="-Ada")))
    assert "'-Ada" in again
    content = again.replace("@@", "@").encode()
    import_csv(lite.runtime, lite.project, content, now=lite.now, name="leads.rejects.csv")
    with lite.database.read() as connection:
        lead_id = lite.lead("bad@berg-foods.example")
        assert leads.read(connection, [lead_id])[lead_id].profile["last_name"] == "-Ada"


def test_an_uncorrected_reject_file_is_rejected_for_the_same_reasons(lite: Programme) -> None:
    first = lite.bring(row("a@b.example") + ",surplus,=more", row("bad@@berg-foods.example"))
    again = import_csv(lite.runtime, lite.project, reject_file(first).encode(), now=lite.now)
    assert again.created == 0
    assert reject_file(again) == reject_file(first)


def test_a_reject_file_runs_no_formula(lite: Programme) -> None:
    result = lite.bring(row("broken", company='"=HYPERLINK(""https://phish.example"")"'))
    assert "'=HYPERLINK" in reject_file(result)


def test_colleagues_share_an_account_and_free_mail_makes_none(lite: Programme) -> None:
    lite.bring(
        row("ada@berg-foods.example"),
        row("bo@berg-foods.example", company=""),
        row("cy@freemail.example", company=""),
        row("di@webpost.example", company="Berg Foods AG"),
    )
    account = {
        name: lite.standing(lite.lead(f"{name}"))["account_id"]
        for name in (
            "ada@berg-foods.example",
            "bo@berg-foods.example",
            "cy@freemail.example",
            "di@webpost.example",
        )
    }
    assert account["ada@berg-foods.example"] == account["bo@berg-foods.example"]
    assert len(set(account.values())) == 3
