"""What a run of faults says at the terminal and on its page."""

from __future__ import annotations

from html import escape
from io import StringIO

import pytest
from rich.console import Console

from lab.chaos.explain import explanations
from lab.chaos.live import progress
from lab.chaos.table import show
from lab.format import chaos
from lab.report.chaos import render
from lab.results.chaos import BadMessages, ChaosCell
from tests.unit.lab.chaos.sample import account, cell, result
from tests.unit.lab.report.reading import read

BAD = "<img src=x onerror=alert(1)>"


@pytest.mark.parametrize(
    ("shown", "text"),
    [
        (cell(), "none lost, back in 9.00 s / 12.0 s"),
        (cell(last_again_s=(9.0,)), "none lost, back in 9.00 s"),
        (
            cell(account=account(lost=12, held=5), last_again_s=()),
            "12 lost, 5 held",
        ),
        (
            cell(account=account(twice_by_fault=2, twice_otherwise=1), last_again_s=()),
            "none lost, 3 twice",
        ),
        (cell(resumed=1), "none lost, did not resume after 2 of 3 faults, back in 9.00 s / 12.0 s"),
        (cell(skipped="needs root"), "–"),
    ],
)
def test_a_cell_is_a_few_words(shown: ChaosCell, text: str) -> None:
    assert chaos.cell_text(shown) == text


def test_nothing_lost_is_claimed_only_as_far_as_the_number_of_faults_allows() -> None:
    few = chaos.settings_line(result(cell(hits=3)), "poolwise")
    many = chaos.settings_line(result(cell(hits=300)), "poolwise")
    assert few == "poolwise: none of 100 tasks lost in 3 faults; too few faults to say more"
    assert many.endswith("; with 95 % confidence, fewer than 1 % of such faults lose tasks")


def test_losses_are_counted_for_each_fault() -> None:
    lost = result(cell(settings="defaults", account=account(lost=12)))
    line = "defaults: 12 of 100 tasks lost in 3 faults, 4 per fault on average"
    assert chaos.settings_line(lost, "defaults") == line


def test_the_loss_in_a_single_fault_is_no_average() -> None:
    lost = result(cell(settings="defaults", hits=1, account=account(lost=5)))
    line = "defaults: 5 of 100 tasks lost in 1 fault"
    assert chaos.settings_line(lost, "defaults") == line


@pytest.mark.parametrize(
    ("shown", "words"),
    [
        (cell(last_again_s=()), ["lost"]),
        (cell(), ["lost", "back"]),
        (cell(account=account(lost=1, held=2, failed=3)), ["lost", "held", "failed", "back"]),
        (cell(account=account(dead=1, early=2), resumed=2), ["dead-lettered", "early"]),
        (cell(account=account(twice_by_fault=1, unknown=1)), ["twice", "unknown"]),
        (cell(skipped="needs root"), []),
    ],
)
def test_the_legend_explains_the_words_of_the_table_and_no_others(
    shown: ChaosCell, words: list[str]
) -> None:
    legend = chaos.legend([shown])
    text = chaos.cell_text(shown)
    explained = [part.partition(":")[0] for part in legend.split(" · ") if part]
    assert set(words) <= set(explained)
    assert all(word in text for word in explained)


def test_every_word_of_a_table_is_explained() -> None:
    counts = dict.fromkeys(("failed", "revoked", "dead", "refused", "held", "lost"), 1)
    bad = BadMessages(
        account=account(**counts),
        deliveries=1,
        runs=1,
        watched_s=1.0,
        workers_ended=0,
        longest_wait_s=0.0,
    )
    shown = [
        cell(account=account(**counts), messages=bad),
        cell(account=account(early=1, unknown=1, twice_otherwise=1), resumed=2),
    ]
    assert all(f"{word}: " in chaos.legend(shown) for word in chaos.MEANINGS)


def test_progress_begins_with_what_will_be_measured() -> None:
    console = Console(file=StringIO(), width=60)
    with progress(console) as lines:
        lines.prepared(1, 1, "seed 7469")
        lines.prepared(2, 6, "up to 2 at a time, seed 7469")
    assert isinstance(console.file, StringIO)
    assert console.file.getvalue().splitlines() == [
        "1 combination of fault, pool and settings, 1 fault in all, seed 7469",
        "2 combinations of fault, pool and settings, 6 faults in all, up to 2 at a time, seed 7469",
    ]


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
            cell(
                fault="cold-shutdown",
                pool="gevent",
                settings="acks-late",
                account=account(lost=1),
            ),
            "SIGTERM",
        ),
        (cell(fault="cold-shutdown", pool="solo", account=account(failed=1)), "SIGTERM"),
        (cell(settings="acks-late", account=account(held=1)), "visibility_timeout"),
        (cell(settings="defaults", account=account(failed=1)), "task_reject_on_worker_lost"),
        (cell(fault="redis-kill", account=account(lost=1)), "appendfsync"),
        (cell(account=account(twice_by_fault=1)), "idempotent"),
        (cell(account=account(twice_otherwise=1)), "Raise visibility_timeout"),
        (cell(fault="memory-error", account=account(failed=1)), "Catch MemoryError"),
        (
            cell(fault="memory-error", settings="reject-on-lost", account=account(held=1)),
            "puts such a message back",
        ),
        (cell(fault="clock-ahead", account=account(early=1)), "Synchronise the clocks"),
        (cell(fault="net-forgotten", account=account(held=1)), "Lower visibility_timeout"),
        (cell(settings="defaults+lease", account=account(lost=1)), "task_acks_late"),
        (on_lease("redis-kill", lost=1), "Set appendfsync to always."),
        (on_lease("stall", twice_by_fault=1), "looks the same as a dead one"),
        (on_lease("net-cut", twice_by_fault=1), "looks the same as a dead one"),
        (
            cell(fault="net-cut", settings="acks-late", account=account(twice_by_fault=1)),
            "worker_cancel_long_running_tasks",
        ),
        (
            cell(
                fault="warm-shutdown",
                settings="acks-late",
                account=account(twice_by_fault=1),
            ),
            "waits for these tasks",
        ),
    ],
)
def test_each_kind_of_loss_is_explained_with_what_helps(shown: ChaosCell, cure: str) -> None:
    [one] = explanations([shown])
    assert cure in one.cure
    assert one.tasks == 1


@pytest.mark.parametrize(
    ("shown", "cure"),
    [
        (cell(settings="reject-on-lost", account=account(failed=1)), ""),
        (cell(settings="poolwise+lease", account=account(failed=1)), ""),
        (cell(fault="memory-error", account=account(lost=1)), "No setting closes this gap"),
        (
            cell(fault="cold-shutdown", pool="gevent", account=account(lost=1)),
            "No setting closes this gap",
        ),
        (cell(fault="warm-shutdown", account=account(twice_by_fault=1)), "make tasks idempotent"),
    ],
)
def test_a_reason_whose_cure_is_in_place_explains_nothing(shown: ChaosCell, cure: str) -> None:
    found = explanations([shown])
    assert len(found) == bool(cure)
    assert all(cure in one.cure for one in found)


def test_what_kombus_own_transport_does_explains_no_cell_on_the_other() -> None:
    for fault in ("kill-worker", "redis-restart", "net-cut"):
        for counts in ({"lost": 1}, {"held": 1}, {"twice_otherwise": 1}):
            assert explanations([on_lease(fault, **counts)]) == ()
            stock = cell(fault=fault, settings="acks-late", account=account(**counts))
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
        "defaults: 14 of 200 tasks lost in 6 faults\n",
        "stall, prefork, poolwise: needs root",
        "Set task_acks_late",
        "did not resume after 1 of 3 faults",
    ):
        assert line in text


def test_the_page_shows_verdict_matrix_reasons_cells_and_commands() -> None:
    html = render(result())
    assert 'id="plotly"' not in html  # there is no plot on this page
    text = read(html).plain()
    order = (
        "defaults: 14 of 200 tasks lost",
        "What became of the tasks",
        "Why, and what helps",
        "Every combination",
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
