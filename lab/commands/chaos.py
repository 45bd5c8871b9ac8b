"""`poolwise chaos`: hurt workers, brokers and networks, and account for every task."""

from __future__ import annotations

import random
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

import click
import msgspec

from cluster.machine import Machine
from lab.chaos.chaos_options import (
    DEFAULT_DELIVERIES,
    DEFAULT_FAULTS,
    DEFAULT_KILLS,
    ChaosOptions,
    most_careful,
)
from lab.chaos.delivery import DELIVERIES, delivery_named
from lab.chaos.faults import FAULTS, fault_named
from lab.chaos.live import progress
from lab.chaos.run import run as run_chaos
from lab.chaos.table import show
from lab.commands import shared_options
from lab.commands.console import for_progress, for_results
from lab.commands.program import program
from lab.commands.streams import say
from lab.results import files as result_files
from lab.results.chaos import ChaosResult
from lab.results.output import write_whole
from lab.session.folders import run_folder
from tasks.errors import UsageError
from worker.pools import DEFAULT_POOLS


@click.command()
@click.option(
    "--fault",
    "faults",
    metavar="LIST",
    help=f"Faults to inject, separated by commas: {', '.join(FAULTS)}.  "
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
    help=f"Delivery settings to compare: {', '.join(DELIVERIES)}.  "
    f"[default: {', '.join(DEFAULT_DELIVERIES)}]",
)
@click.option("--all", "everything", is_flag=True, help="Test all faults with all settings.")
@click.option(
    "--kills",
    type=click.IntRange(1, 100_000),
    default=DEFAULT_KILLS,
    show_default=True,
    help="Faults to inject for each combination.",
)
@click.option(
    "--jobs",
    type=click.IntRange(1, 64),
    help="Combinations to test at the same time.  [default: two for each core]",
)
@click.option(
    "--seed", type=click.IntRange(0, 10**9), help="Seed for the moments.  [default: random]"
)
@shared_options.out
@shared_options.json_output
def chaos(  # noqa: PLR0913 - one parameter for each option of the command
    *,
    faults: str | None,
    pools: str,
    settings: str | None,
    everything: bool,
    kills: int,
    jobs: int | None,
    seed: int | None,
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
      poolwise chaos --all --json
    """
    machine = Machine.this()
    seed = random.randrange(10_000) if seed is None else seed  # noqa: S311 - no secret
    options = ChaosOptions(
        faults=tuple(
            map(fault_named, _names("--fault", faults, FAULTS if everything else DEFAULT_FAULTS))
        ),
        pools=shared_options.pools_named(pools),
        deliveries=tuple(
            map(
                delivery_named,
                _names("--settings", settings, DELIVERIES if everything else DEFAULT_DELIVERIES),
            )
        ),
        kills=kills,
        jobs=jobs or 2 * machine.cores,
        seed=seed,
        command=shared_options.repeating(seed),
        program=program(),
    )
    if not options.cells():
        raise UsageError("none of these pools has what these faults hit: name other pools")
    with run_folder(out, "chaos", datetime.now()) as run, progress(for_progress()) as lines:
        ended = run_chaos(options, run.absolute(), machine, lines)
        report = _save(ended.result, run)
    _finish(ended.result, report, as_json=as_json)
    if ended.ended_by is not None:
        raise ended.ended_by
    return _exit_code(ended.result, most_careful(options))


def _names(option: str, typed: str | None, default: Iterable[str]) -> tuple[str, ...]:
    if typed is None:
        return tuple(default)
    found = tuple(dict.fromkeys(shared_options.names(typed)))
    if not found:
        raise UsageError(f"{option} is empty: name at least one")
    return found


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
