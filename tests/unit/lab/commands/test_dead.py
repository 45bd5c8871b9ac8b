"""`poolwise dead` keeps no message that it does not show, and refuses what cannot be an id."""

from __future__ import annotations

import json
from collections.abc import Iterator
from unittest.mock import MagicMock
from weakref import WeakSet

import pytest
from click.testing import CliRunner, Result

from kombu_lease import dead as letters
from kombu_lease.dead import DeadLetter
from lab.commands.cli import cli

MOST = 2**64 - 1


@pytest.fixture(autouse=True)
def _broker(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a broker without dead letters."""
    monkeypatch.setattr("producer.broker.connect", lambda *_, **__: MagicMock())


def run(*words: str) -> Result:
    return CliRunner().invoke(cli, ["dead", *words], catch_exceptions=False)


class Letter(DeadLetter):
    """A dead letter that can be watched until nothing refers to it any more."""


@pytest.mark.parametrize("words", [(), ("--json",)])
def test_a_list_keeps_no_letter_after_the_next_is_read(
    words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    alive: WeakSet[Letter] = WeakSet()
    at_once = []

    def every(*_: object) -> Iterator[Letter]:
        for number in range(1, 11):
            letter = Letter(key="io", message=b"{}", reason="it is bad", id=f"{number}-0")
            alive.add(letter)
            at_once.append(len(alive))
            yield letter

    monkeypatch.setattr(letters, "every", every)
    done = run("list", *words)
    assert done.return_value == 0
    assert done.stdout.count("it is bad") == 10
    assert max(at_once) == 2


def test_a_list_shows_each_letter_in_a_row(monkeypatch: pytest.MonkeyPatch) -> None:
    message = json.dumps({"headers": {"task": "shop.pay", "id": "x"}, "body": "secret"}).encode()
    first = DeadLetter(key="io", message=message, reason="it died", deliveries=5, id="1-0")
    second = DeadLetter(key="cpu\x06\x163", message=b"oh", reason="it is not JSON", id="2-7")
    monkeypatch.setattr(letters, "every", lambda *_: iter([first, second]))
    monkeypatch.setenv("COLUMNS", "200")
    _, *rows = run("list").stdout.splitlines()
    cells = [row.split() for row in rows]
    assert [row[0] for row in cells] == ["1-0", "2-7"]
    assert cells[0][2:] == ["io", "shop.pay", "5", "it", "died"]
    assert cells[1][2:] == ["cpu", "–", "it", "is", "not", "JSON"]


@pytest.mark.parametrize("command", ["show", "requeue", "drop"])
@pytest.mark.parametrize(
    "text",
    [
        *("", "-", "1", "1-", "-1", "1-1-1", "1-x", "x-1", "1_0-0", "²-0", " 1-0", "1-0\n"),
        *(f"{MOST + 1}-0", f"0-{MOST + 1}", "99999999999999999999-0", f"{'9' * 5_000}-0"),
    ],
    ids=lambda text: repr(text[:30]),
)
def test_what_redis_would_not_take_as_an_id_is_refused(command: str, text: str) -> None:
    done = run(command, "--", text)
    assert done.return_value == 2
    [line] = done.stderr.splitlines()
    assert "is not an id" in line
    assert "dead list` shows the ids" in line


@pytest.mark.parametrize("text", ["0-0", "1764207001123-0", f"{MOST}-{MOST}"])
def test_any_other_id_is_looked_up(text: str) -> None:
    done = run("show", text)
    assert done.return_value == 1
    assert f"no dead letter has the id {text}" in done.stderr
