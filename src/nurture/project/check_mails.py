"""Rules about mails and the forms they lead to."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from nurture.core.sequence import EmailStep, FormStep
from nurture.project.bodies import Bodies, NamePath
from nurture.project.codes import Code
from nurture.project.inspection import Inspection, Place, sequence_file
from nurture.project.layout import EMAILS
from nurture.project.names import BUILT_IN
from nurture.project.template_file import split

Lint = Callable[[str, str, frozenset[NamePath]], Sequence[tuple[int, str, str]]]
"""Names what is wrong in a template: (source, name, allowed names) to line, message, remedy."""

FORM_URL = ("form_url",)
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
        *((ref.owner, ref.name) for ref in BUILT_IN if ref.owner == "lead"),
    }
)


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
    if inspection.whole("nurture.yaml"):
        mails.topics()


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

    def lint(self, lint_template: Lint) -> None:
        """Ask the renderer what it will not render."""
        fields = {(field.owner, field.name) for field in self.project.fields.values()}
        allowed = _ALWAYS_ALLOWED | fields
        for body, source in self.sources.items():
            for line, message, remedy in lint_template(source, f"{EMAILS}/{body}", allowed):
                told = (Code.TEMPLATE_FLAW, message, remedy)
                self.inspection.error_at(f"{EMAILS}/{body}", self._line(body, line), told)
        for name, template in self.project.templates.items():
            file = f"{EMAILS}/{name}.html"
            for key, source in (("subject", template.subject), ("preheader", template.preheader)):
                # Plain text, not HTML: the suffix says so.
                flaws = lint_template(source, f"{EMAILS}/{name}.{key}.txt", allowed)
                for _, message, remedy in flaws:
                    told = (Code.TEMPLATE_FLAW, f"{key}: {message}", remedy)
                    self.inspection.error(file, (key,), told)

    def syntax(self) -> None:
        """Report at least what is not Jinja2."""
        for body, (line, problem) in self.bodies.unreadable.items():
            told = (Code.TEMPLATE_FLAW, problem, "correct the syntax")
            self.inspection.error_at(f"{EMAILS}/{body}", self._line(body, line), told)

    def partials(self) -> None:
        """Look up everything that mails include."""
        for body in self.sources:
            for line, missing in self.bodies.missing(body):
                place = f"{EMAILS}/{body}"
                told = (Code.UNKNOWN_PARTIAL, f'there is no partial "{missing}"', _write(missing))
                self.inspection.error_at(place, self._line(body, line), told)
            for line, included in self.bodies.circles(body):
                message = f'"{included}" and "{body}" include one another'
                told = (Code.UNKNOWN_PARTIAL, message, "take one of the includes out")
                self.inspection.error_at(f"{EMAILS}/{body}", self._line(body, line), told)

    def required(self) -> None:
        """Expect in every mail, HTML and text, how to stop it and where we live."""
        for body in self.sources:
            if body.startswith("_") or not self.bodies.can_tell(body):
                continue
            shown = self.bodies.shown(body)
            place = f"{EMAILS}/{body}", self._line(body, 1)
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
            self.inspection.warn(f"{EMAILS}/{name}.html", (), told)

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

    def topics(self) -> None:
        """Look up the topics that mails and forms name."""
        topics = self.project.workspace.topics
        for name, template in self.project.templates.items():
            if template.topic:
                place: Place = (f"{EMAILS}/{name}.html", ("topic",))
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
                    yield (sequence_file(sequence), (*paths[step.id], "email")), step

    def _line(self, body: str, line: int) -> int:
        """Return the line in the file of a line of a body."""
        if body.startswith("_") or body.endswith(".txt"):
            return line
        parts = split(self.project.files[f"{EMAILS}/{body}"])
        assert parts is not None, "a template was made of it"
        return parts.body_line + line - 1


def _write(missing: str) -> str:
    return f"write {EMAILS}/{missing}, or correct the name"
