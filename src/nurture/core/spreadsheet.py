"""Cells for spreadsheets: shown as they are, never calculated."""

from __future__ import annotations

# What makes a spreadsheet take a cell for a formula, also in the widths of East Asian keyboards.
_FORMULA = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_BREAKS = ("\t", "\r", "\n")


def harmless(text: str) -> str:
    """Return the text so that a spreadsheet shows it instead of calculating it."""
    return f"'{text}" if _is_calculated(text) else text


def as_typed(text: str) -> str:
    """Return the text as it was before it was made harmless, by us or by a spreadsheet."""
    return text[1:] if text.startswith("'") and _is_calculated(text[1:]) else text


def _is_calculated(text: str) -> bool:
    # Some trim a cell before they look at it.
    return text.startswith(_BREAKS) or text.lstrip().startswith(_FORMULA)
