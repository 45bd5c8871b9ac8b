"""Compares the advice for the projects in `examples/` with a measurement of all candidates.

    python -m benchmarks.advice [EXAMPLE ...] [--budget 2m] [--asked 3] [--rounds 6] [--window 3]

For each example, it runs the `poolwise advise` line of its README several times. Then it measures,
using nothing of the advice but the answers:

1. A whole grid of pools and concurrencies, each once, in random order.
2. The final: the fastest of the grid and the advised candidates, each once in each round, in random
   order. Only these rounds count. In the grid, the highest of 31 figures is mostly a lucky one, and
   nobody could give an answer that is as fast.

Each time, a candidate gets workers of its own. Its throughput is that of a fixed window of its
tasks, counted here. In each round, an answer is compared with the candidate that was
the best in the other rounds; its share of the best throughput is the median of the rounds.

The machine must be quiet. An example takes about fifteen minutes. Exits with 1 if an answer has
less than 0.90 of the best throughput.
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import click

from benchmarks.advice.example import Example, single_tasks
from benchmarks.advice.exhaustive import Bench, Candidate, grid
from benchmarks.advice.shares import ENOUGH, Rates, Share, fastest, shares
from cluster.machine import Machine
from lab.project import calls
from lab.project.project import open_project
from lab.session.session import open_session

#: How many of the grid are in the final.
FINALISTS = 5


@click.command()
@click.argument("names", nargs=-1)
@click.option("--budget", default="2m", show_default=True, help="Time for each search for advice.")
@click.option(
    "--asked",
    type=click.IntRange(1),
    default=3,
    show_default=True,
    help="How often to ask for advice.",
)
@click.option(
    "--rounds", type=click.IntRange(1), default=6, show_default=True, help="Rounds of the final."
)
@click.option(
    "--window",
    type=click.FloatRange(0.5),
    default=3.0,
    show_default=True,
    help="Length of each measurement in seconds.",
)
@click.option("--seed", default=1, show_default=True)
def main(
    names: tuple[str, ...], budget: str, asked: int, rounds: int, window: float, seed: int
) -> None:
    """Compare the advice with everything else that could be deployed."""
    click.echo(
        f"{Machine.this().cores} cores, asked {asked} times with --budget {budget}, then {rounds} "
        f"rounds of windows of {window:g} s, seed {seed}"
    )
    found: list[Share] = []
    for name in names or single_tasks():
        click.echo(f"\n{name}")
        example = Example.of(name)
        with example.served():
            answers = [_asked(example, budget) for _ in range(asked)]
            with _bench(example, window) as bench:
                order = random.Random(seed)  # noqa: S311
                final = _measured(bench, answers, rounds, order, alone=example.alone)
        found += (new := list(shares(answers, final)))
        _show(final)
        click.echo("".join(f"  {share}\n" for share in new), nl=False)
    close = sum(share.enough for share in found)
    click.echo(f"\n{close} of {len(found)} answers within {1 - ENOUGH:.0%} of the best")
    sys.exit(0 if close == len(found) else 1)


def _asked(example: Example, budget: str) -> Candidate | None:
    started_s = time.monotonic()
    found = example.advised(budget)
    click.echo(f"  {found or 'no advice'} after {time.monotonic() - started_s:.0f} s")
    return found


@contextmanager
def _bench(example: Example, window_s: float) -> Iterator[Bench]:
    with tempfile.TemporaryDirectory() as folder:
        logs = Path(folder)
        project = open_project(example.option("-A")[0], example.folder, Path(sys.executable), logs)
        work = calls.from_options(
            example.task, example.option("--args"), example.option("--kwargs")
        )
        with open_session(logs, None, Machine.this()) as session:
            yield Bench(
                session, project, work, window_s=window_s, memory_bytes=example.memory_bytes
            )


def _measured(
    bench: Bench,
    answers: Sequence[Candidate | None],
    rounds: int,
    order: random.Random,
    *,
    alone: bool,
) -> Rates:
    """Measure the whole grid, then the final; return the rates of the final."""
    advised = [answer for answer in answers if answer is not None]
    first = _turns(bench, grid(Machine.this().cores, advised, alone=alone), 1, order)
    return _turns(bench, dict.fromkeys([*fastest(first, FINALISTS), *advised]), rounds, order)


def _turns(
    bench: Bench, candidates: Collection[Candidate], rounds: int, order: random.Random
) -> dict[Candidate, list[float]]:
    """Measure each candidate once a round, in random order."""
    rates: dict[Candidate, list[float]] = {}
    for number in range(rounds):
        click.echo(f"  {len(candidates)} candidates, round {number + 1} of {rounds}", err=True)
        for candidate in order.sample(list(candidates), len(candidates)):
            if (rate := bench.rate(candidate)) is not None:
                rates.setdefault(candidate, []).append(rate)
    return rates


def _show(final: Rates) -> None:
    for one in fastest(final, len(final)):
        values = " ".join(f"{rate:,.1f}" for rate in final[one])
        click.echo(f"  {one!s:<18} {median(final[one]):10,.1f}/s   ({values})")


if __name__ == "__main__":
    main()
