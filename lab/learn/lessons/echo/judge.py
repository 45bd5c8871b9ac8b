"""What became of the clients of each echo server, summed up and judged; data in, data out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from cluster.echo import EchoCounts
from lab.format import words
from lab.learn.engine.scene_run import SceneRun
from lab.results.lesson import Cell, Claim, Column, Table
from producer.statistics import percentiles

#: The build that talks with one client at a time.
SEQUENTIAL: Final = "sequential"
#: The builds that serve everyone on one thread.
ONE_THREAD: Final = ("gevent", "asyncio")

COLUMNS: Final = (
    Column(heading="server"),
    Column(heading="served", unit="count"),
    Column(heading="at once", unit="count"),
    Column(heading="threads", unit="count"),
    Column(heading="memory", unit="bytes"),
    Column(heading="CPU", unit="seconds"),
    Column(heading="p50", unit="seconds"),
    Column(heading="p95", unit="seconds"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What became of one server's clients."""

    clients: int
    served: int
    first_served: bool  # whether one was that asked before anyone else was connected
    counts: EchoCounts
    threads: int | None  # of the server, when all clients were there
    memory_bytes: int | None
    cpu_s: float
    latencies_s: Sequence[float]


def summed(ran: SceneRun, clients: int, counts: EchoCounts, used_s: float) -> Seen:
    """Sum up what the clients have seen."""
    told = [one["value"] for task in ran.tasks for one in task.value["clients"]]
    stock: dict[str, int] = next(
        (task.value["stock"] for task in ran.tasks if task.value["stock"]), {}
    )
    connected_s = min((one["connected_s"] for one in told if one["connected_s"]), default=0.0)
    return Seen(
        clients=clients,
        served=sum(one["served"] for one in told),
        first_served=any(one["served"] and one["asked_s"] <= connected_s for one in told),
        counts=counts,
        threads=stock.get("threads"),
        memory_bytes=stock.get("memory_bytes"),
        cpu_s=used_s,
        latencies_s=[latency_s for one in told for latency_s in one["latencies_s"]],
    )


def claims(seen: Mapping[str, Seen]) -> Iterator[Claim]:
    """Say what should be so, and whether it is."""
    alone = seen[SEQUENTIAL]
    yield Claim(
        says=f"{SEQUENTIAL} serves only the client that came first, while that stays",
        holds=alone.served == 1 and alone.first_served and alone.counts.most_at_once == 1,
        seen=f"{alone.served} of {alone.clients} served, {alone.counts.most_at_once} at once",
    )
    threaded = seen["threaded"]
    yield Claim(
        says="threaded serves all of them at once, with a thread for each",
        holds=_all_at_once(threaded) and (threaded.threads or 0) > threaded.clients,
        seen=f"{_at_once(threaded)} on {words.known(threaded.threads, words.count)} threads",
    )
    for kind in ONE_THREAD:
        one = seen[kind]
        yield Claim(
            says=f"{kind} serves all of them at once, on one thread",
            holds=_all_at_once(one) and one.threads == 1,
            seen=f"{_at_once(one)}, threads: {one.threads}",
        )


def _all_at_once(one: Seen) -> bool:
    return one.served == one.counts.most_at_once == one.clients


def _at_once(one: Seen) -> str:
    return f"{one.counts.most_at_once} connections at once, {one.served} of {one.clients} served"


def figures(seen: Mapping[str, Seen], messages: int) -> Table:
    clients = seen[SEQUENTIAL].clients
    title = f"{clients} clients of {messages} messages each (p50, p95: latency of an echo)"
    rows = tuple(_row(kind, one) for kind, one in seen.items())
    return Table(title=title, columns=COLUMNS, rows=rows)


def _row(kind: str, one: Seen) -> tuple[Cell, ...]:
    p50_s, p95_s = percentiles(one.latencies_s, 50, 95) if one.latencies_s else (None, None)
    return (
        kind, one.served, one.counts.most_at_once, one.threads, one.memory_bytes, one.cpu_s,
        p50_s, p95_s,
    )  # fmt: skip


def verdict(seen: Mapping[str, Seen]) -> str:
    alone, threaded = seen[SEQUENTIAL], seen["threaded"]
    memory = {kind: words.known(one.memory_bytes, words.size) for kind, one in seen.items()}
    single = " and ".join(f"{kind} ({memory[kind]})" for kind in ONE_THREAD)
    threads = words.known(threaded.threads, words.count)
    return (
        f"The server that talks with whom it has accepted before it accepts the next served "
        f"{alone.served} of {alone.clients} clients, and {alone.clients - alone.served} waited "
        f"until they gave up. A thread for each served {threaded.served} at once with {threads} "
        f"threads ({memory['threaded']}), and {single} served as many on a single thread."
    )
