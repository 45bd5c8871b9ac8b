"""`poolwise race`: the main job, from options to table, result file and report."""

from __future__ import annotations

import random
import shlex
from datetime import datetime
from pathlib import Path

import click
import msgspec
from click.core import ParameterSource

from cluster.machine import Machine
from lab.commands import options
from lab.commands.console import for_progress, for_results
from lab.measure.workloads import DEFAULT_NAMES, NAMES, QUICK_NAMES, checked, default_names
from lab.race.live import events
from lab.race.options import RaceOptions, parse_concurrency
from lab.race.run import race as run_race
from lab.race.settings import REPEATS, REPEATS_QUICK
from lab.race.table import closing_line, show
from lab.report import render
from lab.results import files as result_files
from lab.session.folders import run_folder
from tasks.errors import UsageError
from tasks.settings import broker_url
from worker.pools import DEFAULT_POOLS, POOLS, pool_named


@click.command()
@click.option(
    "--pools",
    metavar="LIST",
    default=",".join(DEFAULT_POOLS),
    show_default=True,
    envvar="POOLWISE_POOLS",
    show_envvar=True,
    help=f"Which pools race, with commas between: {', '.join(POOLS)}.",
)
@click.option(
    "--concurrency",
    metavar="LIST",
    default="",
    envvar="POOLWISE_CONCURRENCY",
    show_envvar=True,
    help="Slots by pool, such as prefork=4,gevent=200. Without it: the cores for CPU-bound work, "
    "100 for work that waits.",
)
@click.option(
    "--workloads",
    metavar="LIST",
    envvar="POOLWISE_WORKLOADS",
    show_envvar=True,
    help=f"Which work, with commas between: {', '.join(NAMES)}. "
    f"Without it: {', '.join(DEFAULT_NAMES)}.",
)
@click.option(
    "--repeat",
    type=click.IntRange(1, 100),
    help=f"Measurements of each. [default: {REPEATS}, with --quick {REPEATS_QUICK}]",
)
@click.option("--seed", type=int, help="Fixes the order in which the pools take turns.")
@click.option(
    "--quick",
    is_flag=True,
    help=f"Fewer and smaller tasks, one repeat, {', '.join(QUICK_NAMES)} only.",
)
@click.option(
    "--on-running/--on-new",
    envvar="POOLWISE_ON_RUNNING",
    show_envvar=True,
    help="Race the workers that run at the broker, as they are, or new ones. [default: on-new]",
)
@click.option("--with-results", is_flag=True, help="Store results, to see what that costs.")
@click.option("--with-events", is_flag=True, help="Send task events, to see what that costs.")
@options.broker
@options.out
@options.quiet_json
def race(  # noqa: PLR0913 - one parameter for each option of the command
    *,
    pools: str,
    concurrency: str,
    workloads: str | None,
    repeat: int | None,
    seed: int | None,
    quick: bool,
    on_running: bool,
    with_results: bool,
    with_events: bool,
    broker: str | None,
    out: Path,
    as_json: bool,
) -> int:
    """Race the pools: CPU-bound, IO-bound and mixed tasks on each, one at a time.

    Starts an embedded broker and real Celery workers, ends with a table, a result file and an HTML
    report, and stops all it started. With --on-running it starts no worker: it asks who is there,
    and gives one worker of each pool a queue of its own while the race lasts.

    \b
    Example:
      poolwise race --quick
      poolwise race --pools threads,gevent --concurrency threads=32,gevent=200 --workloads fetch
      poolwise race --on-running --broker redis://localhost:6379/0
    """
    chosen = options.names(pools)
    if not chosen:
        raise UsageError("--pools names no pool")
    if on_running and (concurrency or with_events):
        raise UsageError(
            "--on-running takes workers as they are: leave --concurrency and --with-events out; "
            "poolwise switch changes a running worker"
        )
    wanted = RaceOptions(
        pools=tuple(dict.fromkeys(pool_named(name) for name in chosen)),
        concurrency=parse_concurrency(concurrency),
        workloads=_workloads(workloads, quick=quick, on_running=on_running),
        repeats=repeat or (REPEATS_QUICK if quick else REPEATS),
        seed=random.randrange(10_000) if seed is None else seed,  # noqa: S311 - no secret
        quick=quick,
        with_results=with_results,
        with_events=with_events,
        broker_url=broker or (broker_url if on_running else None),
        on_running=on_running,
        pools_typed=_was_said("pools"),
        out=out,
    )
    return _run(wanted, as_json=as_json)


def _was_said(name: str) -> bool:
    source = click.get_current_context().get_parameter_source(name)
    return source is not ParameterSource.DEFAULT


def _workloads(text: str | None, *, quick: bool, on_running: bool) -> tuple[str, ...]:
    if text is None:
        return default_names(quick=quick, on_running=on_running)
    chosen = checked(options.names(text))
    if not chosen:
        raise UsageError("--workloads names no workload")
    return chosen


def _run(wanted: RaceOptions, *, as_json: bool) -> int:
    with run_folder(wanted.out, "race", datetime.now()) as folder:
        with events(for_progress()) as watching:
            result = run_race(wanted, folder, Machine.this(), watching)
        console = for_results()
        if as_json:
            click.echo(msgspec.json.encode(result).decode())
        else:
            # Before anything is written: a full disk must not cost the figures.
            show(result, console)
        result_files.write(result, folder / "result.json")
        report = folder / "report.html"
        result_files.write_whole(report, render([result]).encode())
        if not as_json:
            line = closing_line(result, shlex.quote(str(report)))
            console.print(line, highlight=False, soft_wrap=True)
    return 130 if result.interrupted else 0
