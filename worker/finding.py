"""One thing a worker's options lose; how it was found is not known here."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How much a finding matters; warnings come first wherever findings are shown."""

    WARNING = "warning"  # something that was asked for does not happen, or work is lost
    NOTE = "note"  # how this pool behaves, and what may surprise


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What is lost without a word, and what mends it; each one line."""

    code: str  # stable: scripts and documents refer to it
    severity: Severity
    message: str
    mend: str


def warning(code: str, message: str, mend: str) -> Finding:
    """Make a finding of something that was asked for and does not happen."""
    return Finding(code=code, severity=Severity.WARNING, message=message, mend=mend)


def note(code: str, message: str, mend: str) -> Finding:
    """Make a finding of something that may surprise."""
    return Finding(code=code, severity=Severity.NOTE, message=message, mend=mend)
