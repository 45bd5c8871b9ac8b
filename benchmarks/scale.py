"""Measures what kombu_lease's scripts cost Redis when there is a lot of everything.

    python -m benchmarks.scale [--messages 1000000] [--leases 1000] [--rounds 7] [--calls 50]

Each step of the transport runs in turn with few and with many messages and leases in Redis, on an
embedded broker.
The times are the server's own (`INFO commandstats`), so they contain no network and no Python.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from statistics import median
from typing import Any, Final

import click
import redis

from benchmarks import ratio
from cluster.broker import start_broker
from cluster.reaper import Reaper
from kombu_lease import scripts
from kombu_lease.keys import Keys, keys, pack
from producer import broker

#: Messages that one call claims, queues or takes over.
BATCH: Final = 100
#: Messages that one command puts into Redis beforehand.
AT_ONCE: Final = 5_000
#: The fewest waiting messages, and leases, of the side with little.
FEW_MESSAGES: Final = 1_000
FEW_LEASES: Final = 5
LEASE_MS: Final = 6_000
HOUR_MS: Final = 3_600_000
#: Calls of each kind that a worker makes in a second to renew its lease.
RENEWALS_PER_S: Final = 1.0
QUEUE: Final = "celery"


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One side of a comparison: keys of its own, with much or little in them."""

    client: redis.Redis
    keys: Keys
    queue: str
    messages: int
    leases: int
    numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def fill(self) -> None:
        """Let messages wait, others be delayed for an hour, and consumers hold a lease."""
        now_ms = int(time.time() * 1_000)
        for start in range(0, self.messages, AT_ONCE):
            waiting = [message(one) for one in range(start, min(start + AT_ONCE, self.messages))]
            delayed = {pack(self.queue, one): now_ms + HOUR_MS for one in waiting}
            with self.client.pipeline(transaction=False) as pipe:
                pipe.lpush(self.queue, *waiting)
                pipe.zadd(self.keys.delayed, delayed)
                pipe.execute()
        leases = {f"other{number}": now_ms + HOUR_MS for number in range(self.leases)}
        self.client.zadd(self.keys.leases, leases)
        self.tick(create=True)

    def tick(self, *, create: bool = False, reap: bool = False) -> Any:
        """Renew the lease of this side's consumer."""
        held = self.keys.held
        places = [f"{held}me", self.keys.dead, self.keys.leases, self.keys.delayed]
        words = ["me", LEASE_MS, int(create), int(reap), 0, 2 * BATCH, held, self.keys.order]
        return scripts.TICK.run(self.client, places, words)


def message(number: int) -> bytes:
    """Return a message of the size of a small task."""
    info = {"exchange": "", "routing_key": QUEUE}
    properties = {"delivery_tag": f"{number:036}", "delivery_info": info, "priority": 0}
    headers = {"lang": "py", "task": "shop.tasks.price", "id": f"{number:036}", "retries": 0}
    return json.dumps({"body": "W1s0Ml0sIHt9LCB7fV0=", "headers": headers,
                       "properties": properties}).encode()  # fmt: skip


Step = Callable[[Side], None]


def claim(side: Side) -> None:
    """Claim some messages and acknowledge them; put as many others into the queue."""
    number = next(side.numbers)
    fields = [f"c{number - 1}.{one}" for one in range(1, BATCH + 1)] if number > 1 else []
    places = [f"{side.keys.held}me", side.keys.dead, side.queue]
    words = ["c", number, BATCH, 0, 1, "1", *fields]
    answer = scripts.CLAIM.run(side.client, places, words)
    assert len(answer) == 1 + 3 * BATCH, answer[:1]  # noqa: S101 - or it measured something else
    side.client.lpush(side.queue, *map(message, range(BATCH)))


def renew(side: Side) -> None:
    """Renew a lease; nothing is due and nobody is dead."""
    assert side.tick(reap=True) == [b"ok", 0, 0, 0]  # noqa: S101


def queue_due(side: Side) -> None:
    """Queue messages that are due."""
    due = {pack(side.queue, b"%d" % one + message(one)): 10 for one in range(BATCH)}
    side.client.zadd(side.keys.delayed, due)
    assert side.tick()[2] == BATCH  # noqa: S101


def take_over(side: Side) -> None:
    """Return what a dead consumer held to its queue."""
    held: dict[Any, Any] = {f"c1.{one}": pack(side.queue, message(one)) for one in range(BATCH)}
    side.client.hset(f"{side.keys.held}dead", mapping={"@lease": b"1"} | held)
    side.client.zadd(side.keys.leases, {"dead": 10})
    assert side.tick(reap=True)[1] == BATCH  # noqa: S101


STEPS: Final[dict[str, Step]] = {
    f"claim {BATCH} and acknowledge {BATCH}": claim,
    "renew a lease": renew,
    f"queue {BATCH} due messages": queue_due,
    f"take over {BATCH} from a dead worker": take_over,
}


@click.command()
@click.option("--messages", type=click.IntRange(FEW_MESSAGES), default=1_000_000, show_default=True)
@click.option("--leases", type=click.IntRange(FEW_LEASES), default=1_000, show_default=True)
@click.option("--rounds", type=click.IntRange(1), default=7, show_default=True)
@click.option("--calls", type=click.IntRange(1), default=50, show_default=True)
def main(messages: int, leases: int, rounds: int, calls: int) -> None:
    """Compare each step with little and with much in Redis."""
    with _server() as client:
        click.echo(
            f"few: {FEW_MESSAGES:,} messages waiting and as many delayed, {FEW_LEASES} leases; "
            f"many: {messages:,} and {leases:,}. {rounds} rounds of {calls} calls, "
            f"{broker.version(client)}"
        )
        few = _side(client, "few.", FEW_MESSAGES, FEW_LEASES)
        many = _side(client, "many.", messages, leases)
        found = {name: _compared(step, (few, many), rounds, calls) for name, step in STEPS.items()}
    for name, (with_few, with_many) in found.items():
        ratios = ratio.by_pair(with_many, with_few)
        click.echo(f"{median(with_few):8.1f} us {median(with_many):8.1f} us  "
                   f"{ratio.line(name, ratios)}")  # fmt: skip
    share = median(found["renew a lease"][1]) * 1e-6 * RENEWALS_PER_S * leases
    click.echo(f"{leases:,} consumers that renew their leases use {share:.1%} of Redis's core")


def _side(client: redis.Redis, prefix: str, messages: int, leases: int) -> Side:
    side = Side(client=client, keys=keys(prefix), queue=prefix + QUEUE, messages=messages,
                leases=leases)  # fmt: skip
    started_s = time.monotonic()
    side.fill()
    click.echo(f"{prefix}: filled in {time.monotonic() - started_s:.0f} s", err=True)
    return side


def _compared(
    step: Step, sides: Sequence[Side], rounds: int, calls: int
) -> tuple[list[float], list[float]]:
    """Return the microseconds of a call on each side, in each round."""
    found: tuple[list[float], list[float]] = ([], [])
    for number in range(rounds):
        for at in (0, 1) if number % 2 else (1, 0):
            found[at].append(_microseconds(step, sides[at], calls))
    return found


def _microseconds(step: Step, side: Side, calls: int) -> float:
    step(side)  # so that Redis knows the script
    side.client.config_resetstat()
    for _ in range(calls):
        step(side)
    stats: dict[str, Any] = side.client.info("commandstats")
    return float(stats["cmdstat_evalsha"]["usec_per_call"])


@contextmanager
def _server() -> Iterator[redis.Redis]:
    registry = Reaper()
    with tempfile.TemporaryDirectory() as folder:
        child, url = start_broker(Path(folder), registry)
        try:
            yield redis.Redis.from_url(url)
        finally:
            child.kill()
            registry.close()


if __name__ == "__main__":
    main()
