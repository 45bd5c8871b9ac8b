"""The mark of an earlier answer, with which a client asks for what changed since."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

# No cursor has numbers with more digits, and int() rejects very long ones.
_FORM: Final = re.compile(r"([0-9a-f]{8})-([0-9]{1,15})-([0-9]{1,15})", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """Which answer of which Flower a client has."""

    epoch: str  # marks the process
    revision: int
    until_s: int

    def __str__(self) -> str:
        return f"{self.epoch}-{self.revision}-{self.until_s}"


def parse(text: str) -> Cursor | None:
    """Read a cursor; None stands for an empty text. Raises ValueError if it is not a cursor."""
    if not text:
        return None
    found = _FORM.fullmatch(text)
    if found is None:
        raise ValueError("not a cursor")
    return Cursor(epoch=found[1], revision=int(found[2]), until_s=int(found[3]))
