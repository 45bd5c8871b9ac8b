"""Bad messages have an account of their own, and notes say what its counts do not show."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lab.chaos.bad import account as bad_account
from lab.chaos.bad.sent import BadInjected
from lab.chaos.explain import explanations
from lab.chaos.judge import Evidence, account
from lab.chaos.trial.book import Book, Sent
from lab.chaos.trial.leftovers import id_in
from lab.format.bad_messages import message_text, messages_line
from lab.results.chaos import BadMessages
from tasks.chaos import ledger, marks, observers
from tasks.chaos.ledger import Line
from tests.unit.lab.chaos.sample import account as account_of
from tests.unit.lab.chaos.sample import cell

MARK = f"bad-{'0' * 32}"


def line(event: str, at_s: float, task_id: str = MARK) -> Line:
    return Line(event=event, task_id=task_id, pid=1, at_s=at_s)


def injected(grown_bytes: int | None = None, caller: str = "") -> BadInjected:
    return BadInjected(at_s=1, until_s=13, hit=True, grown_bytes=grown_bytes, caller=caller)


def found(lines: list[Line], fault: BadInjected | None = None, ended: int = 0) -> Evidence:
    return Evidence(
        sent=[
            Sent(task_id=MARK, at_s=1, known=True, bad=True),
            Sent(task_id="good", at_s=1, known=True),
        ],
        lines=[*lines, line("started", 2, "good"), line("ended", 2.1, "good")],
        faults=[fault or injected()],
        ended=ended,
    )


def messages_of(evidence: Evidence) -> BadMessages:
    messages = bad_account.bad_messages(evidence)
    assert messages is not None
    return messages


def notes(evidence: Evidence) -> list[str]:
    return bad_account.notes(messages_of(evidence), account(evidence))


def test_the_bad_messages_are_counted_apart_from_the_load() -> None:
    evidence = found([line("started", 1.5)], ended=2)
    messages = messages_of(evidence)
    assert (messages.account.submitted, messages.account.lost) == (1, 1)
    assert (account(evidence).submitted, account(evidence).lost) == (2, 1)
    assert messages.workers_ended == 2


def test_a_fault_that_is_no_message_has_no_such_account() -> None:
    assert bad_account.bad_messages(replace(found([]), faults=[])) is None


@pytest.mark.parametrize(
    ("evidence", "note"),
    [
        (found([line("started", at_s) for at_s in (1.5, 3, 4)]), "delivered 3 times in 12.0 s"),
        (
            found([*(line("started", at_s) for at_s in (1, 2)), line("calmed", 9)]),
            "delivered 2 times in 12.0 s, and still in Redis",
        ),
        (found([line("started", 1), line("ended", 2), line("ended", 3)]), "ran 2 times"),
        (found([], ended=1), "ended 1 worker"),
        (found([], injected(caller="nothing in 5 s")), "its caller got nothing in 5 s"),
        (found([], injected(grown_bytes=3_000_000)), "grew by 3.0 MB"),
        (found([line("started", 1, "late"), line("started", 9, "late")]), "no other task started"),
        (
            found([line("ended", 8, "good"), line("started", 1, "good")]),
            "1 other task ran twice",
        ),
    ],
)
def test_notes_say_in_plain_words_what_the_counts_do_not_show(
    evidence: Evidence, note: str
) -> None:
    assert any(note in one for one in notes(evidence)), notes(evidence)


def test_there_are_no_notes_on_a_message_that_was_dealt_with_at_once() -> None:
    assert notes(found([line("gone", 1.2)])) == []


def test_a_cell_of_bad_messages_shows_their_fate_then_that_of_the_load() -> None:
    bad = messages_of(found([line("gone", 1.2)]))
    shown = cell(account=account_of(refused=1, lost=2), messages=bad)
    assert message_text(shown, bad) == "1 refused; 2 other tasks lost"
    assert messages_line("poolwise", [shown]) == (
        "poolwise: of 1 bad message, 1 refused; 2 other tasks lost; 0 workers ended"
    )
    assert messages_line("poolwise", [cell()]) == ""


@pytest.mark.parametrize(
    ("value", "task_id"),
    [
        (json.dumps({"headers": {"id": "a"}}), "a"),
        (json.dumps([{"headers": {"id": "a"}}, "exchange", "key"]), "a"),
        (json.dumps({"message": json.dumps({"headers": {"id": "a"}})}), "a"),
        ('5:chaos{"headers": {"id": "a"}}', "a"),  # held or delayed by kombu_lease
        ('7:ch\u00e4\u00f6s{"headers": {"id": "a"}}', "a"),
        (f"5:chaosorder {MARK} = {{not JSON", MARK),
        (f"order {MARK} = {{not JSON", MARK),
        (json.dumps({"order": MARK}), MARK),
        (json.dumps({"properties": {"correlation_id": MARK}, "headers": {}}), MARK),
        ("not JSON", ""),
        ('-1:{"headers": {"id": "a"}}', ""),
        ("99:chaos", ""),
        (f"{'9' * 5_000}:chaos", ""),
        ("[" * 100_000, ""),
    ],
)
def test_a_message_is_found_by_its_id_also_if_it_is_broken(value: str, task_id: str) -> None:
    assert id_in(value.encode()) == task_id


def test_every_mark_is_another_and_is_found_again() -> None:
    one, other = marks.new(), marks.new()
    assert one != other
    assert marks.found(f"x{one}y{other}") == one


@pytest.fixture
def reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ledger.Reader:
    monkeypatch.setenv(ledger.VARIABLE, str(tmp_path / "ledger"))
    return ledger.Reader(tmp_path / "ledger")


def test_a_body_that_cannot_be_decoded_is_noted_from_the_log(reader: ledger.Reader) -> None:
    consumer: Any = import_module(observers.CONSUMER)

    logger = logging.getLogger(observers.CONSUMER)
    headers = repr({"id": MARK, "task": "chaos.work"})
    logger.critical(
        consumer.MESSAGE_DECODE_ERROR, "why", "application/json", "utf-8", headers, "body"
    )
    logger.critical("something else about %s", MARK)
    assert [(one.event, one.task_id) for one in reader.new()] == [("gone", MARK)]


@pytest.mark.parametrize(
    ("headers", "properties", "task_id"),
    [
        ({"id": "a"}, {}, "a"),
        ({}, {"correlation_id": "b"}, "b"),
        (None, {}, ""),
        ({"id": 7}, None, ""),
    ],
)
def test_a_rejected_message_is_noted_by_any_id_that_it_has(
    reader: ledger.Reader, headers: object, properties: object, task_id: str
) -> None:
    observers.rejected(message=SimpleNamespace(headers=headers, properties=properties))
    assert [(one.event, one.task_id) for one in reader.new()] == [("gone", task_id)]


def test_tasks_that_kill_are_calmed_by_a_file(reader: ledger.Reader, tmp_path: Path) -> None:
    assert reader.new() == []
    assert not ledger.calm()
    ledger.calm_file(tmp_path / "ledger").touch()
    assert ledger.calm()


def test_nothing_more_is_expected_of_a_message_that_was_left(reader: ledger.Reader) -> None:
    book = Book(reader)
    for task_id in "ab":
        book.add(Sent(task_id=task_id, at_s=0.0, known=True))
    book.leave("a")
    assert book.open() == {"b"}


@pytest.mark.parametrize(
    ("fault", "lines", "cure"),
    [
        ("not-json", [], "dead letters"),
        ("unknown-task", [line("gone", 2)], "dead letters"),
        ("killer", [line("started", 1), line("started", 2), line("calmed", 3)], "several deaths"),
        ("killer", [line("started", 1), line("calmed", 3)], "several deaths"),
        (
            "late-eta",
            [line("started", 1), line("ended", 2), line("ended", 3)],
            "longest wait for an ETA",
        ),
        ("many-etas", [line("calmed", 3)], "worker_eta_task_limit"),
        ("ignored-result", [line("ended", 3)], "a timeout"),
    ],
)
def test_each_bad_message_that_does_harm_is_explained(
    fault: str, lines: list[Line], cure: str
) -> None:
    evidence = found(lines, injected(caller="nothing in 5 s"))
    bad = messages_of(evidence)
    shown = cell(fault=fault, settings="acks-late", account=account(evidence), messages=bad)
    [one] = explanations([shown])
    assert cure in one.cure
    assert one.tasks == 1


@pytest.mark.parametrize(
    ("fault", "settings", "load", "cure"),
    [
        ("killer", "defaults", {"lost": 2}, "task_acks_late"),
        ("killer", "acks-late", {"lost": 2}, "lease transport"),
        ("other-json", "acks-late", {"twice_by_fault": 1, "twice_otherwise": 1}, "dead letters"),
    ],
)
def test_harm_to_the_load_is_explained_too(
    fault: str, settings: str, load: dict[str, int], cure: str
) -> None:
    bad = messages_of(found([line("gone", 2)]))
    shown = cell(fault=fault, settings=settings, account=account_of(**load), messages=bad)
    [one] = explanations([shown])
    assert cure in one.cure
    assert "other" in one.what
    assert one.tasks == 2
