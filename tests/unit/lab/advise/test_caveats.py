"""Warnings are raised by evidence, and not by what only looks like it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from lab.advise.risks.caveats import Caveats
from lab.project.candidates import Room, families
from lab.results.advice import CandidateResult, Profile, Trial
from worker.pools import POOLS

MB = 10**6


def trial(
    *, rate: float = 100.0, busy: float = 1.0, pss_bytes: int = 60 * MB, failed: int = 0
) -> Trial:
    return Trial(
        seconds=2.0,
        rate_per_s=rate,
        p50_s=0.06,
        p95_s=0.07,
        objective_s=0.07,
        busy=busy,
        cpu_s_per_task=0.001,
        cores=0.1,
        peak_pss_bytes=pss_bytes,
        failed=failed,
    )


def result(*trials: Trial, pool: str = "threads", concurrency: int = 20) -> CandidateResult:
    return CandidateResult(pool=pool, concurrency=concurrency, workers=1, trials=trials)


def profile(*, cpu_s: float, ready_s: float = 0.0, run_s: float = 0.06) -> Profile:
    return Profile(
        runs=10,
        failed=0,
        run_s=run_s,
        fastest_s=run_s,
        slowest_s=run_s,
        cpu_s=cpu_s,
        worker_bytes=60 * MB,
        slot_bytes=0,
        sends=0.0,
        ready_s=ready_s,
    )


@pytest.mark.parametrize(
    ("found", "of", "names"),
    [
        (result(trial(busy=0.05)), profile(cpu_s=0.001), ["holds-gil"]),
        (result(trial(busy=0.05)), profile(cpu_s=0.05), []),  # it computes
        (result(trial(busy=0.05)), profile(cpu_s=0.01, ready_s=0.05), []),  # it had no core
        (result(trial(busy=1.0)), profile(cpu_s=0.001), []),  # they wait for a lock, or a server
        (result(trial(busy=1.0), concurrency=1), profile(cpu_s=0.001), []),
        (result(trial(busy=0.05), pool="gevent"), profile(cpu_s=0.001), []),
    ],
)
def test_threads_that_run_one_at_a_time_hold_the_gil(
    found: CandidateResult, of: Profile, names: list[str]
) -> None:
    caveats = Caveats(Path())
    caveats.of_gil([found], of)
    assert [one.name for one in caveats.all()] == names


@pytest.mark.parametrize(
    ("sizes_mb", "names"),
    [
        ([94, 168, 251, 345], ["memory-grows"]),
        ([60, 90, 95, 96], []),  # filled for the first time
        ([60, 90, 85, 91], []),
        ([60, 61, 62, 63], []),
        ([94, 168], []),
    ],
)
def test_memory_that_grows_and_grows_is_a_leak(sizes_mb: list[int], names: list[str]) -> None:
    caveats = Caveats(Path())
    caveats.of_growth([result(*(trial(pss_bytes=size * MB) for size in sizes_mb))])
    assert [one.name for one in caveats.all()] == names


@pytest.mark.parametrize(("failed", "mentioned"), [(0, False), (40, True)])
def test_failures_may_explain_growing_memory(failed: int, mentioned: bool) -> None:
    caveats = Caveats(Path())
    trials = (trial(pss_bytes=size * MB, failed=failed) for size in (268, 278, 289, 300))
    caveats.of_growth([result(*trials, pool="prefork")])
    [found] = caveats.all()
    assert ("tracebacks" in found.text) is mentioned


def test_a_pool_without_a_trial_is_named_with_the_budget_to_allow() -> None:
    caveats = Caveats(Path())
    pools = [POOLS["prefork"], POOLS["threads"]]
    all_tried = [result(trial()), result(trial(), pool="prefork")]
    caveats.of_budget(pools, all_tried, profile(cpu_s=0), 30.0)
    assert caveats.all() == ()
    one_tried = [result(trial(), pool="prefork")]
    caveats.of_budget(pools, one_tried, profile(cpu_s=0, run_s=6.0), 30.0)
    [found] = caveats.all()
    assert found.name == "short-budget"
    assert "no time for threads: allow more, such as --budget 180s" in found.text


def test_the_budget_to_allow_exceeds_the_one_that_was_too_short() -> None:
    caveats = Caveats(Path())
    one_tried = [result(trial(), pool="prefork")]
    caveats.of_budget([POOLS["threads"]], one_tried, profile(cpu_s=0, run_s=6.0), 200.0)
    [found] = caveats.all()
    assert "--budget 400s" in found.text


def test_a_rate_limit_is_named() -> None:
    caveats = Caveats(Path())
    caveats.of_rate_limits({"shop.mail": None, "shop.text": 0})
    assert caveats.all() == ()
    caveats.of_rate_limits({"shop.mail": "60/m"})
    [found] = caveats.all()
    assert "shop.mail (60/m)" in found.text


@pytest.mark.parametrize(("limit_mb", "end"), [(1_000, "slots were tried"), (100, "not tried")])
def test_a_memory_limit_names_what_was_left_out(limit_mb: int, end: str) -> None:
    caveats = Caveats(Path())
    heavy = replace(profile(cpu_s=0.001), slot_bytes=150 * MB)
    room = Room(cores=2, memory_bytes=limit_mb * MB, processes=1_000)
    pools = [POOLS["threads"]]
    found = families(heavy, room, pools)
    caveats.of_memory(pools, found, heavy, room, limit=room.memory_bytes)
    [one] = caveats.all()
    assert one.text.endswith(end)


def test_errors_in_the_probe_are_noted_with_the_candidate() -> None:
    found = Caveats(Path())
    bad = replace(trial(), probe_errors=3)
    found.of_probe([result(trial()), result(trial(), bad, pool="gevent")])
    [caveat] = found.all()
    assert caveat.name == "probe-errors"
    assert "3 errors with gevent ×20" in caveat.text


@pytest.mark.parametrize(
    ("shares", "said"),
    [((0.4, 0.2), ["30 % of this machine's CPU"]), ((0.02, 0.04), []), ((None, None), [])],
)
def test_other_programs_are_noted_if_they_used_much_of_the_machine(
    shares: tuple[float | None, ...], said: list[str]
) -> None:
    found = Caveats(Path())
    found.of_others([result(*(replace(trial(), others_cpu_share=one) for one in shares))])
    assert [one.name for one in found.all()] == ["other-load"] * len(said)
    assert all(text in one.text for text, one in zip(said, found.all(), strict=True))


def test_the_same_warning_is_kept_once(tmp_path: Path) -> None:
    found = Caveats(tmp_path)
    found.of_safety("threads", "first")
    found.of_safety("threads", "second")
    found.of_safety("gevent", "third")
    assert [(one.pool, one.text[-5:]) for one in found.all()] == [
        ("threads", "first"),
        ("gevent", "third"),
    ]
