"""`poolwise observe`: what running workers do, and what it costs them."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import click
import msgspec

from lab.commands import broker_options, shared_options
from lab.commands.console import for_progress, for_results
from lab.commands.streams import say
from lab.observe.live import progress
from lab.observe.observe_options import ObserveOptions, window
from lab.observe.run import observe as run_observation
from lab.observe.table import show
from lab.results import files as result_files
from lab.results.observation import ObservationResult
from lab.session.choose import no_worker
from lab.session.folders import run_folder
from producer import broker as brokers
from producer.address import redacted


@click.command()
@broker_options.running_broker
@click.option(
    "--for",
    "window_text",
    default="5m",
    show_default=True,
    metavar="DURATION",
    help="How long to observe, from 5s to 1h.",
)
@shared_options.out
@shared_options.json_output
def observe(*, window_text: str, out: Path, as_json: bool, **named: Any) -> int:
    """Find what slows running workers down or loses tasks.

    It only reads: it sends no tasks, and changes no worker, queue or setting. The figures come from
    Poolwise's probe if the workers have loaded it (-I worker.probe), otherwise from task events if
    they are on, otherwise from the workers' replies to inspection. Exits with 1 if it finds
    something.

    \b
    Example:
      poolwise observe
      poolwise observe --broker redis://localhost:6379/0 --for 1m
      poolwise observe -A proj --for 30s --json
    """
    for_s = window(window_text)
    chosen = broker_options.broker_of_workers(named)
    url = chosen.url or ""
    options = ObserveOptions(broker_url=url, transport_options=chosen.options, for_s=for_s)
    server = brokers.connect(url, broker_options.start_some(), check=brokers.answers)
    try:
        with run_folder(out, "observe", datetime.now()) as run, progress(for_progress()) as lines:
            observed = run_observation(
                options, server, lambda: no_worker(redacted(url), chosen.options), lines
            )
            result_files.write(observed.result, run / "result.json")
    finally:
        server.close()
    _finish(observed.result, run, as_json=as_json)
    if observed.ended_by is not None:
        raise observed.ended_by
    return 1 if observed.result.findings else 0


def _finish(result: ObservationResult, run: Path, *, as_json: bool) -> None:
    if as_json:
        say(msgspec.json.encode(result).decode())
        return
    show(result, for_results())
    say(f"\nResult: {run / 'result.json'}")
