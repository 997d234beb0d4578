"""The people and the mail of the benchmark: the same for the reference and for the engine."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from nurture.core.project import Project, Template
from nurture.project.load import load_folder

PROJECT = Path(__file__).parent / "project"
SEQUENCE = "onboarding"
TEMPLATE = "third-mail"
NOW = datetime(2026, 9, 1, 10, 0, tzinfo=UTC)
"""A Tuesday, noon in Berlin: the window is open."""

INDUSTRIES = ("food", "pharma", "automotive", "packaging")
ROLES = ("plant-manager", "energy-manager", "maintenance-lead")
READING = ("dry-air", "leak-survey", "pressure-band")


class Person(NamedTuple):
    """One lead and its company. The columns of the reference's one wide table."""

    id: int
    email: str
    first_name: str
    role: str
    city: str
    score: int
    joined: str
    renewal: str
    reading: str
    company: str
    industry: str
    employees: int
    token: str


def person(number: int) -> Person:
    """Return the lead with the number."""
    return Person(
        id=number,
        email=f"lead{number}@plant{number % 4999}.example",
        first_name=f"Lead{number % 997}",
        role=ROLES[number % 3],
        city="springfield",
        score=number % 100,
        joined="2026-01-15",
        renewal="2026-12-01",
        reading=",".join(READING),
        company=f"Plant {number % 4999} <Sons & Co>",
        industry=INDUSTRIES[number % 4],
        employees=50 + number % 900,
        token=f"{number:08x}{number * 2654435761 % 2**32:08x}",
    )


def project() -> Project:
    """Return the programme that sends the mail."""
    return load_folder(PROJECT, {})


def template() -> Template:
    """Return the mail as written."""
    return project().templates[TEMPLATE]


def shown(lead: Person) -> dict[str, object]:
    """Return what the mail shows of a lead and its company."""
    return {
        "lead": {
            "first_name": lead.first_name,
            "email": lead.email,
            "role": lead.role,
            "city": lead.city,
            "score": lead.score,
            "joined": lead.joined,
            "renewal": lead.renewal,
            "reading": lead.reading.split(","),
        },
        "account": {"name": lead.company, "industry": lead.industry},
    }
