"""The benchmarks report ratios as medians with a confidence interval."""

from __future__ import annotations

import click
import pytest

from benchmarks.advice import EXAMPLES, Line, single_tasks
from benchmarks.exhaustive import Candidate, done, grid
from benchmarks.ratio import by_pair, interval, line


@pytest.mark.parametrize(
    ("count", "low", "high"),
    [(1, 1, 1), (5, 1, 5), (6, 1, 6), (12, 3, 10), (60, 23, 38)],
)
def test_the_interval_ends_at_the_ranks_of_the_sign_test(count: int, low: int, high: int) -> None:
    assert interval(list(range(count, 0, -1))) == (low, high)


def test_ratios_are_computed_pair_by_pair() -> None:
    assert by_pair([2.0, 9.0], [1.0, 3.0]) == [2.0, 3.0]
    with pytest.raises(ValueError, match="zip"):
        by_pair([1.0], [1.0, 2.0])


@pytest.mark.parametrize("values", [([0.0, 1.0], [1.0, 1.0]), ([1.0, 1.0], [1.0, 0.0])])
def test_a_time_too_short_to_be_measured_is_explained(values: tuple[list[float], ...]) -> None:
    with pytest.raises(click.UsageError, match="use more tasks"):
        by_pair(*values)


def test_too_few_values_have_no_confidence_interval() -> None:
    assert "(all: 1.000 to 5.000, 5 pairs)" in line("a / b", [1, 2, 3, 4, 5])
    assert "(95 %: 1.000 to 6.000, 6 pairs)" in line("a / b", [1, 2, 3, 4, 5, 6])


def test_the_advised_candidate_is_measured_with_all_others() -> None:
    advised = Candidate("threads", 37)
    found = grid(2, [advised])
    assert advised in found
    assert len(found) == len(set(found))
    assert {one.pool for one in found} == {"prefork", "threads", "gevent"}
    assert max(one.workers for one in found) == 2
    assert max(one.workers for one in grid(1, [])) == 1


def test_the_benchmark_leaves_out_only_the_mix() -> None:
    every = {path.parent.name for path in EXAMPLES.glob("*/README.md")}
    assert every - set(single_tasks()) == {"split"}


@pytest.mark.parametrize("name", single_tasks())
def test_the_benchmark_reads_the_command_of_each_example(name: str) -> None:
    line = Line.of(name)
    assert len(line.option("-A")) == 1
    assert "." in line.task
    assert line.option("--args")


def test_a_task_that_is_partly_in_the_window_counts_partly() -> None:
    spans = [(0.0, 1.0), (0.5, 1.5), (1.0, 2.0), (1.9, 2.1), (5.0, 6.0)]
    assert done(spans, 1.0, 2.0) == pytest.approx(0.5 + 1.0 + 0.5)
