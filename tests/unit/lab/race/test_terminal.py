"""The terminal shows every figure at any width, without colour unless it is a terminal."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from rich.console import Console

from lab.format.transports import change_text, effects_sentence, ratio_text
from lab.measure.repeat import Progress
from lab.measure.scale import FULL
from lab.measure.selection import workloads
from lab.race.live import Board, LiveTerminal, PlainTerminal, events, headline
from lab.race.table import closing_line, show
from lab.results.race import Calibration, PoolResult, RaceResult
from lab.session.protocols import PoolConfig
from tests.unit.lab.report import two_transports
from tests.unit.lab.report.sample import race
from tests.unit.lab.sample import repeat
from worker.pools import POOLS

SPEED = Calibration(burn_iterations_per_ms=20_000, digest_rounds_per_ms=1_000)
CONFIGS = [PoolConfig(pool=POOLS[name], concurrency=2) for name in ("prefork", "gevent")]


def shown(width: int, result: RaceResult | None = None) -> str:
    console = Console(file=io.StringIO(), width=width)
    show(result or race(), console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.mark.parametrize("width", [40, 60, 80, 100, 120, 200])
def test_no_line_is_wider_than_the_terminal_and_no_figure_is_cut(width: int) -> None:
    text = shown(width)
    assert max(map(len, text.splitlines())) <= width
    assert "…" not in text
    assert "latency p50/p95/p99" in text
    assert "latency: from when a task is due until it finishes" in " ".join(text.split())
    for workload in race().workloads:
        for pool in workload.pools:
            assert pool.pool in text


@pytest.mark.parametrize("width", [40, 80, 120, 200])
def test_two_transports_are_named_and_compared_at_any_width(width: int) -> None:
    result = two_transports.race()
    text = shown(width, result)
    assert max(map(len, text.splitlines())) <= width
    assert "…" not in text
    lines = " ".join(text.split())
    for pool in result.workloads[0].pools:
        assert f"{pool.pool} ×{pool.concurrency}, {pool.transport}" in lines
    for words in ("fastest with stock", "fastest with lease", "lease/stock", "stock: prefork wins"):
        assert words in lines


def test_the_table_shows_the_ratio_of_each_pool() -> None:
    [_, fetch] = two_transports.race().workloads
    lines = [" ".join(line.split()) for line in shown(120, two_transports.race()).splitlines()]
    for effect in fetch.effects:
        pool = f"{effect.pool} ×{effect.concurrency}"
        assert f"{pool} {ratio_text(effect)} {change_text(effect)} 0.50" in lines
    assert any("makespan lease/stock difference CPU per task" in line for line in lines)
    assert effects_sentence(fetch.effects) in " ".join(lines)


def test_progress_names_the_transport_if_there_are_several() -> None:
    [burn] = workloads(("burn",), FULL, SPEED, 1)
    both = [replace(CONFIGS[0], transport=name) for name in ("stock", "lease")]
    console = Console(file=io.StringIO(), width=100)
    plain = PlainTerminal(console)
    plain.workload(burn, both, 3)
    for config in both:
        plain.measured(config, 1, repeat(2.0))
    console.print(Board(burn, both, repeats=3).table(100))
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    for transport in ("stock", "lease"):
        assert text.count(f"prefork ×2, {transport}") == 2


def test_progress_is_in_columns_and_says_what_the_other_load_was() -> None:
    [burn] = workloads(("burn",), FULL, SPEED, 1)
    console = Console(file=io.StringIO(), width=100)
    plain = PlainTerminal(console)
    plain.workload(burn, CONFIGS, 3)
    plain.measured(CONFIGS[0], 1, repeat(2.0, others_cpu=0.09, stolen_cpu=0.019))
    plain.measured(CONFIGS[1], 1, repeat(2.0, others_cpu=0.09, stolen_cpu=0.001))
    assert isinstance(console.file, io.StringIO)
    _, both, one = console.file.getvalue().splitlines()
    assert both.endswith("   other load 11 % (9.0 % processes, 1.9 % hypervisor)")
    assert one.endswith("   other load 9.1 %")
    assert both.index("repeat 1") == one.index("repeat 1")


def test_the_winner_is_marked_and_the_account_is_shown() -> None:
    text = shown(120)
    assert "← fastest" in text
    assert "submitted =" in text
    assert len(race().workloads) > 1
    assert text.count("of ideal: the shortest makespan possible") == 1
    assert text.count("memory: the peak of the whole worker") == 1


def test_pools_of_different_ideals_each_show_their_own() -> None:
    whole = race()
    [first, *_] = whole.workloads
    alike = [replace(pool, ideal_makespan_s=2.0) for pool in first.pools]
    unlike = [replace(alike[0], ideal_makespan_s=4.0), *alike[1:]]

    def ideal(pools: list[PoolResult]) -> str:
        one = replace(whole, workloads=(replace(first, pools=tuple(pools)),))
        return next(line for line in shown(300, one).splitlines() if line.startswith("ideal "))

    assert ideal(alike) == "ideal makespan 2.00 s"
    name = f"{alike[0].pool} ×{alike[0].concurrency}"
    assert ideal(unlike).startswith(f"ideal makespan 4.00 s ({name}), 2.00 s (")


def test_output_that_is_not_a_terminal_gets_no_escape_codes() -> None:
    assert "\x1b" not in shown(100)


def test_an_interrupted_race_says_so() -> None:
    console = Console(file=io.StringIO(), width=100)
    show(replace(race(), interrupted=True), console)
    assert isinstance(console.file, io.StringIO)
    assert "Interrupted" in console.file.getvalue()


def test_the_last_line_names_the_report_and_the_command_that_repeats_the_race() -> None:
    line = closing_line(race(), "runs/x/report.html")
    assert "runs/x/report.html" in line
    assert race().settings.command in line


@pytest.mark.parametrize("width", [40, 100])
def test_the_board_shows_bar_count_and_rate_within_the_width(width: int) -> None:
    [burn] = workloads(("burn",), FULL, SPEED, 1)
    board = Board(burn, CONFIGS, repeats=3)
    prefork = CONFIGS[0].key
    board.progress[prefork] = Progress(ended=10, elapsed_s=2.0)
    board.numbers[prefork] = 2
    board.done[prefork] = [repeat(2.0)]
    console = Console(file=io.StringIO(), width=width)
    console.print(board.table(width))
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    assert "10/12" in text
    assert "waiting" in text
    assert max(map(len, text.splitlines())) <= width
    assert ("5.00/s" in text) is (width > 60)


def test_the_settings_come_before_any_result() -> None:
    first, second = headline(race())
    assert race().versions.celery in first
    assert "100 ms of CPU" in second


@pytest.mark.parametrize(
    ("result", "shown"),
    [
        (two_transports.single(""), ""),
        (two_transports.single("stock"), ""),
        (two_transports.single("lease"), " · transport lease · seed 7"),
        (two_transports.race(), " · transport stock and lease · seed 7"),
    ],
)
def test_transports_other_than_the_usual_one_are_among_the_settings(
    result: RaceResult, shown: str
) -> None:
    line = headline(result)[0]
    assert shown in line
    assert ("transport" in line) is (shown != "")


def test_a_pipe_gets_lines_and_a_terminal_gets_a_board() -> None:
    assert isinstance(events(Console(file=io.StringIO())), PlainTerminal)
    assert isinstance(events(Console(file=io.StringIO(), force_terminal=True)), LiveTerminal)
