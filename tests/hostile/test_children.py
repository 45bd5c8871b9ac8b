"""If a process that Poolwise started dies, the command says so and keeps what it has measured."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import psutil
import pytest

from lab.results import files as result_files
from lab.results.race import RaceResult
from tests.command import RunningCommand, running
from tests.hostile.side_by_side import side_by_side
from tests.hostile.trial import assert_clean_end

RACE = ("race", "--quick", "--pools", "threads", "--concurrency", "threads=8")
TWO = (*RACE, "--workloads", "burn,fetch")
ONE = (*RACE, "--workloads", "burn")
UP = ("up", "--pools", "threads", "--port", "0", "--flower-port", "0")


@dataclass(frozen=True, slots=True, kw_only=True)
class Death:
    """A process that is killed while a command runs, and how the command then ends."""

    victim: str  # part of its command line
    command: tuple[str, ...]
    moment: str  # it is killed once the command has printed this
    code: int
    line: str  # begins the line that explains the end
    kept: tuple[str, ...] = ()  # the complete workloads

    @property
    def name(self) -> str:
        """The victim, the command and the moment."""
        return f"{self.victim} of {' '.join(self.command[:2])} at {self.moment}"


DELAY, ECHO, BROKER = (
    "the delay server died",
    "the echo server sequential",
    "the embedded broker died",
)
DEATHS = (
    Death(
        victim="delay_server",
        command=TWO,
        moment="fetch ·",
        code=4,
        line=DELAY,
        kept=("burn",),
    ),
    Death(victim="valkey", command=TWO, moment="fetch ·", code=3, line=BROKER, kept=("burn",)),
    Death(victim="valkey", command=ONE, moment="0 of 1 worker ready", code=3, line=BROKER),
    Death(
        victim="delay_server",
        command=("learn", "io-models", "--no-predict"),
        moment="reading, timed",
        code=4,
        line=DELAY,
    ),
    Death(
        victim="echo_server",
        command=("learn", "echo", "--no-predict"),
        moment="1 of 1 worker ready",
        code=4,
        line=ECHO,
    ),
    Death(
        victim="valkey",
        command=("learn", "gil", "--no-predict"),
        moment="3 of 3 workers ready",
        code=3,
        line=BROKER,
    ),
    Death(victim="valkey", command=UP, moment="Ctrl-C stops", code=3, line=BROKER),
    Death(
        victim="flower", command=UP, moment="Ctrl-C stops", code=4, line="the Flower server died"
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """How a command ended, and the race that it kept."""

    done: subprocess.CompletedProcess[str]
    race: RaceResult | None


def end_after(death: Death, folder: Path) -> End:
    """Run the command, kill the victim and return how the command ended."""
    folder.mkdir()
    with running(*death.command, folder=folder) as command:
        for victim in victims_at_moment(command, death):
            victim.kill()
        done = command.done()
        command.wait_for_descendants()
    results = list(folder.glob("runs/*/result.json"))
    return End(done=done, race=result_files.read(results[0], RaceResult) if results else None)


def victims_at_moment(command: RunningCommand, death: Death) -> list[psutil.Process]:
    """Wait for the moment, and return the processes to kill.

    They are looked for from the start on: on a busy machine that takes seconds, in which the
    command could end.
    """
    found: list[psutil.Process] = []

    def ready() -> bool:
        nonlocal found
        found = found or victims(command.descendants(), death)
        return bool(found) and death.moment in command.output()

    command.until(ready)
    return found


def victims(processes: list[psutil.Process], death: Death) -> list[psutil.Process]:
    """Return the processes to kill: all that the victim's name fits.

    A child that has not yet become another program has the command line of the command, which may
    contain the name, as in --flower-port.
    """
    found = []
    for process in processes:
        try:
            words = process.cmdline()
        except psutil.NoSuchProcess:
            continue
        unchanged = words[-len(death.command) :] == list(death.command)
        if death.victim in " ".join(words) and not unchanged:
            found.append(process)
    return found


@pytest.fixture(scope="module")
def ends(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, Future[End]]]:
    """Run all trials side by side."""
    base = tmp_path_factory.mktemp("deaths")
    trials: dict[str, Callable[[], End]] = {
        death.name: partial(end_after, death, base / str(number))
        for number, death in enumerate(DEATHS)
    }
    with side_by_side(trials) as running_trials:
        yield running_trials


@pytest.mark.parametrize("death", DEATHS, ids=lambda death: death.name)
def test_a_death_is_explained_and_what_was_measured_is_kept(
    death: Death, ends: Mapping[str, Future[End]]
) -> None:
    end = ends[death.name].result()
    line = assert_clean_end(end.done, codes={death.code})
    assert line.startswith(f"error: {death.line} ")
    assert "(killed by SIGKILL)" in line
    if death.kept:
        assert end.race is not None
        assert end.race.interrupted
        assert tuple(workload.name for workload in end.race.workloads) == death.kept
        assert "report.html" in end.done.stdout
    else:
        assert end.race is None
