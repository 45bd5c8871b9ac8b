"""Clients are dealt out to tasks, and what they saw decides what is borne out."""

from __future__ import annotations

from typing import Any

import pytest

from cluster.echo import EchoCounts
from lab.learn.lessons.echo.judge import SEQUENTIAL, claims, figures, summed, verdict
from lab.learn.lessons.echo.lesson import DRAWN, TASKS, parts, scene
from lab.learn.lessons.echo.openings import check_openings
from tasks.errors import MachineError
from tests.unit.lab.learn.lessons.made import ran, task


def client(number: int, *, served: bool = True, asked_s: float = 1.0) -> dict[str, Any]:
    told = {
        "number": number,
        "served": served,
        "asked_s": asked_s,
        "connected_s": asked_s + 0.5,
        "latencies_s": [0.001] if served else [],
        "began_s": 0.1,
    }
    return {"value": told, "notes": [("waits", "talks", 0.0, 0.2)]}


def visit(*clients: dict[str, Any], threads: int = 1) -> Any:
    stock = {"threads": threads, "memory_bytes": 1_000}
    return ran(task("clients", 0.0, 1.0, {"clients": list(clients), "stock": stock}))


def seen(*clients: dict[str, Any], threads: int = 1, most_at_once: int) -> Any:
    counts = EchoCounts(accepted=len(clients), most_at_once=most_at_once, messages=9)
    return summed(visit(*clients, threads=threads), len(clients), counts, 0.1)


def whole() -> dict[str, Any]:
    both = (client(1), client(2))
    return {
        SEQUENTIAL: seen(client(1), client(2, served=False, asked_s=1.1), most_at_once=1),
        "threaded": seen(*both, threads=3, most_at_once=2),
        "gevent": seen(*both, most_at_once=2),
        "asyncio": seen(*both, most_at_once=2),
    }


@pytest.mark.parametrize("clients", [2, 19, 20, 21, 500, 2_000])
def test_every_client_is_in_one_task(clients: int) -> None:
    dealt = parts(clients)
    assert [number for part in dealt for number in part] == list(range(1, clients + 1))
    assert len(dealt) <= TASKS
    assert max(map(len, dealt)) - min(map(len, dealt)) <= 1


def test_a_few_clients_are_drawn_the_served_one_first() -> None:
    clients = [client(number, served=number == 7) for number in range(1, 31)]
    drawn = scene(visit(*clients), "a caption")
    assert len(drawn.lanes) == DRAWN
    assert drawn.lanes[0].slot == "7"
    assert drawn.bars[0].started_s == pytest.approx(0.1)


def test_what_was_to_be_shown_is_borne_out() -> None:
    assert all(claim.holds for claim in claims(whole()))
    assert "1 of 2 clients" in verdict(whole())
    assert [row[0] for row in figures(whole(), 4).rows] == list(whole())


@pytest.mark.parametrize(
    ("kind", "otherwise"),
    [
        (SEQUENTIAL, seen(client(1), client(2), most_at_once=1)),
        (SEQUENTIAL, seen(client(1, served=False), client(2, asked_s=2.0), most_at_once=1)),
        ("threaded", seen(client(1), client(2), threads=2, most_at_once=2)),
        ("gevent", seen(client(1), client(2), threads=2, most_at_once=2)),
        ("asyncio", seen(client(1), client(2), most_at_once=1)),
        ("asyncio", seen(client(1), client(2, served=False), most_at_once=2)),
    ],
)
def test_what_was_not_so_is_said(kind: str, otherwise: Any) -> None:
    [failed] = [claim for claim in claims({**whole(), kind: otherwise}) if not claim.holds]
    assert failed.says.startswith(kind)


def test_too_few_open_files_are_told_before_anything_starts() -> None:
    check_openings(500, processes=10_000, files=1_024)
    with pytest.raises(MachineError, match=r"ulimit -n 600\), or take --clients 156"):
        check_openings(500, processes=10_000, files=256)


def test_too_little_room_for_threads_is_told_too() -> None:
    with pytest.raises(MachineError, match="take --clients 370"):
        check_openings(500, processes=400, files=1_024)
