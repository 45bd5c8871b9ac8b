"""What a run of faults says at the terminal and on its page."""

from __future__ import annotations

from html import escape
from io import StringIO

import pytest
from rich.console import Console

from lab.chaos.explain import explanations
from lab.chaos.table import show
from lab.format import chaos
from lab.report.chaos import render
from lab.results.chaos import ChaosCell
from tests.unit.lab.chaos.sample import account, cell, result
from tests.unit.lab.report.reading import read

BAD = "<img src=x onerror=alert(1)>"


@pytest.mark.parametrize(
    ("shown", "text"),
    [
        (cell(), "none lost, back in 9.00 s"),
        (
            cell(account=account(lost=12, held=5), last_again_s=()),
            "12 lost, 5 held",
        ),
        (
            cell(account=account(twice_by_fault=2, twice_otherwise=1), last_again_s=()),
            "none lost, 3 twice",
        ),
        (cell(resumed=1), "none lost, did not resume 2 of 3 times, back in 9.00 s"),
        (cell(skipped="needs root"), "–"),
    ],
)
def test_a_cell_is_a_few_words(shown: ChaosCell, text: str) -> None:
    assert chaos.cell_text(shown) == text


def test_nothing_lost_is_claimed_only_as_far_as_the_number_of_faults_allows() -> None:
    few = chaos.settings_line(result(cell(hits=3)), "poolwise")
    many = chaos.settings_line(result(cell(hits=300)), "poolwise")
    assert few == (
        "poolwise: none of 100 tasks lost in 3 faults; with 95 % confidence, fewer than 1 per fault"
    )
    assert "fewer than 0.01 per fault" in many


def test_losses_are_counted_for_each_fault() -> None:
    lost = result(cell(settings="defaults", account=account(lost=12)))
    line = "defaults: 12 of 100 tasks lost in 3 faults, 4 each"
    assert chaos.settings_line(lost, "defaults") == line


def on_lease(fault: str, **counts: int) -> ChaosCell:
    """Return a cell of the transport in kombu_lease."""
    return cell(
        fault=fault, settings="poolwise+lease", transport="lease", account=account(**counts)
    )


@pytest.mark.parametrize(
    ("shown", "cure"),
    [
        (cell(settings="defaults", account=account(lost=1)), "task_acks_late"),
        (cell(settings="acks-late", account=account(lost=1)), "No setting closes this gap"),
        (
            cell(fault="cold-shutdown", pool="gevent", account=account(lost=1)),
            "SIGTERM",
        ),
        (cell(settings="acks-late", account=account(held=1)), "visibility_timeout"),
        (cell(settings="defaults", account=account(failed=1)), "task_reject_on_worker_lost"),
        (cell(fault="redis-kill", account=account(lost=1)), "appendfsync"),
        (cell(account=account(twice_by_fault=1)), "idempotent"),
        (cell(account=account(twice_otherwise=1)), "Raise visibility_timeout"),
        (cell(fault="memory-error", account=account(failed=1)), "Catch MemoryError"),
        (cell(fault="memory-error", account=account(held=1)), "workers that put such"),
        (cell(fault="clock-ahead", account=account(early=1)), "Synchronise the clocks"),
        (cell(fault="net-forgotten", account=account(held=1)), "Set visibility_timeout"),
        (cell(settings="defaults+lease", account=account(lost=1)), "task_acks_late"),
        (on_lease("redis-kill", lost=1), "Set appendfsync to always."),
    ],
)
def test_each_kind_of_loss_is_explained_with_what_helps(shown: ChaosCell, cure: str) -> None:
    [one] = explanations([shown])
    assert cure in one.cure
    assert one.tasks == 1


def test_what_kombus_own_transport_does_explains_no_cell_on_the_other() -> None:
    for fault in ("kill-worker", "redis-restart", "net-cut"):
        for counts in ({"lost": 1}, {"held": 1}, {"twice_otherwise": 1}):
            assert explanations([on_lease(fault, **counts)]) == ()
            stock = cell(fault=fault, account=account(**counts))
            assert len(explanations([stock])) == 1


def test_a_cell_in_which_all_is_well_needs_no_explanation() -> None:
    assert explanations([cell(), cell(skipped="needs root", account=account(lost=1))]) == ()


def test_every_cell_adds_up() -> None:
    assert chaos.unaccounted(result().cells) == []
    assert chaos.unaccounted([cell(account=account(lost=1)), cell()]) == []


def test_the_terminal_shows_matrix_reasons_and_what_was_not_measured() -> None:
    console = Console(file=StringIO(), width=120)
    show(result(), console)
    assert isinstance(console.file, StringIO)
    text = console.file.getvalue()
    for line in (
        "12 lost, 5 held",
        "defaults: 14 of 200 tasks lost in 6 faults, 2.3 each",
        "stall, prefork, poolwise: needs root",
        "Set task_acks_late",
        "did not resume 1 of 3 times",
    ):
        assert line in text


def test_the_page_shows_verdict_matrix_reasons_cells_and_commands() -> None:
    text = read(render(result())).plain()
    order = (
        "defaults: 14 of 200 tasks lost",
        "What became of the tasks",
        "Why, and what helps",
        "Every cell",
        "--fault kill-worker --pool prefork --seed 1",
        "Delivery settings",
        "what kill-worker does",
        "To repeat this: poolwise chaos --seed 1",
    )
    places = [text.index(one) for one in order]
    assert places == sorted(places)


def test_a_name_that_is_markup_is_escaped() -> None:
    html = render(result(name=BAD))
    assert BAD not in html
    assert escape(BAD) in html
