"""Which organization a person belongs to: by mail domain, else by name, else unknown."""

from __future__ import annotations

import re
import unicodedata

from nurture.core.project import Project

_LEGAL_FORMS = re.compile(
    r"\b(gmbh|mbh|ag|kg|co|ltd|limited|inc|llc|plc|bv|nv|sa|sarl|srl|oy|ab|as|aps|spzoo|kgaa|se)\b"
)


def account_of(email: str, company: str, uid: str, project: Project) -> tuple[str, str]:
    """Return the account's key and name. Free-mail domains say nothing about an employer."""
    domain = email.rpartition("@")[2]
    if domain and domain not in project.workspace.free_mail_domains:
        return f"domain:{domain}", company
    if company:
        return f"name:{name_key(company)}", company
    return f"lead:{uid}", ""


def name_key(name: str) -> str:
    """Return the name without case, accents, punctuation and legal form."""
    flat = unicodedata.normalize("NFKD", name).casefold().replace(".", "")
    letters = "".join(c if c.isalnum() else " " for c in flat if not unicodedata.combining(c))
    return " ".join(_LEGAL_FORMS.sub(" ", letters).split()) or name.casefold()
