"""The command that repeats a run is the one that was typed, with one seed."""

from __future__ import annotations

import sys

import click
import pytest

from lab.commands import shared_options


@click.command()
@click.option("--seed", type=int)
def command(seed: int | None) -> None:
    click.echo(shared_options.repeating(7 if seed is None else seed))


@pytest.mark.parametrize(
    ("typed", "printed"),
    [
        ([], "poolwise chaos --seed 7"),
        (["--seed", "3"], "poolwise chaos --seed 3"),
        (["--seed=3"], "poolwise chaos --seed=3"),
    ],
)
def test_the_seed_is_added_only_if_it_was_not_typed(
    typed: list[str],
    printed: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "argv", ["poolwise", "chaos", *typed])
    command.main(typed, standalone_mode=False)
    assert capsys.readouterr().out == f"{printed}\n"
