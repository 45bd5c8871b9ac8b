"""What the lesson `echo` concludes from the clients of each server; pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from lab.format import words
from lab.learn.lessons.echo.server_run import SEQUENTIAL, ServerRun
from lab.results.lesson import Cell, Claim, Column, Findings, Table
from producer.statistics import percentiles

#: The builds that serve all clients on one thread.
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


def judge(runs: Mapping[str, ServerRun], messages: int) -> Findings:
    """Conclude from the runs of all servers, by build."""
    return Findings(
        tables=(_table(runs, messages),), claims=tuple(_claims(runs)), verdict=_verdict(runs)
    )


def _table(runs: Mapping[str, ServerRun], messages: int) -> Table:
    clients = runs[SEQUENTIAL].clients
    each = words.counted(messages, "message")
    title = f"{clients} clients with {each} each (p50, p95: latency of an echo)"
    rows = tuple(_row(kind, one) for kind, one in runs.items())
    return Table(title=title, columns=COLUMNS, rows=rows)


def _row(kind: str, one: ServerRun) -> tuple[Cell, ...]:
    p50_s, p95_s = percentiles(one.latencies_s, 50, 95) if one.latencies_s else (None, None)
    return (
        kind,
        one.served,
        one.counts.most_at_once,
        one.threads,
        one.memory_bytes,
        one.cpu_s,
        p50_s,
        p95_s,
    )


def _claims(runs: Mapping[str, ServerRun]) -> Iterator[Claim]:
    sequential = runs[SEQUENTIAL]
    at_once = sequential.counts.most_at_once
    yield Claim(
        says=f"{SEQUENTIAL} serves only the first client, for as long as it stays connected",
        holds=sequential.served == 1 and sequential.first_served and at_once == 1,
        seen=f"{sequential.served} of {sequential.clients} served, {at_once} at once",
    )
    threaded = runs["threaded"]
    yield Claim(
        says="threaded serves all clients at once, with a thread for each",
        holds=threaded.all_at_once and (threaded.threads or 0) > threaded.clients,
        seen=f"{_served(threaded)}, on {words.known(threaded.threads, words.count)} threads",
    )
    for kind in ONE_THREAD:
        one = runs[kind]
        yield Claim(
            says=f"{kind} serves all clients at once, on one thread",
            holds=one.all_at_once and one.threads == 1,
            seen=f"{_served(one)}, threads: {words.known(one.threads, words.count)}",
        )


def _served(one: ServerRun) -> str:
    return f"{one.served} of {one.clients} served, {one.counts.most_at_once} at once"


def _verdict(runs: Mapping[str, ServerRun]) -> str:
    sequential, threaded = runs[SEQUENTIAL], runs["threaded"]
    memory = {kind: words.known(one.memory_bytes, words.size) for kind, one in runs.items()}
    one_thread = " and ".join(
        f"{kind} {runs[kind].counts.most_at_once} on {_threads(runs[kind])} ({memory[kind]})"
        for kind in ONE_THREAD
    )
    return (
        f"A server that handles one client at a time served "
        f"{sequential.served} of {sequential.clients} clients; the other "
        f"{sequential.clients - sequential.served} gave up. With a thread for each client it "
        f"served {threaded.counts.most_at_once} at once on {_threads(threaded)} "
        f"({memory['threaded']}); {one_thread}."
    )


def _threads(one: ServerRun) -> str:
    return "–" if one.threads is None else words.counted(one.threads, "thread")
