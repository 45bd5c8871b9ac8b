"""The command that repeats a run names what was typed, and works without a hidden password."""

from __future__ import annotations

import shlex
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from lab.commands import race as module
from lab.commands import race_run
from lab.commands.race_calls import CallsToRace
from lab.commands.shared_options import was_typed
from lab.race.race_options import RaceOptions
from lab.race.settings import settings

SECRET = "redis://:geheim@127.0.0.1:6399/0"  # noqa: S105 - of no broker
OPEN = "redis://127.0.0.1:6399/0"


def repeating(monkeypatch: pytest.MonkeyPatch, *typed: str, **variables: str) -> list[str]:
    """Return the words of the command that repeats a race that was typed so."""
    wanted: list[RaceOptions] = []

    def keep(options: RaceOptions, _theirs: CallsToRace | None, *, as_json: bool) -> int:
        wanted.append(options)
        return int(as_json)

    monkeypatch.setattr(race_run, "run", keep)
    done = CliRunner().invoke(
        module.race, ["--seed", "1", *typed], env=variables, standalone_mode=False
    )
    assert done.exception is None, done.output
    return shlex.split(settings(wanted[0]).command)


@pytest.mark.parametrize(
    ("typed", "variables", "words"),
    [
        ("", {}, "--seed 1"),
        ("--out there", {}, "--seed 1 --out there"),
        ("", {"POOLWISE_OUT": "there"}, "--seed 1"),  # the variable is still set
        (f"--broker {OPEN}", {}, f"--broker {OPEN} --seed 1"),
        ("", {"POOLWISE_BROKER": OPEN}, f"--broker {OPEN} --seed 1"),
        (f"--broker {SECRET}", {}, "--broker redis://:***@127.0.0.1:6399/0 --seed 1"),
        ("", {"POOLWISE_BROKER": SECRET}, "--seed 1"),  # the variable still names it
        ("--on-running --pause-load", {"POOLWISE_BROKER": OPEN},
         f"--broker {OPEN} --on-running --pause-load --seed 1"),
    ],
)  # fmt: skip
def test_a_race_is_repeated_as_it_was_typed(
    typed: str, variables: dict[str, str], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    program, command, *rest = repeating(monkeypatch, *typed.split(), **variables)
    assert (program, command) == ("poolwise", "race")
    assert rest == words.split()


def test_in_a_container_the_command_starts_a_container(monkeypatch: pytest.MonkeyPatch) -> None:
    compose = (Path(__file__).parents[4] / "docker-compose.yml").read_text(encoding="utf-8")
    [line] = [line for line in compose.splitlines() if "POOLWISE_COMMAND:" in line]
    words = line.partition(":")[2].partition("#")[0].strip()
    monkeypatch.setenv("POOLWISE_COMMAND", words)
    said = repeating(monkeypatch, "--quick")
    assert said == [*words.split(), "race", "--quick", "--seed", "1"]


def test_out_given_before_a_lessons_name_is_repeated() -> None:
    found: list[bool] = []

    @click.group()
    @click.option("--out", default="runs")
    def outer(out: str) -> None:
        assert out

    @outer.command()
    @click.option("--out", default="runs")
    def inner(out: str) -> None:
        assert out
        found.append(was_typed("out"))

    for words in (["inner"], ["--out", "x", "inner"], ["inner", "--out", "x"]):
        CliRunner().invoke(outer, words, standalone_mode=False)
    assert found == [False, True, True]
