"""`poolwise race`: from options to table, result file and report."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from cluster.program import program
from lab.commands import broker_options, project_options, race_calls, race_run, shared_options
from lab.commands.option_types import Title, WholeRange
from lab.measure.selection import checked, default_names
from lab.measure.workloads import WORKLOADS
from lab.project.candidates import FIRST_GUESS
from lab.race.race_options import RaceOptions
from lab.race.settings import REPEATS, REPEATS_QUICK
from tasks.celery import use_transport
from tasks.errors import UsageError
from worker.pools import DEFAULT_POOLS, POOLS

#: The highest seed; every JSON reader can hold it.
HIGHEST_SEED = 2**32 - 1


@click.command(short_help="Compare the pools on sample tasks or on your own.")
@click.option(
    "--pools",
    metavar="LIST",
    default=",".join(DEFAULT_POOLS),
    show_default=True,
    envvar="POOLWISE_POOLS",
    show_envvar=True,
    help=f"Pools to race, separated by commas: {', '.join(POOLS)}.",
)
@click.option(
    "--concurrency",
    metavar="LIST",
    default="",
    envvar="POOLWISE_CONCURRENCY",
    show_envvar=True,
    help="Concurrency per pool, such as prefork=4,gevent=200. Default for the sample tasks: the "
    "number of cores for CPU-bound work, otherwise 100 (40 with --quick). Default for your own "
    "tasks: the number of cores if a task mostly computes; otherwise twice that for prefork, and "
    f"up to {FIRST_GUESS} for threads and gevent. solo always has 1.",
)
@click.option(
    "--workloads",
    metavar="LIST",
    envvar="POOLWISE_WORKLOADS",
    show_envvar=True,
    help=f"Workloads to run, separated by commas: {', '.join(WORKLOADS)}. "
    f"[default: {', '.join(default_names(quick=False, on_running=False))}] For your own tasks: "
    'their names, or "mix", which runs the calls of all tasks together. [default: each task]',
)
@click.option(
    "--repeat",
    type=WholeRange(1, 100),
    help=f"Repeats per pool and workload. [default: {REPEATS}; with --quick {REPEATS_QUICK}]",
)
@click.option(
    "--seed",
    type=WholeRange(0, HIGHEST_SEED),
    help="Seed for the random order of the pools. [default: random]",
)
@click.option(
    "--quick",
    is_flag=True,
    help="A smaller race: fewer and shorter tasks, one repeat, and only the workloads "
    f"{', '.join(default_names(quick=True, on_running=False))}.",
)
@click.option(
    "--on-running/--on-new",
    envvar="POOLWISE_ON_RUNNING",
    show_envvar=True,
    help=(
        "Race the workers that are already connected to the broker, or start new ones. "
        "[default: on-new]"
    ),
)
@click.option(
    "--name",
    metavar="TEXT",
    type=Title(),
    default="",
    envvar="POOLWISE_NAME",
    show_envvar=True,
    help="The race's title on its report and in comparisons, such as 'after the upgrade'.",
)
@click.option(
    "--pause-load",
    is_flag=True,
    envvar="POOLWISE_PAUSE_LOAD",
    show_envvar=True,
    help="With --on-running: until the race ends, pause the light load that docker compose's "
    "producer sends.",
)
@click.option("--with-results", is_flag=True, help="Store task results, to measure their cost.")
@click.option("--with-events", is_flag=True, help="Send task events, to measure their cost.")
@broker_options.broker_of_race
@shared_options.transports
@project_options.of_calls
@shared_options.out
@shared_options.json_output
def race(  # noqa: PLR0913 - one parameter for each option of the command
    *,
    pools: str,
    concurrency: str,
    workloads: str | None,
    repeat: int | None,
    seed: int | None,
    quick: bool,
    on_running: bool,
    name: str,
    pause_load: bool,
    with_results: bool,
    with_events: bool,
    transports: tuple[str, ...],
    out: Path,
    as_json: bool,
    **named: Any,
) -> int:
    """Compare the pools on CPU-bound, IO-bound and mixed tasks, or on tasks of your own.

    Measures one pool at a time. Starts an embedded broker and real Celery workers, prints a table,
    writes a result file and an HTML report, and stops everything that it started. With --on-running
    it starts no workers: it borrows one running worker per pool and gives it an extra queue for the
    duration of the race.

    With -A and a TASK or --calls, it runs your tasks instead, for real, on workers of your project
    with your interpreter and your Celery, but on a private broker.

    \b
    Example:
      poolwise race --quick
      poolwise race --pools threads,gevent --concurrency threads=32,gevent=200 --workloads fetch
      poolwise race --transport stock,lease
      poolwise race --on-running --broker redis://localhost:6379/0
      poolwise race -A shop.celery --calls calls.jsonl
    """
    chosen = shared_options.pools_named(pools)
    if on_running and (concurrency or with_events):
        raise UsageError(
            "--on-running races workers as they are: leave out --concurrency (and unset "
            "POOLWISE_CONCURRENCY) and --with-events, or change a running worker with: "
            f"{program()} switch"
        )
    if on_running and (len(transports) > 1 or shared_options.was_typed("transports")):
        raise UsageError(
            "--on-running races workers as they are, each with the transport that it was started "
            "with: leave out --transport"
        )
    if pause_load and not on_running:
        raise UsageError(
            "--pause-load works only with --on-running: add --on-running, or leave --pause-load "
            "out (and unset POOLWISE_PAUSE_LOAD), because a race that starts its own workers has "
            "no other load"
        )
    use_transport(transports[0])  # of this process, which sends alike with both
    theirs = race_calls.asked({**named, "transports": transports}, on_running=on_running)
    if theirs is None:
        workloads_chosen = _workloads(workloads, quick=quick, on_running=on_running)
        broker = broker_options.chosen_broker(named, on_running=on_running)
    else:
        workloads_chosen = race_calls.workloads(workloads, theirs.calls)
        broker = broker_options.Broker(url=None, options={})
    wanted = RaceOptions(
        pools=chosen,
        transports=transports,
        concurrency=shared_options.parse_concurrency(concurrency),
        workloads=workloads_chosen,
        repeats=repeat or (REPEATS_QUICK if quick else REPEATS),
        seed=random.randrange(10_000) if seed is None else seed,  # noqa: S311 - no secret
        quick=quick,
        with_results=with_results,
        with_events=with_events,
        broker_url=broker.url,
        broker_flags=broker.flags,
        broker_advice=broker.advice,
        on_running=on_running,
        pause_load=pause_load,
        pools_typed=_was_given("pools"),
        out=out,
        out_typed=shared_options.was_typed("out"),
        program=program(),
        name=name,
    )
    return race_run.run(wanted, theirs, as_json=as_json)


def _was_given(name: str) -> bool:
    source = click.get_current_context().get_parameter_source(name)
    return source is not ParameterSource.DEFAULT


def _workloads(text: str | None, *, quick: bool, on_running: bool) -> tuple[str, ...]:
    if text is None:
        return default_names(quick=quick, on_running=on_running)
    chosen = checked(shared_options.names(text))
    if not chosen:
        raise UsageError("--workloads is empty: name at least one workload")
    return chosen
