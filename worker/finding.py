"""A preflight finding: one problem with a worker's options. It knows no rule."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How serious a finding is; warnings are always shown first."""

    WARNING = "warning"  # an option has no effect, or work can be lost
    NOTE = "note"  # pool behaviour that may surprise you


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A problem that Celery does not report, and its fix; one line each."""

    code: str  # stable: scripts and docs refer to it
    severity: Severity
    message: str
    fix: str


def warning(code: str, message: str, fix: str) -> Finding:
    """Make a finding about an option without effect or work that can be lost."""
    return Finding(code=code, severity=Severity.WARNING, message=message, fix=fix)


def note(code: str, message: str, fix: str) -> Finding:
    """Make a finding about behaviour that may surprise."""
    return Finding(code=code, severity=Severity.NOTE, message=message, fix=fix)
