"""Checks worker options for what Celery silently ignores or loses; it never contacts a worker."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from worker.control_rules import CONTROL_RULES
from worker.finding import Finding, Severity, note
from worker.limit_rules import LIMIT_RULES
from worker.options import WorkerOptions
from worker.pool_choice_rules import POOL_CHOICE_RULES
from worker.pools import POOLS
from worker.prefetch_rules import PREFETCH_RULES
from worker.redelivery_rules import REDELIVERY_RULES
from worker.rule import Rule

__all__ = ["Finding", "Severity", "check", "lines", "warnings_of"]

#: In the order in which findings of equal severity are listed.
RULES: Final[tuple[Rule, ...]] = (
    *POOL_CHOICE_RULES,
    *LIMIT_RULES,
    *CONTROL_RULES,
    *REDELIVERY_RULES,
    *PREFETCH_RULES,
)


def check(options: WorkerOptions) -> tuple[Finding, ...]:
    """Return all findings, warnings first."""
    pool = options.pool
    if pool is None:
        return (_unknown_pool(options.pool_name),)
    found = [rule(pool, options) for rule in RULES]
    ranks = tuple(Severity)
    return tuple(sorted((f for f in found if f is not None), key=lambda f: ranks.index(f.severity)))


def _unknown_pool(name: str) -> Finding:
    return note(
        "pool-unknown",
        f"Poolwise does not know the pool {name}, so nothing was checked",
        f"known pools: {', '.join(POOLS)}",
    )


def warnings_of(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Return only the warnings."""
    return tuple(finding for finding in findings if finding.severity is Severity.WARNING)


def lines(findings: Sequence[Finding]) -> list[str]:
    """Format each finding as two lines: the problem, then the fix."""
    written = []
    for finding in findings:
        written.append(f"{finding.severity}: {finding.message} [{finding.code}]")
        written.append(f"    {finding.fix}")
    return written
