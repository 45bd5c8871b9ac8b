"""The taskiq app of the comparison, with a stream or a list as its queue.

The task is a coroutine, because taskiq runs plain functions in threads, which takes longer.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

from taskiq_redis import ListQueueBroker, RedisStreamBroker

from benchmarks.ran import Counter

KINDS = {"list": ListQueueBroker, "stream": RedisStreamBroker}
KIND = os.environ["PEERS_KIND"]
#: How many producers of the backlog run at a time.
PRODUCERS = 50

#: Without `socket_timeout`, redis-py 8 ends a worker that has waited for a message for 5 s.
broker: Any = KINDS[KIND](os.environ["PEERS_URL"], queue_name=f"taskiq.{KIND}", socket_timeout=None)
counter = Counter(Path(os.environ["QUEUES_RAN"]))


async def counted() -> None:
    """Do nothing but count that it ran."""
    counter.add()


task: Any = broker.register_task(counted, task_name="counted")


def fill(count: int) -> None:
    """Enqueue so many tasks."""
    asyncio.run(_fill(count))


async def _fill(count: int) -> None:
    await broker.startup()
    for start in range(0, count, PRODUCERS):
        await asyncio.gather(*(task.kiq() for _ in range(start, min(count, start + PRODUCERS))))
    await broker.shutdown()
