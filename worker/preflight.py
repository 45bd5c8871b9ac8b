"""Checks worker options for what Celery silently ignores or loses; it never contacts a worker."""

from __future__ import annotations

from collections.abc import Sequence

from worker.capability_rules import CAPABILITY_RULES
from worker.delivery_rules import DELIVERY_RULES
from worker.finding import Finding, Severity, note
from worker.options import WorkerOptions
from worker.pool_choice_rules import POOL_CHOICE_RULES
from worker.pools import POOLS

__all__ = ["Finding", "Severity", "check", "lines", "warnings_of"]


def check(options: WorkerOptions) -> tuple[Finding, ...]:
    """Return all findings, warnings first."""
    pool = options.pool
    if pool is None:
        return (_unknown_pool(options.pool_name),)
    found = [
        rule(pool, options) for rule in (*POOL_CHOICE_RULES, *CAPABILITY_RULES, *DELIVERY_RULES)
    ]
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
