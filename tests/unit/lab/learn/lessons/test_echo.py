"""How the lesson `echo` shares clients out over tasks, and what it concludes from them."""

from __future__ import annotations

from typing import Any

import pytest

from cluster.echo import EchoCounts
from lab.learn.lessons.echo.judge import judge
from lab.learn.lessons.echo.limits import check_limits
from lab.learn.lessons.echo.play import DRAWN, TASKS, draw, shares
from lab.learn.lessons.echo.server_run import SEQUENTIAL, ServerRun, server_run
from tasks.errors import MachineError
from tests.unit.lab.learn.lessons.made import ran, task


def client(number: int, *, served: bool = True, asked_s: float = 1.0) -> dict[str, Any]:
    seen = {
        "number": number,
        "served": served,
        "asked_s": asked_s,
        "connected_s": asked_s + 0.5,
        "latencies_s": [0.001] if served else [],
        "began_s": 0.1,
    }
    return {"value": seen, "notes": [("waits", "talks", 0.0, 0.2)]}


def visit(*clients: dict[str, Any], threads: int = 1) -> Any:
    stock = {"threads": threads, "memory_bytes": 1_000}
    return ran(task("clients", 0.0, 1.0, {"clients": list(clients), "stock": stock}))


def run(*clients: dict[str, Any], threads: int = 1, most_at_once: int) -> ServerRun:
    counts = EchoCounts(accepted=len(clients), most_at_once=most_at_once, messages=9)
    return server_run(visit(*clients, threads=threads), len(clients), counts, 0.1)


def usual() -> dict[str, ServerRun]:
    both = (client(1), client(2))
    return {
        SEQUENTIAL: run(client(1), client(2, served=False, asked_s=1.1), most_at_once=1),
        "threaded": run(*both, threads=3, most_at_once=2),
        "gevent": run(*both, most_at_once=2),
        "asyncio": run(*both, most_at_once=2),
    }


@pytest.mark.parametrize("clients", [2, 19, 20, 21, 500, 2_000])
def test_every_client_is_in_exactly_one_task(clients: int) -> None:
    split = shares(clients)
    assert [number for share in split for number in share] == list(range(1, clients + 1))
    assert len(split) <= TASKS
    assert max(map(len, split)) - min(map(len, split)) <= 1


def test_a_few_clients_are_drawn_with_the_served_one_first() -> None:
    clients = [client(number, served=number == 7) for number in range(1, 31)]
    drawn = draw(visit(*clients), "a caption")
    assert len(drawn.lanes) == DRAWN
    assert drawn.lanes[0].slot == "7"
    assert drawn.bars[0].started_s == pytest.approx(0.1)


def test_all_claims_hold_for_servers_that_behave_as_expected() -> None:
    findings = judge(usual(), 4)
    assert all(claim.holds for claim in findings.claims)
    assert "1 of 2 clients" in findings.verdict
    [table] = findings.tables
    assert [row[0] for row in table.rows] == list(usual())


@pytest.mark.parametrize(
    ("kind", "unexpected"),
    [
        (SEQUENTIAL, run(client(1), client(2), most_at_once=1)),
        (SEQUENTIAL, run(client(1, served=False), client(2, asked_s=2.0), most_at_once=1)),
        ("threaded", run(client(1), client(2), threads=2, most_at_once=2)),
        ("gevent", run(client(1), client(2), threads=2, most_at_once=2)),
        ("asyncio", run(client(1), client(2), most_at_once=1)),
        ("asyncio", run(client(1), client(2, served=False), most_at_once=2)),
    ],
)
def test_an_unexpected_result_fails_the_claim_about_that_server(
    kind: str, unexpected: ServerRun
) -> None:
    [failed] = [
        claim for claim in judge({**usual(), kind: unexpected}, 4).claims if not claim.holds
    ]
    assert failed.says.startswith(kind)


def test_too_few_open_files_are_reported() -> None:
    check_limits(500, processes=10_000, files=1_024)
    with pytest.raises(MachineError, match=r"ulimit -n 600\), or use --clients 156"):
        check_limits(500, processes=10_000, files=256)


def test_a_limit_of_threads_that_is_too_low_is_reported() -> None:
    with pytest.raises(MachineError, match="use --clients 370"):
        check_limits(500, processes=400, files=1_024)
