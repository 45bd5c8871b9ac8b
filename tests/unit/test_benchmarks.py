"""The benchmarks report ratios as medians with a confidence interval."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import click
import pytest

from benchmarks.advice.example import EXAMPLES, Example, single_tasks
from benchmarks.advice.exhaustive import Candidate, done, grid
from benchmarks.advice.shares import shares
from benchmarks.peers import guarantee, results
from benchmarks.peers.guarantee import Source
from benchmarks.peers.libraries import LIBRARIES, Library
from benchmarks.peers.peer import PINS, version
from benchmarks.queues import Measured
from benchmarks.ran import ran
from benchmarks.ratio import by_pair, interval, line
from tests.paths import ROOT
from tests.unit.test_packaging import pins

#: Counts 4,000 tasks in threads and 10 in each of two forked processes, as workers do.
COUNT = """
import os, sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from benchmarks.ran import Counter

counter = Counter(Path(sys.argv[1]))
with ThreadPoolExecutor(4) as pool:
    for _ in range(4_000):
        pool.submit(counter.add)
for _ in range(2):
    if not (child := os.fork()):
        for _ in range(10):
            counter.add()
        os._exit(0)
    if os.waitpid(child, 0)[1]:
        sys.exit("a forked process failed")
"""


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


def test_a_task_that_must_be_alone_is_compared_only_in_processes_of_its_own() -> None:
    assert {one.pool for one in grid(2, [], alone=True)} == {"prefork"}
    assert [name for name in single_tasks() if Example.of(name).alone] == ["unsafe"]


def test_the_benchmark_leaves_out_only_the_mix() -> None:
    every = {path.parent.name for path in EXAMPLES.glob("*/README.md")}
    assert every - set(single_tasks()) == {"split"}


@pytest.mark.parametrize("name", single_tasks())
def test_the_benchmark_reads_the_command_of_each_example(name: str) -> None:
    example = Example.of(name)
    assert len(example.option("-A")) == 1
    assert "." in example.task
    assert example.option("--args")


def test_an_answer_is_compared_with_the_best_of_the_final_round_by_round() -> None:
    best, advised = Candidate("prefork", 2), Candidate("threads", 4)
    ended = Candidate("gevent", 8)
    final = {best: [10.0, 20.0, 40.0], advised: [9.0, 19.0, 30.0], ended: [50.0]}
    [share, other, none] = shares([advised, ended, None], final)
    assert (share.value, share.low, share.high) == (0.9, 0.75, 0.95)
    assert share.enough
    assert (other.value, none.value) == (0.0, 0.0)
    assert not other.enough


def test_a_lucky_round_does_not_choose_what_it_is_compared_with() -> None:
    lucky, steady = Candidate("prefork", 2), Candidate("threads", 4)
    final = {lucky: [8.0, 8.0, 12.0, 12.0, 12.0], steady: [10.5] * 5}
    [share] = shares([steady], final)
    assert (share.value, share.low) == (1.0, 1.0)
    [only] = shares([lucky], {steady: [10.0], lucky: [9.0]})
    assert only.value == 0.9


def test_a_task_that_is_partly_in_the_window_counts_partly() -> None:
    spans = [(0.0, 1.0), (0.5, 1.5), (1.0, 2.0), (1.9, 2.1), (5.0, 6.0)]
    assert done(spans, 1.0, 2.0) == pytest.approx(0.5 + 1.0 + 0.5)


def test_tasks_are_counted_in_threads_and_forked_processes(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", COUNT, str(tmp_path)], check=True, cwd=ROOT)
    assert ran(tmp_path, 10_000) == 4_020


def measured(*rates: float) -> list[Measured]:
    return [Measured(rate_per_s=rate, cpu_us=100.0) for rate in rates]


def test_the_best_setting_has_the_highest_median() -> None:
    runs = {"steady": measured(5.0, 5.0, 5.0), "lucky": measured(1.0, 4.0, 9.0)}
    assert results.best(runs) == "steady"
    assert [text[0] for text in results.table("library", runs)] == ["*", " "]


def test_celery_is_compared_with_the_best_setting_round_by_round() -> None:
    peer = {"slow": measured(1.0, 1.0), "fast": measured(2.0, 4.0)}
    [text] = results.ratios({"solo": measured(4.0, 4.0)}, "huey", peer)
    assert text.startswith("solo / huey ")
    assert "1.500   (all: 1.000 to 2.000, 2 pairs)" in text


def test_a_source_is_found_by_its_text(tmp_path: Path) -> None:
    (tmp_path / "code.py").write_text("one\ntwo\none\n")
    assert Source(file="code.py", text="two").located(tmp_path) == "code.py:2"
    for text in ("one", "three"):
        with pytest.raises(ValueError, match="lines contain"):
            Source(file="code.py", text=text).located(tmp_path)


def test_our_own_guarantee_names_lines_that_exist() -> None:
    assert "kombu_lease/options.py:" in guarantee.LEASE.lines(ROOT)[-1]


@pytest.mark.parametrize("library", LIBRARIES, ids=lambda library: library.name)
def test_each_library_is_pinned_and_its_settings_have_names_of_their_own(library: Library) -> None:
    assert version(library.pins)
    assert (ROOT / "benchmarks" / "peers" / "apps" / f"{library.app}.py").exists()
    names = [setting.name for setting in library.settings]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("file", sorted(PINS.glob("*.txt")), ids=lambda file: file.stem)
def test_the_pins_of_other_libraries_have_hashes_and_name_no_package_source(file: Path) -> None:
    assert all(hashes for _, hashes in pins(str(file.relative_to(ROOT))).values())
    assert "://" not in file.read_text(encoding="utf-8")
