"""`--setup` ends if the broker dies meanwhile; `--teardown` always runs to its end."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import cast

import pytest

from cluster.local import LocalCluster
from lab.advise.hooks import Hooks, prepared
from tasks.errors import BrokerError


class Command:
    """A command that ends when it is looked at for the third time."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.looks = 0
        self.killed_after: int | None = None

    def ends_within(self, seconds: float) -> bool:  # noqa: ARG002
        self.looks += 1
        return self.looks == 3

    @property
    def exit_code(self) -> int | None:
        return 0 if self.looks == 3 else None

    def kill(self) -> None:
        self.killed_after = self.looks


class ClusterWithoutBroker:
    """A cluster whose broker has died."""

    def __init__(self) -> None:
        self.commands: list[Command] = []

    def check(self) -> None:
        raise BrokerError("the broker died")

    def stop_all_but_broker(self) -> None:
        """Stop nothing: there are no workers."""

    def start_program(self, name: str, command: Sequence[str], folder: Path) -> Command:
        assert command[-1] == f"./{name}"
        assert folder == Path("shop")
        self.commands.append(Command(name))
        return self.commands[-1]


def run(hooks: Hooks, error: Exception | None = None) -> ClusterWithoutBroker:
    cluster, failures = ClusterWithoutBroker(), list[str]()
    with prepared(cast("LocalCluster", cluster), Path("shop"), hooks, failures.append):
        if error is not None:
            raise error
    assert not failures
    return cluster


def test_teardown_runs_to_its_end_although_the_broker_has_died() -> None:
    [teardown] = run(Hooks(teardown="./teardown")).commands
    assert (teardown.name, teardown.killed_after) == ("teardown", 3)


def test_the_error_that_ended_the_measurement_is_still_the_one_that_is_raised() -> None:
    with pytest.raises(RuntimeError, match="of the measurement"):
        run(Hooks(teardown="./teardown"), RuntimeError("of the measurement"))


def test_setup_ends_with_the_broker_and_teardown_follows() -> None:
    cluster = ClusterWithoutBroker()
    hooks = Hooks(setup="./setup", teardown="./teardown")
    with (
        suppress(BrokerError),
        prepared(cast("LocalCluster", cluster), Path("shop"), hooks, pytest.fail),
    ):
        pytest.fail("the setup did not end with the broker")
    ended = [(command.name, command.killed_after) for command in cluster.commands]
    assert ended == [("setup", 1), ("teardown", 3)]
