"""The lesson `free-threading`: what is claimed of its figures, and what is not judged."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from lab.learn.engine.trials import Trial, Trials
from lab.learn.lessons.free_threading.judge import SHARED, Outcome, claims, concluded
from lab.learn.lessons.free_threading.play import Count
from lab.session.interpreter import Interpreter

ON, OFF, PROCESSES = "threads ×2, GIL", "threads ×2, no GIL", "prefork ×2, GIL"
PYTHON = Interpreter(path="/opt/bin/python3.14t", version="3.14.1", stays_off=True)


def tried(
    makespan_s: float,
    *,
    gil: bool,
    cpu_s: float = 0.8,
    asleep_s: float = 0.0,
    queued_s: float = 0.0,
) -> Trials:
    """Return three trials of eight tasks each that went the same; seconds of all eight together."""
    value: dict[str, Any] = {
        "gil": gil, "cpu_s": cpu_s / 8, "asleep_s": asleep_s / 8, "queued_s": queued_s / 8,
    }  # fmt: skip
    one = Trial(makespan_s=makespan_s, cpu_s=cpu_s, runnable_s=None, values=(value,) * 8)
    return Trials(trials=(one,) * 3)


def count(lost: int) -> Count:
    """Return what a count of 600,000 came to."""
    return Count(lost=lost, of=600_000, rounds=1, makespan_s=0.1)


USUAL = Outcome(
    cores=2,
    on=ON,
    off=OFF,
    processes=PROCESSES,
    tried={
        ON: tried(0.82, gil=True, asleep_s=0.8),
        OFF: tried(0.42, gil=False),
        PROCESSES: tried(0.42, gil=True),
        OFF + SHARED: tried(1.3, gil=False, cpu_s=2.4),
    },
    bare={ON: count(0), OFF: count(200_000)},
    guarded={ON: count(0), OFF: count(0)},
)


def broken(outcome: Outcome) -> list[str]:
    """Return what is claimed and not so."""
    return [claim.says for claim in claims(outcome) if not claim.holds]


def test_all_that_is_claimed_is_so_where_theory_is() -> None:
    assert broken(USUAL) == []
    assert len(list(claims(USUAL))) == 7


@pytest.mark.parametrize(
    ("name", "instead", "says"),
    [
        (OFF, tried(0.42, gil=True), "runs without the GIL"),
        (ON, tried(0.42, gil=True, cpu_s=0.8), "no more than one core"),
        (OFF, tried(0.42, gil=False, asleep_s=0.4), "kept off by another"),
        (OFF, tried(0.9, gil=False), "faster than the quickest with the GIL"),
        (OFF, tried(0.6, gil=False), "at least 0.75 times as fast as prefork"),
    ],
)
def test_what_was_not_seen_is_not_borne_out(name: str, instead: Trials, says: str) -> None:
    changed = replace(USUAL, tried={**USUAL.tried, name: instead})
    assert any(says in claim for claim in broken(changed))


def test_a_counter_that_loses_nothing_or_a_mutex_that_does_is_not_borne_out() -> None:
    whole = replace(USUAL, bare={**USUAL.bare, OFF: count(0)})
    leaky = replace(USUAL, guarded={**USUAL.guarded, OFF: count(3)})
    assert broken(whole) == ["without the GIL a counter loses updates even without a pause"]
    assert broken(leaky) == ["without the GIL a mutex around each update loses none"]


def test_how_much_sooner_is_not_judged_where_others_had_the_cores() -> None:
    starved = tried(1.6, gil=False, queued_s=0.8)
    changed = replace(USUAL, tried={**USUAL.tried, OFF: starved})
    findings = concluded(changed, PYTHON, tasks=8)
    assert broken(changed) == []
    assert not any("fast" in claim.says for claim in findings.claims)
    assert "50 % of the time" in findings.remarks[0]


def test_a_number_that_travels_between_cores_is_remarked_where_it_cost_something() -> None:
    [shared, about] = concluded(USUAL, PYTHON, tasks=8).remarks
    assert "3.00 ×" in shared
    assert "/opt/bin/python3.14t" in about
    cheap = replace(USUAL, tried={**USUAL.tried, OFF + SHARED: tried(0.42, gil=False)})
    assert len(concluded(cheap, PYTHON, tasks=8).remarks) == 1
