"""Whether the module that a pool needs is installed in this environment."""

from __future__ import annotations

from importlib.util import find_spec

from worker.pools import Pool


def module_missing(pool: Pool | None) -> bool:
    """Return whether the pool needs a module that is not installed here."""
    return bool(pool and pool.needs_module and find_spec(pool.needs_module) is None)
