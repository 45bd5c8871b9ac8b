"""A worker whose wall clock is off: what is shifted, and what that does to tasks with an ETA."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from lab.results.chaos import ChaosResult
from lab.results.files import read
from tests.command import poolwise
from tests.paths import ROOT

#: Prints by how many seconds each clock is shifted, then what must stay as it is.
DIFFERENCES = """
import time, json
from datetime import datetime as real
real_s, real_ns, monotonic = time.time, time.time_ns, time.monotonic
from tasks.chaos.shifted_clock import shift
shift({seconds})
import datetime
made = real(2026, 1, 1)
print(json.dumps([
    time.time() - real_s(),
    (time.time_ns() - real_ns()) / 1e9,
    (datetime.datetime.now() - real.now()).total_seconds(),
    (datetime.datetime.now(datetime.UTC) - real.now(datetime.UTC)).total_seconds(),
    (datetime.datetime.today() - real.today()).total_seconds(),
    time.monotonic is monotonic,
    isinstance(made, datetime.datetime) and isinstance(datetime.datetime.now(), real),
    isinstance(made.date(), datetime.datetime),
]))
"""


@pytest.mark.parametrize("seconds", [300, -300])
def test_the_wall_clock_is_shifted_and_the_monotonic_clock_is_not(seconds: int) -> None:
    done = subprocess.run(
        [sys.executable, "-c", DIFFERENCES.format(seconds=seconds)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    *differences, same_monotonic, instances, date_is_datetime = json.loads(done.stdout)
    assert differences == pytest.approx([seconds] * 5, abs=0.1)
    assert (same_monotonic, instances, date_is_datetime) == (True, True, False)


@pytest.mark.parametrize(("fault", "early"), [("clock-ahead", True), ("clock-behind", False)])
def test_only_a_worker_whose_clock_is_ahead_runs_tasks_before_their_time(
    fault: str, *, early: bool, tmp_path: Path
) -> None:
    options = ("--pool", "threads", "--settings", "acks-late", "--kills", "1", "--seed", "1")
    done = poolwise("chaos", "--fault", fault, *options, cwd=tmp_path, timeout_s=110)
    [result] = tmp_path.glob("runs/*/result.json")
    [cell] = read(result, ChaosResult).cells
    assert (cell.hits, cell.skipped) == (1, ""), done.stdout
    assert cell.account.accounted == cell.account.submitted
    assert (cell.account.early > 0) is early
