"""What stands in for parts of a file that are wrong, so that the rest can still be checked.

Nothing of this is ever used: a project with a finding is not loaded.
"""

from __future__ import annotations

from nurture.project.yaml_file import Document, read

_NURTURE = """
company: {name: Nobody, postal_address: Nowhere, website: https://www.example.com}
sender: {name: Nobody, email: nobody@example.com}
public_url: https://www.example.com
time_zone: UTC
default_window: any-time
windows:
  any-time: {days: [mon, tue, wed, thu, fri, sat, sun], from: "00:00", to: "24:00"}
topics: {any: Anything}
transport: {kind: outbox}
"""

_FIELDS = """
lead: {}
"""

_QUALIFICATION = """
version: 1
stages:
  suspect: {name: Suspect, definition: A suspect., owner: nobody}
  lead: {name: Lead, definition: A lead., owner: nobody}
  prospect: {name: Prospect, definition: A prospect., owner: nobody}
  opportunity: {name: Opportunity, definition: An opportunity., owner: nobody}
  customer: {name: Customer, definition: A customer., owner: nobody}
  inactive: {name: Inactive, definition: Not active., owner: nobody}
  disqualified: {name: Disqualified, definition: Out., owner: nobody}
  lost: {name: Lost, definition: Lost., owner: nobody}
  erased: {name: Erased, definition: Erased., owner: nobody}
fit:
  rules: [{id: any, when: "true", points: 100}]
  grades: {A: 70, B: 45, C: 20}
engagement:
  groups: [{id: any, rules: [{id: any, event: message.clicked, points: 10}]}]
  bands: {1: 60, 2: 25}
readiness: {fit: 50, engagement: 50, bands: {ready: 70}}
gates:
  organization: {when: "true"}
  opportunity: {when: "true"}
  stakeholder: {when: "true"}
  nurtured: {touches: 3, span: 7d}
traits:
  pain: {min: 2, rows: [{when: "true", value: 3}]}
  interest: {min: 2, rows: [{when: "true", value: 3}]}
  fit: {min: 2, rows: [{when: "true", value: 3}]}
temperature: [{is: new, when: "true"}]
handoff: {endpoint: any, capacity_per_week: 1}
"""


def stand_in(file: str) -> Document:
    """Return the stand-in for one of the files at the top of a project."""
    texts = {
        "nurture.yaml": _NURTURE,
        "fields.yaml": _FIELDS,
        "qualification.yaml": _QUALIFICATION,
    }
    return read(texts[file], file=file)
