"""What the contestants of a race are called: pools at a concurrency, perhaps with a transport."""

from __future__ import annotations

from collections.abc import Sequence

from lab.format import words
from lab.session.protocols import Key, PoolConfig


def labels(configs: Sequence[PoolConfig]) -> dict[Key, str]:
    """Name each of `configs`, with its transport if they differ in it."""
    several = len({config.transport for config in configs}) > 1
    return {
        config.key: words.pool(
            config.pool.name, config.concurrency, config.transport if several else ""
        )
        for config in configs
    }
