"""Pretend people: who they are and what they do with a mail, from a seed and nothing else.

The same seed, address and mail give the same reaction, whatever else happens and in whatever
order: every choice has a generator of its own, named by what it is about.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from random import Random


class Temperament(StrEnum):
    """How somebody treats mail from a company."""

    EAGER = "eager"
    CURIOUS = "curious"
    SLOW = "slow"
    SILENT = "silent"
    LEAVER = "leaver"
    FORGETTER = "forgetter"
    GONE = "gone"


_SHARES: Sequence[tuple[Temperament, int]] = (
    (Temperament.EAGER, 15),
    (Temperament.CURIOUS, 28),
    (Temperament.SLOW, 18),
    (Temperament.SILENT, 27),
    (Temperament.LEAVER, 6),
    (Temperament.FORGETTER, 3),
    (Temperament.GONE, 3),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Habits:
    """Chances in percent, and how long somebody takes (hours, at most)."""

    opens: int
    clicks: int
    answers: int
    replies: int
    slowest_hours: int
    leaves: int = 0
    forgets: int = 0


HABITS: Mapping[Temperament, Habits] = {
    Temperament.EAGER: Habits(opens=90, clicks=60, answers=65, replies=6, slowest_hours=20),
    Temperament.CURIOUS: Habits(opens=75, clicks=35, answers=38, replies=3, slowest_hours=60),
    Temperament.SLOW: Habits(opens=50, clicks=20, answers=30, replies=1, slowest_hours=110),
    Temperament.SILENT: Habits(opens=10, clicks=0, answers=0, replies=0, slowest_hours=100),
    Temperament.LEAVER: Habits(
        opens=70, clicks=10, answers=10, replies=0, slowest_hours=40, leaves=35
    ),
    Temperament.FORGETTER: Habits(
        opens=70, clicks=15, answers=25, replies=0, slowest_hours=40, forgets=40
    ),
    Temperament.GONE: Habits(opens=0, clicks=0, answers=0, replies=0, slowest_hours=1),
}


class Deed(StrEnum):
    """What somebody (or somebody's mail scanner) does with a mail."""

    OPEN = "open"
    SCAN = "scan"
    CLICK = "click"
    ANSWER = "answer"
    REPLY = "reply"
    OUT_OF_OFFICE = "out of office"
    UNSUBSCRIBE = "unsubscribe"
    FORGET = "forget"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reaction:
    """A deed and how long after delivery it happens."""

    deed: Deed
    after: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A pretend person behind an address."""

    seed: int
    email: str

    def chance(self, *about: str) -> Random:
        """Return the generator for one question about this person."""
        return Random(f"{self.seed}/{self.email}/{'/'.join(about)}")

    @property
    def temperament(self) -> Temperament:
        """How this person treats mail."""
        kinds = [kind for kind, _ in _SHARES]
        weights = [weight for _, weight in _SHARES]
        return self.chance("temperament").choices(kinds, weights)[0]

    @property
    def has_scanner(self) -> bool:
        """Whether a machine follows the links of this person's mail at once."""
        return self.chance("scanner").random() < 0.2  # noqa: PLR2004 (one mailbox in five)

    @property
    def is_reachable(self) -> bool:
        """Whether mail arrives at all."""
        return self.temperament is not Temperament.GONE

    def react(self, mail: str, *, asks: bool) -> list[Reaction]:
        """Return what happens to the mail named `mail`; `asks` if it holds a form's link."""
        habits, roll = HABITS[self.temperament], self.chance("mail", mail)
        found: list[Reaction] = []
        if self.has_scanner:
            found.append(Reaction(deed=Deed.SCAN, after=timedelta(seconds=3)))
        if not self._happens(roll, habits.opens):
            return found
        # Squared: most react within hours, a few after days.
        pause = timedelta(minutes=5) + timedelta(hours=habits.slowest_hours) * roll.random() ** 2
        found.append(Reaction(deed=Deed.OPEN, after=pause))
        chances = (
            (Deed.UNSUBSCRIBE, habits.leaves),
            (Deed.FORGET, habits.forgets),
            (Deed.ANSWER, habits.answers if asks else 0),
            (Deed.CLICK, 0 if asks else habits.clicks),
            (Deed.REPLY, habits.replies),
            (Deed.OUT_OF_OFFICE, 2),
        )
        for deed, percent in chances:
            pause += timedelta(minutes=1 + roll.randrange(4))
            if self._happens(roll, percent):
                found.append(Reaction(deed=deed, after=pause))
                if deed in (Deed.UNSUBSCRIBE, Deed.FORGET):
                    break
        return found

    @staticmethod
    def _happens(roll: Random, percent: int) -> bool:
        return roll.randrange(100) < percent

    def answer(self, field: str, options: Sequence[str], kind: str, *, today: date) -> str:
        """Return what this person types or ticks for the field, '' to leave it out."""
        roll = self.chance("answer", field)
        if options:
            usual = [option for option in options if option not in RARE]
            weights = LEANINGS.get(field, {})
            return roll.choices(usual, [weights.get(option, 10) for option in usual])[0]
        if field in NUMBERS:
            return str(roll.choice(NUMBERS[field]))
        if kind == "date":
            ahead = timedelta(days=roll.randrange(20, 120))
            return (today + ahead).isoformat() if roll.random() < 0.6 else ""  # noqa: PLR2004
        if kind == "number":
            return str(roll.randrange(1, 200))
        texts = TEXTS.get(field, REMARKS)
        return roll.choice(texts) if roll.random() < 0.5 else ""  # noqa: PLR2004 (a coin)


RARE = frozenset({"competitor", "student", "fixed-sensors", "none-yet"})
"""Answers that nobody gives in passing; the list of leads has such people on purpose."""

LEANINGS: Mapping[str, Mapping[str, int]] = {
    "lead.authority": {"decider": 35, "influencer": 35, "user": 18, "observer": 8},
    "lead.pain": {"severe": 30, "moderate": 38, "mild": 20, "none": 8},
    "lead.interest": {"see-it": 26, "price-it": 34, "compare": 20, "reading": 18},
    "lead.blocker": {"none": 50, "money": 14, "contract": 12, "people": 10, "shutdown": 8},
    "account.country": {"DE": 40, "AT": 10, "CH": 10, "NL": 10, "GB": 10, "US": 2, "JP": 1},
}

NUMBERS: Mapping[str, Sequence[int]] = {
    "account.employees": (18, 35, 60, 85, 120, 180, 240, 320, 450, 700, 1200, 2600),
    "account.compressors": (1, 1, 2, 2, 2, 3, 3, 4, 5, 8),
    "account.compressor_kw": (15, 37, 55, 75, 90, 132, 160, 250, 320, 500),
}

TEXTS: Mapping[str, Sequence[str]] = {
    # Numbers that are kept free for fiction in Germany and Britain.
    "lead.phone": ("+49 30 23125 041", "+49 30 23125 318", "+44 20 7946 0417", "+44 20 7946 0852"),
    "account.site": ("Bremen", "Aalborg", "Leicester", "Enschede", "Wels"),
}

REMARKS: Sequence[str] = (
    "Night shift hears it most in hall 2.",
    "Pressure drops when the packing line starts.",
    "We fixed twelve leaks in spring and they are back.",
    "The main ring is from 1988.",
    "Nobody knows what it costs us.",
)
