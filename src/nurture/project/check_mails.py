"""Rules about mails and the forms they lead to."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from jinja2 import nodes

from nurture.core.message import OnUncertain
from nurture.core.project import Project
from nurture.core.sequence import EmailStep, FormStep
from nurture.project.bodies import Bodies, NamePath
from nurture.project.codes import Code
from nurture.project.inspection import Inspection, Place, Told, sequence_file
from nurture.project.layout import EMAILS, mail_file
from nurture.project.names import BUILT_IN
from nurture.project.nearest import did_you_mean
from nurture.project.template_file import source_line
from nurture.project.variants import variants

Lint = Callable[[str, str, frozenset[NamePath]], Sequence[tuple[int, str, str]]]
"""Names what is wrong in a template: (source, name, allowed names) to line, message, remedy."""

FORM_URL = ("form_url",)
PERSONA = ("persona",)
UNSUBSCRIBE = ("unsubscribe_url",)
ADDRESS = ("company", "postal_address")

_ALWAYS_ALLOWED = frozenset(
    {
        ("company", "name"),
        ("company", "legal_name"),
        ADDRESS,
        ("company", "website"),
        ("sender", "name"),
        ("sender", "email"),
        UNSUBSCRIBE,
        ("preferences_url",),
        ("view_url",),
        FORM_URL,
        PERSONA,
        *((ref.owner, ref.name) for ref in BUILT_IN if ref.owner == "lead"),
    }
)


def allowed_names(project: Project) -> frozenset[NamePath]:
    """Return every name that a mail of the project may read."""
    fields = {(field.owner, field.name) for field in project.fields.values()}
    return _ALWAYS_ALLOWED | fields


def check_mails(inspection: Inspection, lint_template: Lint | None) -> None:
    """Look at every mail and partial, and at how steps use them."""
    mails = _Mails(inspection)
    if lint_template is not None and inspection.whole("fields.yaml"):
        mails.lint(lint_template)
    else:
        mails.syntax()
    mails.partials()
    mails.required()
    mails.used()
    mails.form_links()
    mails.variants()
    if inspection.whole("nurture.yaml"):
        mails.topics()
        mails.resends()


class _Mails:
    def __init__(self, inspection: Inspection) -> None:
        self.inspection = inspection
        self.project = inspection.project
        self.sources = dict(self.project.partials)
        for name, template in self.project.templates.items():
            self.sources[f"{name}.html"] = template.html
            if template.text:
                self.sources[f"{name}.txt"] = template.text
        self.bodies = Bodies(self.sources)

    def resends(self) -> None:
        """Warn of mail that may be sent again on evidence, where there will never be any."""
        transport = self.project.workspace.transport
        if transport.kind == "sendgrid" and transport.options.get("webhook_keys"):
            return
        for name, template in self.project.templates.items():
            if template.on_uncertain is OnUncertain.RESEND:
                message = "nothing here reports what becomes of mail, so it is never sent again"
                remedy = "leave on_uncertain out, or send by SendGrid with webhook_keys"
                told = (Code.RESEND_WITHOUT_REPORTS, message, remedy)
                self.inspection.warn(self._mail(name), ("on_uncertain",), told)

    def lint(self, lint_template: Lint) -> None:
        """Ask the renderer what it will not render."""
        allowed = allowed_names(self.project)
        for body, source in self.sources.items():
            for line, message, remedy in lint_template(source, f"{EMAILS}/{body}", allowed):
                told = (Code.TEMPLATE_FLAW, message, remedy)
                self.inspection.error_at(self._file(body), self._line(body, line), told)
        for name, template in self.project.templates.items():
            file = self._mail(name)
            # A subject is plain text, which the suffix says; a preheader becomes part of the HTML.
            heads = (("subject", ".txt", template.subject), ("preheader", "", template.preheader))
            for key, suffix, source in heads:
                flaws = lint_template(source, f"{EMAILS}/{name}.{key}{suffix}", allowed)
                for _, message, remedy in flaws:
                    told = (Code.TEMPLATE_FLAW, f"{key}: {message}", remedy)
                    self.inspection.error(file, (key,), told)

    def syntax(self) -> None:
        """Report at least what is not Jinja2."""
        for body, (line, problem) in self.bodies.unreadable.items():
            told = (Code.TEMPLATE_FLAW, problem.rstrip("."), "correct the syntax")
            self.inspection.error_at(self._file(body), self._line(body, line), told)

    def partials(self) -> None:
        """Look up everything that mails include."""
        for body in self.sources:
            for line, missing in self.bodies.missing(body):
                place = self._file(body)
                told = (Code.UNKNOWN_PARTIAL, f'there is no partial "{missing}"', _write(missing))
                self.inspection.error_at(place, self._line(body, line), told)
            for line, included in self.bodies.circles(body):
                message = f'"{included}" and "{body}" include one another'
                told = (Code.UNKNOWN_PARTIAL, message, "take one of the includes out")
                self.inspection.error_at(self._file(body), self._line(body, line), told)

    def required(self) -> None:
        """Expect in every mail, HTML and text, how to stop it and where we live."""
        for body in self.sources:
            if body.startswith("_") or not self.bodies.can_tell(body):
                continue
            shown = self.bodies.shown(body)
            place = self._file(body), self._line(body, 1)
            footer = 'usually by {% include "_footer.html" %}; what stands in an if does not count'
            if UNSUBSCRIBE not in shown:
                message = "this mail has no link to unsubscribe"
                remedy = f"add {{{{ unsubscribe_url }}}}, {footer}"
                self.inspection.error_at(*place, (Code.NO_UNSUBSCRIBE, message, remedy))
            if ADDRESS not in shown:
                message = "this mail does not show our postal address"
                remedy = f"add {{{{ company.postal_address }}}}, {footer}"
                self.inspection.error_at(*place, (Code.NO_ADDRESS, message, remedy))

    def used(self) -> None:
        """Warn of mails that no step sends: perhaps somebody forgot them."""
        if any(not self.inspection.whole(f"sequences/{n}.yaml") for n in self._sequence_names()):
            return
        sent = {step.template for _, step in self._mail_steps()}
        for name in sorted(set(self.project.templates) - sent):
            told = (Code.UNUSED_TEMPLATE, "no sequence sends this mail", "use or remove it")
            self.inspection.warn(self._mail(name), (), told)

    def form_links(self) -> None:
        """Expect a link to the form in the mails of form steps, and in no others."""
        for (file, path), step in self._mail_steps():
            body = f"{step.template}.html"
            if not self.bodies.can_tell(body):
                continue
            linked = FORM_URL in self.bodies.read(body)
            if isinstance(step, FormStep) and not linked:
                message = f'the mail "{step.template}" does not lead to the form'
                remedy = "link {{ form_url }} in it"
                self.inspection.error(file, path, (Code.FORM_URL_MISSING, message, remedy))
            elif isinstance(step, EmailStep) and linked:
                message = f'the mail "{step.template}" links a form, and this step has none'
                remedy = 'write "form: NAME" beside email, or take form_url out of the mail'
                self.inspection.error(file, path, (Code.FORM_URL_UNBACKED, message, remedy))

    def variants(self) -> None:
        """Look up the personas that mails name, and warn of those that a branch leaves out."""
        for body in self.sources:
            file = self._file(body)
            for line, is_error, told in self._variants(self.bodies.tree(body)):
                note = self.inspection.error_at if is_error else self.inspection.warn_at
                note(file, self._line(body, line), told)
        for name, template in self.project.templates.items():
            file = self._mail(name)
            heads = Bodies({"subject": template.subject, "preheader": template.preheader})
            for key in ("subject", "preheader"):
                for _, is_error, told in self._variants(heads.tree(key)):
                    note = self.inspection.error_at if is_error else self.inspection.warn_at
                    note(file, self.inspection.line(file, (key,)), told)

    def _variants(self, tree: nodes.Template | None) -> Iterator[tuple[int, bool, Told]]:
        """Yield line, whether it is an error, and what is wrong."""
        if tree is None:
            return
        known, found = self.inspection.names("persona"), variants(tree)
        for line, key in found.compared:
            if key not in known:
                message = f'unknown persona "{key}"'
                yield line, True, (Code.UNKNOWN_PERSONA, message, did_you_mean(key, known))
        missing = sorted(known - {key for _, key in found.compared})
        if found.open_from is not None and missing and not found.all_named:
            who = ", ".join(f'"{name}"' for name in missing)
            message = f"this text has variants by persona and none for {who}"
            remedy = "add a variant, or an else for the others"
            yield found.open_from, False, (Code.PERSONA_WITHOUT_VARIANT, message, remedy)

    def topics(self) -> None:
        """Look up the topics that mails and forms name."""
        topics = self.project.workspace.topics
        for name, template in self.project.templates.items():
            if template.topic:
                place: Place = (self._mail(name), ("topic",))
                told = (Code.UNKNOWN_TOPIC, f'unknown topic "{template.topic}"')
                self.inspection.known(template.topic, topics, place, told)
        for name, form in self.project.forms.items():
            for index, topic in enumerate(form.consent_topics):
                place = (f"forms/{name}.yaml", ("consent", "topics", index))
                told = (Code.UNKNOWN_TOPIC, f'unknown topic "{topic}"')
                self.inspection.known(topic, topics, place, told)

    def _sequence_names(self) -> frozenset[str]:
        return self.inspection.names("sequence")

    def _mail_steps(self) -> Iterator[tuple[Place, EmailStep | FormStep]]:
        for sequence in self.project.sequences.values():
            paths = self.inspection.step_paths(sequence)
            for step in sequence.steps:
                if isinstance(step, EmailStep | FormStep):
                    place = (sequence_file(sequence), (*paths[step.id], "email"))
                    yield from ((place, replace(step, template=name)) for name in step.templates)

    def _line(self, body: str, line: int) -> int:
        """Return the line in the file of a line of a body."""
        if body.startswith("_") or body.endswith(".txt"):
            return line
        return source_line(self.project.files, body.removesuffix(".html"), line)

    def _file(self, body: str) -> str:
        """Return the file that a body is written in."""
        is_mail = body.endswith(".html") and not body.startswith("_")
        return self._mail(body.removesuffix(".html")) if is_mail else f"{EMAILS}/{body}"

    def _mail(self, name: str) -> str:
        return mail_file(self.project.files, name)


def _write(missing: str) -> str:
    return f"write {EMAILS}/{missing}, or correct the name"
