"""The book knows what runs where and what is open, from a file that grows."""

from __future__ import annotations

import mmap
from pathlib import Path
from uuid import uuid4

import pytest

from lab.chaos.trial.book import Book, Sent
from tasks.chaos import ledger


@pytest.fixture
def book(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Book:
    monkeypatch.setenv(ledger.VARIABLE, str(tmp_path / "ledger"))
    return Book(ledger.Reader(tmp_path / "ledger"))


def add(book: Book, task_id: str, *, known: bool = True) -> None:
    book.add(Sent(task_id=task_id, at_s=0.0, known=known))


def test_what_started_and_did_not_end_runs(book: Book) -> None:
    for task_id in "ab":
        add(book, task_id)
        ledger.note("started", task_id)
    ledger.note("ended", "a")
    pid = book.closed()[1][0].pid
    assert set(book.running([pid])) == {"b"}
    assert book.running([pid + 1]) == {}
    assert set(book.unended({"a": 0.0, "b": 0.0})) == {"b"}


def test_what_was_interrupted_is_so_until_it_starts_again_or_ends(book: Book) -> None:
    for task_id in "abc":
        ledger.note("started", task_id)
    interrupted = {line.task_id: line.at_s for line in book.closed()[1]}
    assert book.interrupted_still(interrupted) == {"a", "b", "c"}
    ledger.note("started", "a")
    assert book.interrupted_still(interrupted) == {"b", "c"}
    ledger.note("ended", "b")
    assert book.interrupted_still(interrupted) == {"c"}


@pytest.mark.parametrize("event", sorted(ledger.EVENTS - {"started"}))
def test_a_task_is_open_until_it_ended_in_any_way(book: Book, event: str) -> None:
    add(book, "a")
    ledger.note("started", "a")
    assert book.open() == {"a"}
    ledger.note(event, "a")
    assert book.open() == set()


def test_a_task_may_end_before_its_submission_is_noted(book: Book) -> None:
    ledger.note("ended", "a")
    book.update()
    add(book, "a")
    assert book.open() == set()


def test_an_unconfirmed_submission_is_not_open(book: Book) -> None:
    add(book, "a", known=False)
    assert book.open() == set()


def test_starts_are_found_by_time_and_process(book: Book) -> None:
    ledger.note("started", "a")
    [line] = book.closed()[1] or (None,)
    assert line is not None
    assert book.started_since(line.at_s - 1, [line.pid])
    assert not book.started_since(line.at_s, [line.pid])
    assert not book.started_since(line.at_s - 1, [line.pid + 1])


def test_the_first_start_may_have_to_be_that_of_a_new_task(book: Book) -> None:
    for task_id in "abc":
        ledger.note("started", task_id)
    first, second, third = book.closed()[1]
    pids = [first.pid]
    assert book.first_start(first.at_s - 1, pids) == first.at_s
    assert book.first_start(first.at_s, pids) == second.at_s
    assert book.first_start(first.at_s, pids, sent_s=1.0) is None
    for task_id, at_s, known in (("a", 1.0, True), ("b", 2.0, False), ("c", 2.0, True)):
        book.add(Sent(task_id=task_id, at_s=at_s, known=known))
    assert book.first_start(first.at_s - 1, pids, sent_s=1.0) == third.at_s
    assert book.first_start(first.at_s - 1, pids, sent_s=2.0) is None


def test_an_incomplete_line_waits_for_its_end(tmp_path: Path) -> None:
    path = tmp_path / "ledger"
    path.write_text('["started", "a", 1, 2.0, false, ""]\n["ended", "a"')
    reader = ledger.Reader(path)
    assert [one.event for one in reader.new()] == ["started"]
    with path.open("a") as file:
        file.write(', 1, 3.0, false, ""]\n')
    assert [one.event for one in reader.new()] == ["ended"]
    assert reader.new() == []


def test_a_line_that_was_cut_hides_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "ledger"
    monkeypatch.setenv(ledger.VARIABLE, str(path))
    ledger.note("started", "a")
    with path.open("ab") as file:
        file.write(b'\n["ended", "a')
    ledger.note("started", "b", text="a long text " * 100)
    assert [(one.event, one.task_id) for one in ledger.Reader(path).new()] == [
        ("started", "a"),
        ("started", "b"),
    ]


@pytest.mark.parametrize("event", sorted(ledger.EVENTS))
def test_the_usual_line_lies_within_a_page(
    event: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "ledger"
    monkeypatch.setenv(ledger.VARIABLE, str(path))
    for redelivered in (True, False):
        ledger.note(event, str(uuid4()), redelivered=redelivered)
    assert path.stat().st_size == 2 * ledger.LENGTH
    ledger.note(event, str(uuid4()), text="a long text " * 20)
    assert path.stat().st_size % ledger.LENGTH == 0
    assert mmap.PAGESIZE % ledger.LENGTH == 0
