"""Impossible requests are rejected before anything starts, with an error that names the fix."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from cluster.machine import Machine
from lab.measure.selection import checked
from lab.race.contestants import labels
from lab.race.race_options import QUICK_SLOTS, RaceOptions, check
from lab.race.settings import settings
from tasks.errors import MachineError, UsageError
from worker.pools import DEFAULT_POOLS, POOLS

MACHINE = Machine(
    name="here", platform="Linux", cores=2, memory_bytes=8_000_000_000, processes=30_000
)
OPTIONS = RaceOptions(
    pools=tuple(POOLS[name] for name in DEFAULT_POOLS),
    concurrency={},
    workloads=("burn",),
    repeats=3,
    seed=7,
    quick=False,
    with_results=False,
    with_events=False,
    broker_url=None,
    out=Path("runs"),
)


def test_the_concurrency_of_a_pool_that_does_not_race_is_rejected() -> None:
    options = replace(OPTIONS, pools=(POOLS["gevent"],), concurrency={"prefork": 2})
    with pytest.raises(UsageError, match="not in --pools"):
        check(options, MACHINE)


@pytest.mark.parametrize(
    ("concurrency", "words"),
    [
        ({"prefork": 29_000}, "processes and threads"),
        ({"threads": 29_000}, "processes and threads"),
        ({"prefork": 2_000}, "GB"),
        ({"gevent": 10_000_000}, "GB"),
    ],
)
def test_more_than_the_machine_holds_is_rejected_with_what_it_holds(
    concurrency: dict[str, int], words: str
) -> None:
    with pytest.raises(MachineError, match=words) as refused:
        check(replace(OPTIONS, concurrency=concurrency, workloads=("sleep",)), MACHINE)
    assert f"--concurrency {next(iter(concurrency))}=N" in str(refused.value)


def test_the_default_fits_an_ordinary_machine() -> None:
    check(replace(OPTIONS, workloads=("burn", "sleep", "mixed")), MACHINE)


def test_two_transports_need_room_for_twice_as_many_workers() -> None:
    waiting = replace(OPTIONS, workloads=("sleep",), concurrency={"prefork": 150})
    check(waiting, MACHINE)
    with pytest.raises(MachineError, match="2 prefork workers"):
        check(replace(waiting, transports=("stock", "lease")), MACHINE)


def test_each_pool_runs_with_each_transport() -> None:
    options = replace(OPTIONS, transports=("stock", "lease"))
    found = options.contestants({POOLS["prefork"]: 2, POOLS["gevent"]: 100})
    assert list(labels(found).values()) == [
        "prefork ×2, stock", "prefork ×2, lease", "gevent ×100, stock", "gevent ×100, lease",
    ]  # fmt: skip
    assert list(labels(OPTIONS.contestants({POOLS["prefork"]: 2})).values()) == ["prefork ×2"]


@pytest.mark.parametrize(
    ("transports", "shown"),
    [(("stock",), None), (("lease",), "lease"), (("stock", "lease"), "stock,lease")],
)
def test_the_command_that_repeats_a_race_names_its_transports(
    transports: tuple[str, ...], shown: str | None
) -> None:
    words = settings(replace(OPTIONS, transports=transports)).command.split()
    assert ("--transport" in words) is (shown is not None)
    assert shown is None or words[words.index("--transport") + 1] == shown


def test_a_quick_race_forks_fewer_processes() -> None:
    prefork = POOLS["prefork"]
    assert OPTIONS.slots(prefork, "io", cores=2) == 100
    assert replace(OPTIONS, quick=True).slots(prefork, "io", cores=2) == QUICK_SLOTS
    chosen = replace(OPTIONS, quick=True, concurrency={"prefork": 77})
    assert chosen.slots(prefork, "io", cores=2) == 77


def test_workloads_run_in_table_order() -> None:
    assert checked(("mixed", "burn", "mixed")) == ("burn", "mixed")
    with pytest.raises(UsageError, match="did you mean fetch"):
        checked(("fetsh",))
