"""What a worker started like this would lose without a word; it starts, and asks, no worker."""

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
    """Return everything found, warnings first."""
    pool = options.pool
    if pool is None:
        return (_unknown_pool(options.pool_asked),)
    found = [
        rule(pool, options) for rule in (*POOL_CHOICE_RULES, *CAPABILITY_RULES, *DELIVERY_RULES)
    ]
    ranks = tuple(Severity)
    return tuple(sorted((f for f in found if f is not None), key=lambda f: ranks.index(f.severity)))


def _unknown_pool(name: str) -> Finding:
    return note(
        "pool-unknown",
        f"nothing is known here about the pool {name}: no check was made",
        f"pools that are known: {', '.join(POOLS)}",
    )


def warnings_of(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Return only those that mean a loss."""
    return tuple(finding for finding in findings if finding.severity is Severity.WARNING)


def lines(findings: Sequence[Finding]) -> list[str]:
    """Write the findings for a terminal: two lines each, the second says what to do."""
    written = []
    for finding in findings:
        written.append(f"{finding.severity}: {finding.message} [{finding.code}]")
        written.append(f"    {finding.mend}")
    return written
