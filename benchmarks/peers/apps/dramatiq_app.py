"""The dramatiq app of the comparison, with its standard middleware or with none."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import dramatiq
from dramatiq.brokers.redis import RedisBroker

from benchmarks.ran import Counter

#: None means the standard middleware.
MIDDLEWARE: dict[str, list[Any] | None] = {"standard": None, "none": []}

broker: Any = RedisBroker(
    url=os.environ["PEERS_URL"], middleware=MIDDLEWARE[os.environ["PEERS_KIND"]]
)
dramatiq.set_broker(broker)
counter = Counter(Path(os.environ["QUEUES_RAN"]))


def counted() -> None:
    """Do nothing but count that it ran."""
    counter.add()


task: Any = dramatiq.actor(counted)


def fill(count: int) -> None:
    """Enqueue so many tasks."""
    for _ in range(count):
        task.send()
