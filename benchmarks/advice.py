"""Compares the advice for the projects in `examples/` with a measurement of all candidates.

    python -m benchmarks.advice [EXAMPLE ...] [--budget 2m] [--asked 3] [--rounds 3] [--window 4]

For each example, it runs the `poolwise advise` line of its README several times. Then it measures a
whole grid of pools and concurrencies, and the advised candidates with them: in each round every
candidate once, in random order, in workers of its own. It uses nothing of the advice but the
answer: a candidate's throughput is that of a fixed window of its tasks, counted here. The medians
are compared.

The machine must be quiet. An example takes about ten minutes. Exits with 1 if an advised candidate
has less than 0.90 of the best throughput anywhere.
"""

from __future__ import annotations

import contextlib
import json
import random
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import click

from benchmarks.exhaustive import Bench, Candidate, grid
from cluster.machine import Machine
from lab.project import calls
from lab.project.project import open_project
from lab.session.session import open_session

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
#: The share of the best throughput that the advised candidate must have.
ENOUGH = 0.90
#: A candidate with less than this share of the best in the first round is not measured again.
HOPELESS = 0.7


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """The command in an example's README."""

    folder: Path
    words: tuple[str, ...]  # without `poolwise advise`

    @classmethod
    def of(cls, name: str) -> Line:
        """Read the README of an example."""
        lines = (EXAMPLES / name / "README.md").read_text(encoding="utf-8").splitlines()
        [line] = [one for one in lines if one.startswith("poolwise advise ")]
        return cls(folder=EXAMPLES / name, words=tuple(shlex.split(line)[2:]))

    def option(self, name: str) -> list[str]:
        """Return the values of an option."""
        return [after for word, after in zip(self.words, self.words[1:], strict=False)
                if word == name]  # fmt: skip

    @property
    def task(self) -> str:
        """The task: the only word that is neither an option nor its value."""
        return next(
            word
            for before, word in zip(("", *self.words), self.words, strict=False)
            if not before.startswith("-") and not word.startswith("-")
        )


@click.command()
@click.argument("names", nargs=-1)
@click.option("--budget", default="2m", show_default=True, help="Of the advice.")
@click.option("--asked", type=click.IntRange(1), default=3, show_default=True, help="Times.")
@click.option("--rounds", type=click.IntRange(1), default=3, show_default=True)
@click.option("--window", type=click.FloatRange(0.5), default=4.0, show_default=True)
@click.option("--seed", default=1, show_default=True)
def main(
    names: tuple[str, ...], budget: str, asked: int, rounds: int, window: float, seed: int
) -> None:
    """Compare the advice with everything else that could be deployed."""
    chosen = names or single_tasks()
    machine = Machine.this()
    click.echo(
        f"{machine.cores} cores, asked {asked} times with --budget {budget}, then {rounds} rounds "
        f"of windows of {window:g} s, seed {seed}"
    )
    shares = []
    for name in chosen:
        line = Line.of(name)
        with _served(line.folder):
            click.echo(f"\n{name}")
            answers = [_advised(line, budget) for _ in range(asked)]
            advised = [answer for answer in answers if answer is not None]
            rates = _rates(line, advised, rounds, window, random.Random(seed))  # noqa: S311
        shares += _report(advised, rates) + [0.0] * (asked - len(advised))
    close = sum(share >= ENOUGH for share in shares)
    click.echo(f"\n{close} of {len(shares)} answers within {1 - ENOUGH:.0%} of the best")
    sys.exit(0 if close == len(shares) else 1)


def single_tasks() -> tuple[str, ...]:
    """Return the examples of a single task; a mix has no single best candidate to compare with."""
    names = sorted(path.parent.name for path in EXAMPLES.glob("*/README.md"))
    return tuple(name for name in names if not Line.of(name).option("--all-from"))


def _report(advised: Sequence[Candidate], rates: dict[Candidate, list[float]]) -> list[float]:
    """Print all candidates; return each answer's share of the best throughput."""
    ranked = sorted(rates, key=lambda one: -median(rates[one]))
    for one in ranked:
        values = " ".join(f"{rate:,.1f}" for rate in rates[one])
        mark = "  <- advised" if one in advised else ""
        click.echo(f"  {one!s:<18} {median(rates[one]):10,.1f}/s   ({values}){mark}")
    best = median(rates[ranked[0]]) if ranked else 0.0
    shares = [median(rates[one]) / best if one in rates else 0.0 for one in advised]
    for one, share in zip(advised, shares, strict=True):
        click.echo(f"  advised: {one!s:<18} {share:.2f} of the best")
    return shares


def _advised(line: Line, budget: str) -> Candidate | None:
    """Run the command of the README; return its answer."""
    poolwise = str(Path(sys.executable).with_name("poolwise"))
    with tempfile.TemporaryDirectory() as folder:
        started_s = time.monotonic()
        done = subprocess.run(
            [poolwise, "advise", *line.words, "--python", sys.executable, "--yes", "--json",
             "--budget", budget, "--out", folder],
            cwd=line.folder, stdout=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip
        seconds = time.monotonic() - started_s
    answer: dict[str, Any] | None = json.loads(done.stdout or "{}").get("answer")
    found = Candidate(answer["pool"], answer["concurrency"], answer["workers"]) if answer else None
    click.echo(f"  {found or 'no advice'} after {seconds:.0f} s")
    return found


def _rates(
    line: Line,
    advised: Sequence[Candidate],
    rounds: int,
    window_s: float,
    order: random.Random,
) -> dict[Candidate, list[float]]:
    machine = Machine.this()
    rates: dict[Candidate, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        logs = Path(folder)
        project = open_project(line.option("-A")[0], line.folder, Path(sys.executable), logs)
        with open_session(logs, None, machine) as session:
            work = calls.from_options(line.task, line.option("--args"), line.option("--kwargs"))
            limit = next((_bytes(one) for one in line.option("--memory")), None)
            bench = Bench(session, project, work, window_s=window_s, memory_bytes=limit)
            left = grid(machine.cores, advised)
            for _ in range(rounds):
                for candidate in order.sample(left, len(left)):
                    if (rate := bench.rate(candidate)) is not None:
                        rates.setdefault(candidate, []).append(rate)
                best = max((median(values) for values in rates.values()), default=0.0)
                left = [one for one in left if one in advised
                        or (one in rates and median(rates[one]) > HOPELESS * best)]  # fmt: skip
    return rates


def _bytes(text: str) -> int:
    return int(float(text[:-1]) * {"k": 1e3, "M": 1e6, "G": 1e9}[text[-1]])


@contextlib.contextmanager
def _served(folder: Path) -> Iterator[None]:
    """Run the example's server, if it has one."""
    script = folder / "server.py"
    if not script.exists():
        yield
        return
    command: Sequence[str] = [sys.executable, str(script)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None  # noqa: S101 - for mypy
            server.stdout.readline()
            yield
        finally:
            server.kill()


if __name__ == "__main__":
    main()
