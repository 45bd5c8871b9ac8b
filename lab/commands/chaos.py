"""`poolwise chaos`: hurt workers, brokers and networks, and account for every task."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path
from typing import TypeVar

import click
import msgspec

from cluster.machine import Machine
from cluster.program import program
from lab.chaos.chaos_options import (
    DEFAULT_DELIVERIES,
    DEFAULT_FAULTS,
    DEFAULT_KILLS,
    ChaosOptions,
    most_careful,
)
from lab.chaos.collected import Ended
from lab.chaos.compose import project as compose_project
from lab.chaos.compose import run as compose_run
from lab.chaos.compose.faults import CONTAINER_FAULTS, container_fault_named
from lab.chaos.compose.run import ComposeOptions
from lab.chaos.fault_table import FAULTS, fault_named
from lab.chaos.live import progress
from lab.chaos.run import run as run_chaos
from lab.chaos.table import show
from lab.chaos.trial.delivery import DELIVERIES, delivery_named
from lab.commands import shared_options
from lab.commands.consent import ask
from lab.commands.console import for_progress, for_results
from lab.commands.option_types import WholeRange
from lab.commands.streams import say
from lab.results import files as result_files
from lab.results.chaos import ChaosResult
from lab.results.output import write_whole
from lab.session.folders import run_folder
from tasks.errors import UsageError
from tasks.transport_options import TRANSPORTS
from worker.pools import DEFAULT_POOLS, POOLS

T = TypeVar("T")


@click.command(short_help="Find out which tasks are lost or run twice after a fault.")
@click.option(
    "--fault",
    "faults",
    metavar="LIST",
    help=f"Faults to inject, separated by commas: {', '.join(FAULTS)}. "
    "docs/reliability.md explains each.  "
    f"[default: {', '.join(DEFAULT_FAULTS)}]",
)
@click.option(
    "--pool",
    "pools",
    default=",".join(DEFAULT_POOLS),
    show_default=True,
    metavar="LIST",
    help="Pools to test, separated by commas.",
)
@click.option(
    "--settings",
    metavar="LIST",
    help=f"Delivery settings to compare: {', '.join(one.shown for one in DELIVERIES.values())}.  "
    f"[default: {', '.join(DEFAULT_DELIVERIES)}]",
)
@click.option(
    "--all",
    "everything",
    is_flag=True,
    help="Test all faults with all settings on both transports.",
)
@shared_options.transports
@click.option(
    "--kills",
    type=WholeRange(1, 100_000),
    default=DEFAULT_KILLS,
    show_default=True,
    help="How often to inject each fault, for each pool and settings.",
)
@click.option(
    "--jobs",
    type=WholeRange(1, 64),
    help="Combinations to test at the same time.  [default: two for each core]",
)
@click.option(
    "--seed",
    type=WholeRange(0, 10**9),
    help="Seed for when each fault happens.  [default: random]",
)
@click.option(
    "--on-compose",
    is_flag=True,
    help="Test the running workers of `docker compose` in this folder instead. Faults: "
    f"{', '.join(CONTAINER_FAULTS)}.",
)
@click.option("--yes", is_flag=True, help="With --on-compose: do not ask first.")
@shared_options.out
@shared_options.json_output
def chaos(  # noqa: PLR0913 - one parameter for each option of the command
    *,
    faults: str | None,
    pools: str,
    settings: str | None,
    transports: tuple[str, ...],
    everything: bool,
    kills: int,
    jobs: int | None,
    seed: int | None,
    on_compose: bool,
    yes: bool,
    out: Path,
    as_json: bool,
) -> int:
    """Find out which tasks are lost, or run twice, when something dies.

    It starts brokers and workers of its own, keeps them busy, and injects faults: it kills, stops
    and restarts them. Each task notes its start and its end in a file outside the broker, so every
    task is accounted for. Exits with 1 if tasks are lost even with the most careful settings that
    were tested, or if something could not be measured.

    \b
    Example:
      poolwise chaos
      poolwise chaos --fault kill-worker --pool prefork --settings defaults,acks-late --kills 20
      poolwise chaos --transport stock,lease --settings acks-late --fault kill-worker,stall
      poolwise chaos --all --json
      poolwise chaos --on-compose --fault container-kill --pool threads
    """
    seed = random.randrange(10_000) if seed is None else seed  # noqa: S311 - no secret
    machine = Machine.this()
    if on_compose:
        for name in ("settings", "transports", "jobs", "everything"):
            if shared_options.was_typed(name):
                raise UsageError(
                    "--on-compose tests workers as they are: leave out --settings, --transport, "
                    "--jobs and --all"
                )
        careful, work = _on_compose(faults, pools, kills, seed, machine, yes=yes)
    else:
        if everything and not shared_options.was_typed("transports"):
            transports = TRANSPORTS
        settings_named = _named(
            delivery_named,
            "--settings",
            settings,
            DELIVERIES if everything else DEFAULT_DELIVERIES,
        )
        options = ChaosOptions(
            faults=_named(fault_named, "--fault", faults, FAULTS if everything else DEFAULT_FAULTS),
            pools=shared_options.pools_named(pools, option="--pool"),
            deliveries=tuple(one.on(name) for one in settings_named for name in transports),
            kills=kills,
            jobs=jobs or 2 * machine.cores,
            seed=seed,
            command=shared_options.repeating(seed),
            program=program(),
        )
        careful, work = _on_own(options, machine)
    with run_folder(out, "chaos", datetime.now()) as run:
        ended = work(run.absolute())
        report = _save(ended.result, run)
    _finish(ended.result, report, as_json=as_json)
    if ended.ended_by is not None:
        raise ended.ended_by
    return _exit_code(ended.result, careful)


def _impossible(options: ChaosOptions) -> str:
    """Say in which pools the chosen faults can happen, if in none of the chosen ones."""
    chosen = " or ".join(pool.name for pool in options.pools)
    return "; ".join(
        f"{fault.name} cannot happen in {chosen}, only in "
        + ", ".join(pool.name for pool in POOLS.values() if fault.only(pool))
        for fault in options.faults
    )


#: Runs everything; receives the folder for logs.
Work = Callable[[Path], Ended]


def _on_own(options: ChaosOptions, machine: Machine) -> tuple[str, Work]:
    if not options.cells():
        raise UsageError(_impossible(options))

    def work(folder: Path) -> Ended:
        with progress(for_progress()) as lines:
            return run_chaos(options, folder, machine, lines)

    return most_careful(options), work


def _on_compose(
    faults: str | None, pools: str, kills: int, seed: int, machine: Machine, *, yes: bool
) -> tuple[str, Work]:
    names = tuple(one.name for one in shared_options.pools_named(pools, option="--pool"))
    options = ComposeOptions(
        faults=_named(container_fault_named, "--fault", faults, CONTAINER_FAULTS),
        containers=tuple(compose_project.workers(names)),
        kills=kills,
        seed=seed,
        command=shared_options.repeating(seed),
        program=program(),
    )
    _confirm(options, yes=yes)

    def work(folder: Path) -> Ended:
        with progress(for_progress()) as lines:
            return compose_run.run(options, folder.name, machine, lines)

    return compose_run.SETTINGS, work


def _confirm(options: ComposeOptions, *, yes: bool) -> None:
    """Say which containers will be hurt, and ask; raise UsageError if there is nobody to ask."""
    for one in options.containers:
        say(f"{one.service}  container {one.id}", progress=True)
    doing = ", ".join(one.name for one in options.faults)
    often = "once" if options.kills == 1 else f"{options.kills} times"
    say(f"Each container gets, {often}: {doing}.", progress=True)
    if yes:
        return
    ask("Go on?", "stops running workers")


def _named(
    find: Callable[[str], T], option: str, typed: str | None, default: Iterable[str]
) -> tuple[T, ...]:
    names = tuple(default) if typed is None else shared_options.names(typed)
    if not names:
        raise UsageError(f"{option} is empty: name at least one")
    return tuple(map(find, dict.fromkeys(names)))


def _exit_code(result: ChaosResult, careful: str) -> int:
    lost = any(one.loses for one in result.cells if one.settings == careful)
    return 1 if lost or any(one.skipped for one in result.cells) else 0


def _save(result: ChaosResult, run: Path) -> Path:
    """Write the result and its page; return the page's path."""
    result_files.write(result, run / "result.json")
    # Imported here because plotly loads slowly, and a command may end without a page.
    from lab.report import chaos as page  # noqa: PLC0415

    report = run / "report.html"
    write_whole(report, page.render(result).encode())
    return report


def _finish(result: ChaosResult, report: Path, *, as_json: bool) -> None:
    if as_json:
        say(msgspec.json.encode(result).decode())
        return
    show(result, for_results())
    say(f"\nReport: {report}   ·   to repeat: {result.settings.command}")
