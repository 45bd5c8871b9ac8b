"""Help texts show names whole, so that they can be copied."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from lab.chaos.fault_table import FAULTS
from lab.chaos.trial.delivery import DELIVERIES
from lab.commands.cli import COMMANDS, cli


@pytest.mark.parametrize("name", [*FAULTS, *DELIVERIES])
def test_a_name_with_hyphens_is_not_broken(name: str) -> None:
    assert f" {name}" in CliRunner().invoke(cli, ["chaos", "--help"]).output


@pytest.mark.parametrize("command", COMMANDS)
def test_hyphens_can_be_copied(command: str) -> None:
    assert CliRunner().invoke(cli, [command, "--help"]).output.isascii()
