"""Values: what is made once for each lead or mail of a batch, and never changed afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    # The type checker sees a frozen dataclass, and refuses whoever assigns to a field.
    from dataclasses import dataclass as value
else:
    from collections.abc import Callable
    from dataclasses import dataclass

    def value(*, frozen: bool, slots: bool, kw_only: bool) -> Callable[[type], type]:
        """Return the decorator for a value: frozen for the type checker, and for it alone.

        Python freezes by a call for each field that is set, which is a twentieth of a whole tick.
        """
        assert frozen
        return dataclass(slots=slots, kw_only=kw_only, unsafe_hash=True)


__all__ = ["value"]
