"""What the lesson `free-threading` concludes from its trials, and what it does not judge."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from lab.learn.engine.trials import Trial, Trials
from lab.learn.lessons.free_threading.comparison import SHARED, CountDown, GilComparison
from lab.learn.lessons.free_threading.judge import judge
from lab.session.interpreter import Interpreter

ON, OFF, PROCESSES = "threads ×2, GIL", "threads ×2, no GIL", "prefork ×2, GIL"
PYTHON = Interpreter(path="/opt/bin/python3.14t", version="3.14.1", stays_off=True)


def trials(
    makespan_s: float,
    *,
    gil: bool,
    cpu_s: float = 0.8,
    asleep_s: float = 0.0,
    queued_s: float | None = 0.0,
) -> Trials:
    """Return three identical trials of eight tasks each; seconds of all eight together."""
    value: dict[str, Any] = {
        "gil": gil,
        "cpu_s": cpu_s / 8,
        "asleep_s": asleep_s / 8,
        "queued_s": None if queued_s is None else queued_s / 8,
    }
    one = Trial(makespan_s=makespan_s, cpu_s=cpu_s, runnable_s=None, values=(value,) * 8)
    return Trials(trials=(one,) * 3)


def count(lost: int) -> CountDown:
    return CountDown(lost=lost, of=600_000, rounds=1, makespan_s=0.1)


USUAL = GilComparison(
    cores=2,
    tasks=8,
    on=ON,
    off=OFF,
    processes=PROCESSES,
    trials={
        ON: trials(0.82, gil=True, asleep_s=0.8),
        OFF: trials(0.42, gil=False),
        PROCESSES: trials(0.42, gil=True),
        OFF + SHARED: trials(1.3, gil=False, cpu_s=2.4),
    },
    bare={ON: count(0), OFF: count(200_000)},
    guarded={ON: count(0), OFF: count(0)},
)


def failing(runs: GilComparison) -> list[str]:
    return [claim.says for claim in judge(runs, PYTHON).claims if not claim.holds]


def test_all_claims_hold_for_the_usual_figures() -> None:
    assert failing(USUAL) == []
    assert len(judge(USUAL, PYTHON).claims) == 7


@pytest.mark.parametrize(
    ("variant", "unexpected", "says"),
    [
        (OFF, trials(0.42, gil=True), "runs without the GIL"),
        (ON, trials(0.42, gil=True, cpu_s=0.8), "no more than one core"),
        (OFF, trials(0.42, gil=False, asleep_s=0.4), "no thread waits for another"),
        (OFF, trials(0.9, gil=False), "faster than the fastest trial with the GIL"),
        (OFF, trials(0.6, gil=False), "at least 0.75 times as fast as prefork"),
    ],
)
def test_an_unexpected_figure_fails_its_claim(variant: str, unexpected: Trials, says: str) -> None:
    changed = replace(USUAL, trials={**USUAL.trials, variant: unexpected})
    assert any(says in claim for claim in failing(changed))


def test_the_counter_must_lose_updates_without_a_mutex_and_none_with_it() -> None:
    whole = replace(USUAL, bare={**USUAL.bare, OFF: count(0)})
    leaky = replace(USUAL, guarded={**USUAL.guarded, OFF: count(3)})
    assert failing(whole) == ["without the GIL, a counter loses updates even without a pause"]
    assert failing(leaky) == ["without the GIL, a mutex around each update prevents that"]


def test_speed_is_not_judged_if_other_programs_had_the_cores() -> None:
    starved = trials(1.6, gil=False, queued_s=0.8)
    changed = replace(USUAL, trials={**USUAL.trials, OFF: starved})
    findings = judge(changed, PYTHON)
    assert failing(changed) == []
    assert not any("fast" in claim.says for claim in findings.claims)
    assert "50 % of the time" in findings.remarks[0]


def test_a_shared_number_gets_a_remark_only_if_it_cost_cpu_time() -> None:
    [shared, interpreter] = judge(USUAL, PYTHON).remarks
    assert "3.00 ×" in shared
    assert "/opt/bin/python3.14t" in interpreter
    cheap = replace(USUAL, trials={**USUAL.trials, OFF + SHARED: trials(0.42, gil=False)})
    assert len(judge(cheap, PYTHON).remarks) == 1


def test_what_the_kernel_does_not_report_is_not_judged() -> None:
    unknown = trials(1.6, gil=False, asleep_s=0.8, queued_s=None)
    changed = replace(USUAL, trials={**USUAL.trials, OFF: unknown})
    findings = judge(changed, PYTHON)
    assert failing(changed) == []
    assert not any("fast" in claim.says or "waits" in claim.says for claim in findings.claims)
    assert "The kernel does not report" in findings.remarks[0]
    [row] = [row for row in findings.tables[0].rows if row[0] == OFF]
    assert row[-2:] == (None, None)
