"""Starts and measures the workers of a candidate, on calls that are sent to them."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from pathlib import Path
from typing import Protocol, TypeVar

from lab.project.candidates import Candidate, needed_bytes
from lab.project.counting import Window
from lab.project.sending import CallSender
from lab.project.strays import Strays
from lab.project.window import Measurement
from lab.project.workers import Group, GroupSpec, ProjectWorkers
from lab.results.advice import Profile
from lab.session.session import Session

#: The module that watches a gevent worker for code that does not yield.
PULSE = "poolwise_pulse"
#: The fastest task that a first guess assumes, in seconds, and the highest throughput.
FASTEST_S, MOST_PER_S = 1e-4, 20_000.0


class Running(Protocol):
    """Running workers of a candidate."""

    @property
    def alive(self) -> bool:
        """Whether all of them run."""


K = TypeVar("K", bound=Hashable)
K_contra = TypeVar("K_contra", bound=Hashable, contravariant=True)
G = TypeVar("G", bound=Running)


class Stand(Protocol[K_contra, G]):
    """Where candidates of one kind are measured."""

    def start(self, candidate: K_contra) -> G:
        """Start its workers. Raises WorkerError if they do not start."""

    def stop(self, running: G) -> None:
        """Stop workers."""

    def needed_bytes(self, candidate: K_contra) -> int:
        """Estimate the memory that its workers need."""

    def measure(self, running: G, run: str, seconds: float, rate_per_s: float | None) -> Window:
        """Measure for `seconds`; `rate_per_s` is the throughput of the last time.

        Raises WorkerError if no task ends.
        """


class GroupStand:
    """Measures groups of identical workers."""

    def __init__(
        self,
        session: Session,
        workers: ProjectWorkers,
        sender: CallSender,
        profile: Profile,
        left_s: Callable[[], float],
    ) -> None:
        """`left_s` returns the seconds that are left for the search."""
        self._session = session
        self._workers = workers
        self._sender = sender
        self._profile = profile
        self._left_s = left_s

    def start(self, candidate: Candidate) -> Group:
        """Start a group."""
        return self._workers.start(spec(candidate, self._session.cluster.folder))

    def stop(self, running: Group) -> None:
        """Stop a group."""
        self._workers.stop(running)

    def needed_bytes(self, candidate: Candidate) -> int:
        """Estimate the memory of a group."""
        return needed_bytes(candidate, self._profile)

    def measure(self, running: Group, run: str, seconds: float, rate_per_s: float | None) -> Window:
        """Measure a group."""
        expected = first_guess(running, self._profile) if rate_per_s is None else rate_per_s
        measurement = Measurement(self._session, self._sender, running, run, self._left_s)
        window = measurement.measure(seconds, service_s=self._profile.run_s, rate_per_s=expected)
        if self._profile.sends:
            Strays(self._session).remove()
        return window


def first_guess(group: Group, profile: Profile) -> float:
    """Return the highest throughput that a group can have."""
    return min(group.slots / max(profile.run_s, FASTEST_S), MOST_PER_S)


def spec(candidate: Candidate, folder: Path) -> GroupSpec:
    """Return the workers of a candidate; stalls of gevent are noted in files in `folder`."""
    watched = candidate.pool.slot == "greenlet"
    name = f"pulse-{candidate.pool.name}-{candidate.concurrency}x{candidate.workers}"
    return GroupSpec(
        pool=candidate.pool,
        concurrency=candidate.concurrency,
        workers=candidate.workers,
        flags=candidate.flags,
        include=(PULSE,) if watched else (),
        env={"POOLWISE_PULSE": str(folder.absolute() / name)} if watched else {},
    )
