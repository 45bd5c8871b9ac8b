"""The huey app of the comparison, with a list or a sorted set as its queue."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from huey import PriorityRedisHuey, RedisHuey

from benchmarks.ran import Counter

KINDS = {"list": RedisHuey, "priority": PriorityRedisHuey}
KIND = os.environ["PEERS_KIND"]

# Without results, as in all apps of the comparison.
app: Any = KINDS[KIND](KIND, url=os.environ["PEERS_URL"], results=False)
counter = Counter(Path(os.environ["QUEUES_RAN"]))


def counted() -> None:
    """Do nothing but count that it ran."""
    counter.add()


task: Any = app.task()(counted)


def fill(count: int) -> None:
    """Enqueue so many tasks."""
    for _ in range(count):
        task()
