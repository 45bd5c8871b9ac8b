"""What a race needs of the tasks that it runs, Poolwise's or a project's: a protocol."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from celery import Celery

from lab.measure.calibrate import Bare
from lab.measure.traits import Workload
from lab.race.race_options import RaceOptions
from lab.results.common import Versions
from lab.results.race import Calibration
from lab.session.protocols import PoolConfig, Workers


class Subject(Protocol):
    """The tasks of a race, with the workers that run them."""

    @property
    def options(self) -> RaceOptions:
        """What the user asked for, with the pools and concurrencies that there are."""

    @property
    def app(self) -> Celery | None:
        """The app that makes the messages; None: the session's."""

    @property
    def nodes(self) -> tuple[str, ...]:
        """The borrowed workers; empty if the race starts its own."""

    def versions(self) -> Versions:
        """Return the versions of the software that runs the tasks."""

    def workers(self) -> Workers:
        """Return the workers; none of them is started yet."""

    def workloads(self, speed: Calibration) -> Sequence[Workload]:
        """Return what is run, in order, on a machine of this `speed`."""

    def configs(self, workload: Workload) -> list[PoolConfig]:
        """Return the pools that run `workload`, each with its concurrency."""

    def bare(self, workload: Workload) -> Bare:
        """Return what one task costs alone, measured again if that is possible."""

    def tidy(self) -> None:
        """Remove what a repeat has left in the broker."""
