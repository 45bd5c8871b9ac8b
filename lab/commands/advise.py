"""`poolwise advise`: the right pool and concurrency for a task of the user's own project."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import click

from lab.advise import advise_options
from lab.advise.advise_options import AdviseOptions
from lab.advise.check import deployed, read_check
from lab.advise.chosen_calls import chosen_calls
from lab.advise.consent import consent_lines
from lab.advise.hooks import Hooks
from lab.advise.live import progress
from lab.advise.run import advise as run_advice
from lab.advise.trial.cost import cost as read_cost
from lab.commands import project_options, shared_options
from lab.commands.advise_output import finish
from lab.commands.console import for_progress
from lab.commands.option_types import AnyPath, FiniteRange, WholeRange
from lab.project.endpoints import given
from lab.project.interpreter import find_python
from lab.project.project import open_project
from lab.session.folders import run_folder
from worker.pools import DEFAULT_POOLS


@click.command()
@click.option("-A", "--app", required=True, metavar="APP", help="Your app, as in `celery -A APP`.")
@project_options.of_calls
@click.option(
    "--all-from",
    type=AnyPath(),
    metavar="FILE",
    help="A file like the one for --calls, with calls of several tasks that share a machine. The "
    "answer is then one pool for all of them, or two groups of workers if that is faster. With "
    '--calls, the answer is always one pool. Add "weight": 3 to a line to send its call three '
    "times as often.",
)
@click.option(
    "--pools",
    default=",".join(DEFAULT_POOLS),
    show_default=True,
    metavar="LIST",
    help="Pools to try, separated by commas.",
)
@click.option(
    "--budget",
    default="2m",
    show_default=True,
    metavar="DURATION",
    help="How long the search may take, such as 90s or 5m.",
)
@click.option(
    "--memory", metavar="SIZE", help="Memory limit for all workers together, such as 512M."
)
@click.option(
    "--slo", metavar="OBJECTIVE", help='Limit on the run time of the task, such as "p95<200ms".'
)
@click.option(
    "--cost",
    metavar="PRICES",
    help='What a core and a GB of memory cost, such as "core=30,gb=4". The best is then the one '
    "with the most throughput for the same cost.",
)
@click.option(
    "--check",
    metavar="COMMAND",
    help="Your current command line, such as 'celery -A shop worker -c 4'. The exit code is 1 if "
    "it falls short of the best by more than --margin, or cannot be compared with it.",
)
@click.option(
    "--margin",
    type=FiniteRange(0, 10),
    default=0.1,
    show_default=True,
    help="How much more throughput than --check the best may have; 0.1 is 10 %.",
)
@click.option(
    "--setup",
    default="",
    metavar="COMMAND",
    help="A shell command that prepares what the task needs, such as './manage.py loaddata test'. "
    "It runs in this folder before the first run of the task.",
)
@click.option(
    "--teardown",
    default="",
    metavar="COMMAND",
    help="A shell command that runs at the end, even after an error or Ctrl-C.",
)
@click.option(
    "--seed",
    type=WholeRange(0, 10**9),
    help="Seed for the order of the trials. [default: random]",
)
@shared_options.out
@shared_options.json_output
def advise(  # noqa: PLR0913 - one parameter for each option of the command
    *,
    task: str,
    app: str,
    args: tuple[str, ...],
    kwargs: tuple[str, ...],
    calls: Path | None,
    all_from: Path | None,
    python: str,
    pools: str,
    budget: str,
    memory: str | None,
    slo: str | None,
    cost: str | None,
    check: str | None,
    margin: float,
    setup: str,
    teardown: str,
    allow: tuple[str, ...],
    seed: int | None,
    yes: bool,
    out: Path,
    as_json: bool,
) -> int:
    """Find the best pool and concurrency for a task of your own.

    Name the TASK, or give --calls or --all-from. Run it in the folder where you start your workers.
    It starts workers with your own interpreter and Celery, but on a private broker: no task is sent
    to your queues or taken from them. The task really runs: it reads and writes the databases and
    services that it is configured for.

    \b
    Example:
      poolwise advise -A shop.celery shop.tasks.fetch_price --args '["SKU-1"]'
      poolwise advise -A shop.celery --calls calls.jsonl --budget 5m --memory 512M
      poolwise advise -A shop.celery --all-from mix.jsonl --budget 5m
    """
    chosen, mix = chosen_calls(task, args, kwargs, calls, all_from)
    folder = Path.cwd()
    options = AdviseOptions(
        app=app,
        folder=folder,
        python=find_python(python, folder),
        calls=chosen,
        mix=mix,
        pools=shared_options.pools_named(pools),
        budget_s=advise_options.budget(budget),
        memory_bytes=advise_options.memory(memory),
        slo=advise_options.slo(slo),
        cost=read_cost(cost),
        deployed=None,
        margin=margin,
        allowed=frozenset(map(given, allow)),
        hooks=Hooks(setup=setup, teardown=teardown),
        seed=random.randrange(10_000) if seed is None else seed,  # noqa: S311 - no secret
        command="",
    )
    options = replace(options, command=shared_options.repeating(options.seed))
    line = None if check is None else read_check(check)
    with run_folder(out, "advise", datetime.now()) as run:
        logs = run.absolute()
        project = open_project(app, folder, options.python, logs, options.allowed)
        for name in options.tasks:
            project.description.task(name)
        if line is not None:
            options = replace(options, deployed=deployed(line, project.description))
        project_options.confirm(consent_lines(options, project.description), yes=yes)
        with progress(for_progress()) as events:
            advised = run_advice(options, project, logs, events)
        finish(advised.result, run, as_json=as_json)
    if advised.ended_by is not None:
        raise advised.ended_by
    today = advised.result.deployed
    good = advised.result.answer is not None and not (today and today.falls_short)
    return 0 if good else 1
