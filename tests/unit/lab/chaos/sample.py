"""A made-up run of faults with every kind of cell."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from lab.chaos.explain import explanations
from lab.results.chaos import (
    SCHEMA_VERSION,
    CellAccount,
    ChaosCell,
    ChaosResult,
    ChaosSettings,
    Named,
)
from tests.unit.lab.on_what import HOST, VERSIONS

_ALL_FINISHED = CellAccount(
    submitted=100,
    finished=100,
    failed=0,
    revoked=0,
    dead=0,
    refused=0,
    held=0,
    lost=0,
    unknown=0,
    unknown_ran=0,
    twice_by_fault=0,
    twice_otherwise=0,
    early=0,
)


def account(**counts: int) -> CellAccount:
    """Return an account of 100 tasks, of which those not named finished."""
    ended = {name: n for name, n in counts.items() if not name.startswith(("twice", "unknown"))}
    ended.pop("early", None)
    return replace(_ALL_FINISHED, finished=100 - sum(ended.values()), **counts)


def cell(**changes: Any) -> ChaosCell:
    """Return a cell in which nothing was lost."""
    plain = ChaosCell(
        pool="prefork",
        fault="kill-worker",
        settings="poolwise",
        transport="stock",
        aimed=3,
        hits=3,
        account=_ALL_FINISHED,
        first_again_s=(7.0, 8.0, 9.0),
        last_again_s=(8.0, 9.0, 12.0),
        never_again=0,
        resumed=3,
        seconds=20.0,
        command="poolwise chaos --fault kill-worker --pool prefork --seed 1",
    )
    return replace(plain, **changes)


def result(*cells: ChaosCell, name: str = "poolwise") -> ChaosResult:
    """Return a result with these cells, or with one of each kind."""
    shown = cells or (
        cell(settings="defaults", account=account(lost=12, held=5), last_again_s=()),
        cell(),
        cell(fault="redis-kill", settings="defaults", account=account(lost=2, unknown=4)),
        cell(fault="redis-kill", resumed=2, notes=("a worker ran no task for 40 s",)),
        cell(fault="stall", hits=0, skipped="needs root"),
    )
    return ChaosResult(
        schema_version=SCHEMA_VERSION,
        kind="chaos",
        run_id="2026-11-27-0300-chaos",
        started_at="2026-11-27T03:00:00+00:00",
        elapsed_s=240.0,
        versions=VERSIONS,
        host=HOST,
        settings=ChaosSettings(
            faults=tuple(
                Named(name=one, text=f"what {one} does")
                for one in dict.fromkeys(one.fault for one in shown)
            ),
            deliveries=(
                Named(name="defaults", text="Celery's defaults"),
                Named(name=name, text="Poolwise's settings"),
            ),
            pools=("prefork",),
            kills=3,
            slots=4,
            workers=2,
            task_s=0.1,
            seed=1,
            command="poolwise chaos --seed 1",
        ),
        cells=shown,
        explanations=explanations(shown),
    )
