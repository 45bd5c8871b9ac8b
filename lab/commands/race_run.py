"""Runs a race for the command, saves its result and its page, and prints it."""

from __future__ import annotations

import shlex
from datetime import datetime
from pathlib import Path

import msgspec

from cluster.machine import Machine
from lab.commands.console import for_progress, for_results
from lab.commands.race_calls import CallsToRace, opened
from lab.commands.streams import say
from lab.race.live import events
from lab.race.race_options import RaceOptions
from lab.race.run import race as run_race
from lab.race.table import closing_line, show
from lab.report import render
from lab.results import files as result_files
from lab.results.output import write_whole
from lab.results.race import RaceResult, WorkloadResult
from lab.session.folders import run_folder


def run(wanted: RaceOptions, theirs: CallsToRace | None, *, as_json: bool) -> int:
    """Run a race, of the calls of a project if there are any, and return the exit code."""
    with run_folder(wanted.out, "race", datetime.now()) as folder:
        if theirs is not None:
            wanted = opened(theirs, wanted, folder)
        with events(for_progress()) as watching:
            raced = run_race(wanted, folder, Machine.this(), watching)
        result = raced.result
        try:
            report = _save(result, folder)
        finally:  # shown even if it could not be saved, so that a full disk does not lose it
            _show(result, as_json=as_json)
        if not as_json:
            line = closing_line(result, shlex.quote(str(report)))
            for_results().print(line, highlight=False, soft_wrap=True, markup=False)
    if raced.ended_by is not None:
        raise raced.ended_by
    return 0 if all(map(_has_figures, result.workloads)) else 1


def _has_figures(workload: WorkloadResult) -> bool:
    return any(pool.summary is not None for pool in workload.pools)


def _save(result: RaceResult, folder: Path) -> Path:
    """Write the result and its page; return the page's path."""
    result_files.write(result, folder / "result.json")
    report = folder / "report.html"
    write_whole(report, render([result]).encode())
    return report


def _show(result: RaceResult, *, as_json: bool) -> None:
    if as_json:
        say(msgspec.json.encode(result).decode())
    else:
        show(result, for_results())
