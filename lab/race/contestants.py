"""What the contestants of a race are called: pools at a concurrency, perhaps with a transport."""

from __future__ import annotations

from collections.abc import Sequence

from lab.format import words
from lab.format.transports import distinct
from lab.session.protocols import Key, PoolConfig


def labels(configs: Sequence[PoolConfig]) -> dict[Key, str]:
    """Name each of `configs`, with its transport if they differ in it."""
    transports = {config.transport for config in configs}
    return {
        config.key: words.pool(
            config.pool.name, config.concurrency, distinct(config.transport, transports)
        )
        for config in configs
    }
