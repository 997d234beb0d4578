"""What `nurture doctor` looks at: each check with what it found and what to do about it."""

from __future__ import annotations

import stat
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from nurture.cli.checking import checked, number
from nurture.cli.place import Place, opened
from nurture.core.errors import NurtureError

if TYPE_CHECKING:
    from datetime import timedelta

    from nurture.bootstrap import App
    from nurture.core.project import Endpoint, Project
    from nurture.engine.health import Health

MARK_OF_DEMO = b"demo only"
FEWEST_LETTERS = 12
"""Different letters in a secret; random ones have more."""


class State(StrEnum):
    """How grave a finding is."""

    OK = "ok"
    NOTE = "note"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that was looked at."""

    name: str
    state: State
    what: str
    remedy: str = ""


def examine(place: Place) -> Iterator[Check]:
    """Yield every check; one that fails does not keep the next from being made."""
    yield _project(place)
    try:
        with opened(place) as app:
            yield Check(name="database", state=State.OK, what=f"{app.database.url}, up to date")
            yield _secret(app)
            yield from _state(app)
            yield from _in_force(place, app)
    except (NurtureError, OSError) as error:
        yield Check(name="database", state=State.PROBLEM, what=str(error))
    except Exception as error:
        from nurture.store.trouble import explain

        trouble = explain(error)
        if trouble is None:
            raise
        yield Check(name="database", state=State.PROBLEM, what=trouble)


def _state(app: App) -> Iterator[Check]:
    folder = app.settings.state
    if folder.is_dir() and stat.S_IMODE(folder.stat().st_mode) & 0o007:
        yield Check(
            name="state",
            state=State.NOTE,
            what=f"others on this machine can look into {folder}",
            remedy=f"chmod 700 {folder}",
        )


def _project(place: Place) -> Check:
    try:
        found = checked(place.home)
    except NurtureError as error:
        return Check(name="project", state=State.PROBLEM, what=str(error))
    if found.errors:
        said = f"{number(len(found.errors), 'error')} in the files"
        return Check(name="project", state=State.PROBLEM, what=said, remedy="run `nurture check`")
    if found.warnings:
        said = f"{number(len(found.warnings), 'warning')} about the files"
        return Check(name="project", state=State.NOTE, what=said, remedy="run `nurture check`")
    return Check(name="project", state=State.OK, what="the files fit together")


def _secret(app: App) -> Check:
    from nurture.bootstrap import SECRET_VARIABLE

    file = app.settings.state / "secret"
    if len(set(app.settings.secret)) < FEWEST_LETTERS:
        return Check(
            name="secret",
            state=State.PROBLEM,
            what=f"{SECRET_VARIABLE} can be guessed: it has few different letters",
            remedy="take 32 random bytes; put the old one into NURTURE_OLD_SECRETS",
        )
    if SECRET_VARIABLE in app.settings.env:
        return Check(name="secret", state=State.OK, what=f"given by {SECRET_VARIABLE}")
    if stat.S_IMODE(file.stat().st_mode) & 0o077:
        return Check(
            name="secret",
            state=State.PROBLEM,
            what=f"{file} can be read by others",
            remedy=f"chmod 600 {file}",
        )
    return Check(
        name="secret",
        state=State.NOTE,
        what=f"kept in {file}; without it no link in a mail works any more",
        remedy=f"back it up, or give it by {SECRET_VARIABLE}",
    )


def _in_force(place: Place, app: App) -> Iterator[Check]:
    from nurture.cli.sender_checks import sender_checks
    from nurture.engine.apply import project_in_force, unreadable, why_unreadable
    from nurture.engine.health import look
    from nurture.store.outage import Outage

    try:
        project = project_in_force(app.runtime)
    except Outage:
        raise
    except Exception as error:  # noqa: BLE001 (whatever is wrong with it)
        yield Check(
            name="release",
            state=State.PROBLEM,
            what=f"the release in force cannot be read here: {why_unreadable(error)}",
            remedy="is a variable of the environment missing? Else apply again. Until then people"
            " can unsubscribe, and everything else waits",
        )
        return
    if project is None:
        yield Check(
            name="release", state=State.PROBLEM, what="nothing is in force", remedy="nurture apply"
        )
        return
    yield _release(place, project)
    for lost in unreadable(app.runtime):
        yield Check(
            name="release",
            state=State.PROBLEM,
            what=f"release {lost.release_id} cannot be read any more, and {lost.enrollments}"
            f" enrollments and {lost.mails} mails hang on it: {lost.why}",
            remedy="give it back what it lacks; those who are in it stand still",
        )
    yield from _transport(project)
    yield from sender_checks(project, app)
    yield from _batches(project, app)
    for endpoint in project.endpoints.values():
        yield from _endpoint(endpoint)
    yield from _work(look(app.runtime, now=app.now()), app)


def _release(place: Place, project: Project) -> Check:
    try:
        found = checked(place.home).project
    except NurtureError:
        found = None
    if found is not None and found.content_hash != project.content_hash:
        return Check(
            name="release",
            state=State.NOTE,
            what="the files are not what is in force",
            remedy="see what changes with `nurture apply --dry-run`",
        )
    return Check(name="release", state=State.OK, what=f"in force: {project.content_hash[:12]}")


# -- ways out ------------------------------------------------------------------------------------


def is_local(host: str | None) -> bool:
    """Say whether the host is this machine."""
    try:
        return ip_address(host or "").is_loopback
    except ValueError:
        return host == "localhost"


def _transport(project: Project) -> Iterator[Check]:
    transport, url = project.workspace.transport, urlsplit(project.workspace.public_url)
    if transport.kind == "outbox":
        yield Check(
            name="transport",
            state=State.NOTE,
            what="mail is written to a folder; nothing is sent to anybody",
            remedy="name a transport in nurture.yaml when you want to send",
        )
        return
    yield Check(name="transport", state=State.OK, what=transport.kind)
    if is_local(url.hostname) or url.scheme != "https":
        yield Check(
            name="public_url",
            state=State.PROBLEM,
            what=f"mail is sent, and its links lead to {url.scheme}://{url.netloc}",
            remedy="serve the pages by https and set public_url in nurture.yaml",
        )
    options = transport.options
    if transport.kind == "sendgrid" and not options.get("webhook_keys"):
        yield Check(
            name="transport",
            state=State.PROBLEM,
            what="no webhook_keys: what SendGrid reports (bounces, complaints) is refused",
            remedy="turn on the signed event webhook and put its public key into nurture.yaml",
        )
    if options.get("sandbox"):
        yield Check(name="transport", state=State.NOTE, what="sandbox: SendGrid sends nothing")
    if options.get("tls") == "none" and not is_local(str(options.get("host", ""))):
        yield Check(
            name="transport",
            state=State.PROBLEM,
            what="mail and password go to the server unprotected (tls: none)",
            remedy="tls: starttls",
        )


def _batches(project: Project, app: App) -> Iterator[Check]:
    from nurture.bootstrap.batch_trial import proof, wants_batches

    if not wants_batches(project.workspace):
        return
    with app.database.read() as connection:
        found = proof(connection, project.workspace)
    if found is None or not found.proven_at:
        yield Check(
            name="batches",
            state=State.PROBLEM,
            what=f"not proved with {project.workspace.sender_email}; mail goes one by one",
            remedy="nurture doctor --batch ADDRESS --batch ADDRESS, with two of your own",
        )
        return
    what = f"proved with {found.sender} on {found.proven_at[:10]}; mail goes in batches"
    yield Check(name="batches", state=State.OK, what=what)


def _endpoint(endpoint: Endpoint) -> Iterator[Check]:
    url = urlsplit(endpoint.url)
    if is_local(url.hostname):
        yield Check(
            name=f"handoff {endpoint.name}",
            state=State.NOTE,
            what=f"leads are handed to this machine ({url.netloc})",
            remedy="set the address of your CRM",
        )
        return
    if url.scheme != "https":
        yield Check(
            name=f"handoff {endpoint.name}",
            state=State.PROBLEM,
            what="dossiers leave this machine unprotected (http)",
            remedy="use https",
        )
    if any(_is_demo(secret) for secret in (endpoint.secret, endpoint.feedback_secret)):
        yield Check(
            name=f"handoff {endpoint.name}",
            state=State.PROBLEM,
            what="it uses a secret of the demo, which everybody knows",
            remedy="make secrets of your own; handoffs/*.yaml says how",
        )


def _is_demo(secret: str) -> bool:
    try:
        return MARK_OF_DEMO in b64decode(secret.removeprefix("whsec_"))
    except ValueError:
        return False


# -- work ----------------------------------------------------------------------------------------


def _work(health: Health, app: App) -> Iterator[Check]:
    from nurture.engine.sending import TRY_AGAIN, odd_answers, rows_of_refusals, say_failed
    from nurture.store import failures, switches

    with app.database.read() as connection:
        halted = switches.all_halted(connection, now=health.at)
        odd = (*rows_of_refusals(connection), *odd_answers(connection, now=health.at))
        failed = failures.lately(connection, now=health.at)
    if failed.mails:
        said, problem = say_failed(failed), State.PROBLEM
        yield Check(name="sending", state=problem, what=said, remedy=TRY_AGAIN)
    for said in odd:
        yield Check(name="sending", state=State.PROBLEM, what=said)
    for name, reason, _ in halted:
        yield Check(
            name="sending",
            state=State.PROBLEM,
            what=f"{name} is off: {reason}",
            remedy="nurture sending resume",
        )
    if not halted:
        yield Check(name="sending", state=State.OK, what="mail may leave")
    for line in health.lines:
        yield Check(
            name=f"queue {line.name}",
            state=State.PROBLEM if line.is_behind else State.OK,
            what=f"{line.title}: {line.due}" + _since(line.oldest_for),
            remedy="is anything running the ticks? See `nurture up`." if line.is_behind else "",
        )
    for need in health.needs:
        urgent = need.name in _URGENT
        yield Check(
            name="people",
            state=State.PROBLEM if urgent else State.NOTE,
            what=f"{need.title}: {need.count}",
            remedy=need.remedy,
        )


_URGENT = frozenset(
    {
        "mails_parked",
        "mails_unrendered",
        "handoffs_dead",
        "enrollments_set_aside",
        "posts_set_aside",
    }
)
"""What something of ours has failed at; the rest is people's daily work."""


def _since(oldest_for: timedelta | None) -> str:
    from nurture.engine.moments import say_seconds

    if oldest_for is None:
        return ""
    seconds = int(oldest_for.total_seconds())
    return f", the oldest for {say_seconds(seconds)}" if seconds else ", due just now"
