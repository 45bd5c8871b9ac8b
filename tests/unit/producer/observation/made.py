"""Workers and attempts as an observation sees them, with few figures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from producer.observation.seen import Attempt, Sample, Seen, WorkerSeen


def sample(at_s: float, **known: Any) -> Sample:
    """Return an idle worker of two slots, with other figures as given."""
    figures: dict[str, Any] = {
        "slots": 2,
        "busy": 0,
        "waiting": 0,
        "cpu_s": None,
        "memory_bytes": None,
        "machine_percent": 20.0,
    }
    return Sample(at_s=at_s, **(figures | known))


def samples(seconds: int, **known: Any) -> tuple[Sample, ...]:
    """Return one sample for each second; a figure may be a function of the second."""
    return tuple(
        sample(
            float(second),
            **{name: one(second) if callable(one) else one for name, one in known.items()},
        )
        for second in range(seconds)
    )


def attempt(started_s: float, finished_s: float, **known: Any) -> Attempt:
    """Return an attempt that succeeded and was received when it started."""
    figures: dict[str, Any] = {
        "task_id": f"id-{started_s}-{finished_s}",
        "task": "shop.pay",
        "sent_s": None,
        "received_s": started_s,
        "outcome": "succeeded",
        "redelivered": False,
    }
    return Attempt(started_s=started_s, finished_s=finished_s, **(figures | known))


def worker(node: str = "a@x", pool_name: str = "prefork", **known: Any) -> WorkerSeen:
    """Return a worker of one queue."""
    figures: dict[str, Any] = {"source": "probe", "queues": ("celery",)}
    return WorkerSeen(node=node, pool_name=pool_name, **(figures | known))


def seen(
    *workers: WorkerSeen,
    span_s: float = 10.0,
    depths: Mapping[str, Iterable[tuple[float, int]]] | None = None,
) -> Seen:
    """Return what was seen of these workers."""
    read = {queue: tuple(one) for queue, one in (depths or {}).items()}
    return Seen(span_s=span_s, workers=workers, depths=read)
