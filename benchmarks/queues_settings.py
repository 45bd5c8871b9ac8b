"""What `benchmarks.queues` compares: configurations of workers, on several transports."""

from __future__ import annotations

from dataclasses import dataclass

#: Milliseconds that the proxy adds to a round trip.
DELAY_MS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """A worker configuration."""

    name: str
    flags: tuple[str, ...]
    workers: int = 1
    delay_ms: int = 0
    stock_share: float = 1.0  # of the tasks, for kombu's own transport


SETTINGS = (
    Setting(name="prefork", flags=("--pool", "prefork", "-c", "2")),
    Setting(name="threads", flags=("--pool", "threads", "-c", "10")),
    Setting(name="gevent", flags=("--pool", "gevent", "-c", "100")),
    Setting(name="solo, one per core", flags=("--pool", "solo"), workers=2),
    Setting(
        name="gevent, 20 ms",
        flags=("--pool", "gevent", "-c", "100"),
        delay_ms=DELAY_MS,
        stock_share=0.01,
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """What carries messages and results: the schemes of two URLs."""

    name: str
    broker: str
    results: str = ""  # none are stored

    @property
    def stock(self) -> bool:
        """Whether kombu's own transport carries the messages."""
        return self.broker == "redis"


#: The first is what the others are compared with.
VARIANTS = (Variant(name="stock", broker="redis"), Variant(name="lease", broker="lease"))
WITH_RESULTS = (
    Variant(name="stock", broker="redis", results="redis"),
    Variant(name="lease, stock results", broker="lease", results="redis"),
    Variant(name="lease", broker="lease", results="lease+redis"),
)
