"""A workload is one row: selection, sizing and verdict read everything from the table."""

from __future__ import annotations

from types import MappingProxyType

import pytest
from celery import Celery

from lab.analysis.verdict import judge
from lab.measure import selection
from lab.measure.scale import FULL, QUICK, Scale, fitted
from lab.measure.selection import check_reachable, checked, default_names, kinds, workloads
from lab.measure.workloads import WORKLOADS, WorkloadKind
from lab.results.race import Calibration
from tasks.celery import app
from tasks.errors import UsageError
from tests.unit.lab.sample import pool
from worker.pools import POOLS

SPEED = Calibration(burn_iterations_per_ms=20_000, digest_rounds_per_ms=1_000)


@Celery("toy").task(name="toy.count")
def count_up(turns: int) -> int:
    return turns


TOY = WorkloadKind(
    name="toy",
    title="Counts",
    nature="cpu",
    task=count_up,
    size=lambda scale: f"{scale.burn_ms:g} ms of counting",
    count=lambda scale: 2 * scale.burns,
    arguments=lambda at: (round(at.scale.burn_ms * at.speed.digest_rounds_per_ms),),
    warm_up=lambda _: (0,),
    needs_delay_server=True,
    instead_on_borrowed="burn",
    reasons={"prefork": "processes count apart"},
)


def test_one_row_adds_a_workload(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = {name: WORKLOADS[name] for name in ("burn", "sleep", "fetch", "mixed")}
    monkeypatch.setattr(selection, "WORKLOADS", MappingProxyType({**rows, "toy": TOY}))

    assert checked(("toy", "burn")) == ("burn", "toy")
    assert default_names(quick=True, on_running=False) == ("burn", "fetch", "mixed", "toy")
    assert default_names(quick=True, on_running=True) == ("burn", "sleep", "mixed")
    assert kinds(("toy",)) == [TOY]
    with pytest.raises(UsageError, match=r"toy needs a server .* use burn instead"):
        check_reachable(("toy",), all_here=False)

    [toy] = workloads(("toy",), QUICK, SPEED, 1)
    assert (toy.name, toy.size, toy.count) == ("toy", "100 ms of counting", 16)
    assert (toy.work.task, toy.work.args) == ("toy.count", (100_000,))
    assert toy.warm_up.args == (0,)

    verdict = judge(TOY, [pool("threads", (4, 4, 4)), pool("prefork", (2, 2, 2))], seed=1)
    assert verdict.sentence.endswith("as fast as threads: processes count apart.")


@pytest.mark.parametrize("row", WORKLOADS.values(), ids=lambda row: row.name)
def test_every_row_names_existing_tasks_pools_and_workloads(row: WorkloadKind) -> None:
    app.loader.import_default_modules()
    assert row.task.name in app.tasks
    assert row.reasons
    assert row.reasons.keys() <= {None, *POOLS}
    if row.needs_delay_server:
        assert not WORKLOADS[row.instead_on_borrowed].needs_delay_server


def test_sizes_follow_from_scale_and_speed() -> None:
    rows = {row.name: row for row in workloads(tuple(WORKLOADS), FULL, SPEED, 7)}
    assert rows["burn"].work.args == (3_000_000,)
    assert rows["digest"].work.args == (150_000,)
    assert rows["sleep"].work.args == (1.0,)
    assert rows["fetch"].work.args == ("127.0.0.1", 7, 1_000)
    assert rows["mixed"].work.args == (5, 195, 20_000)


def test_waiting_is_cut_to_what_the_smallest_borrowed_worker_completes_in_time() -> None:
    def counts(scale: Scale) -> dict[str, int]:
        names = ("burn", "sleep", "fetch", "mixed")
        return {row.name: row.count for row in workloads(names, scale, SPEED, 7)}

    assert counts(fitted(FULL, 2)) == {
        "burn": 12,
        "sleep": 40,
        "fetch": 40,
        "mixed": 200,
    }
    assert counts(fitted(QUICK, 100)) == counts(QUICK)


def test_borrowed_workers_are_not_asked_to_fetch_from_this_machine() -> None:
    started = default_names(quick=False, on_running=False)
    borrowed = default_names(quick=False, on_running=True)
    assert "fetch" in started
    assert "sleep" not in started
    assert "sleep" in borrowed
    assert "fetch" not in borrowed
    check_reachable(("burn", "sleep"), all_here=False)
    check_reachable(("fetch",), all_here=True)
    with pytest.raises(UsageError, match="use sleep instead"):
        check_reachable(("burn", "fetch"), all_here=False)
