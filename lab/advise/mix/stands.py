"""Starts and measures groups of workers on a mix: one for all of it, or one for each part."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import count

from lab.advise.mix.feed import Feed
from lab.advise.mix.lanes import Lane, Lanes
from lab.advise.mix.measurement import MixMeasurement
from lab.advise.mix.parts import Part
from lab.advise.mix.split import Split
from lab.advise.task_mix import Mix
from lab.advise.trial.stand import first_guess, spec
from lab.project.candidates import Candidate, needed_bytes
from lab.project.counting import Window
from lab.project.sending import CallSender
from lab.project.strays import Strays
from lab.project.workers import Group, ProjectWorkers
from lab.session.session import Session


class Grounds:
    """What all measurements of a mix have in common."""

    def __init__(
        self,
        session: Session,
        workers: ProjectWorkers,
        mix: Mix,
        seed: int,
        left_s: Callable[[], float] = lambda: math.inf,
    ) -> None:
        """`left_s` returns the seconds that are left for the search."""
        self._session = session
        self._workers = workers
        self.sender = CallSender(session, mix.calls, seed=seed)
        self._seeds = count(seed)
        self._left_s = left_s

    def start(self, candidate: Candidate) -> Group:
        """Start a group."""
        return self._workers.start(spec(candidate, self._session.cluster.folder))

    def stop(self, group: Group) -> None:
        """Stop a group."""
        self._workers.stop(group)

    def measure(self, part: Part, lanes: Lanes, run: str, seconds: float) -> Window:
        """Measure lanes on the calls of a part of the mix."""
        feed = Feed(
            self._session,
            self.sender,
            part.mix,
            lanes.queue_of,
            run=run,
            seed=next(self._seeds),
        )
        measurement = MixMeasurement(self._session, self.sender, feed, lanes, run, self._left_s)
        window = measurement.measure(seconds, service_s=part.slowest_s, rate_per_s=0.0)
        if part.tried.profile.sends:
            Strays(self._session).remove()
        return window


def lane(group: Group, part: Part, rate_per_s: float | None = None) -> Lane:
    """Return a group as the lane of a part."""
    guess = first_guess(group, part.tried.profile)
    return Lane(
        group=group,
        tasks=frozenset(part.mix.tasks),
        weight=part.mix.size,
        rate_per_s=guess if rate_per_s is None else rate_per_s,
    )


class PartStand:
    """Measures one group on a part of a mix, or on all of it."""

    def __init__(self, grounds: Grounds, part: Part) -> None:
        self._grounds = grounds
        self._part = part

    def start(self, candidate: Candidate) -> Group:
        """Start a group."""
        return self._grounds.start(candidate)

    def stop(self, running: Group) -> None:
        """Stop a group."""
        self._grounds.stop(running)

    def needed_bytes(self, candidate: Candidate) -> int:
        """Estimate the memory of a group."""
        return needed_bytes(candidate, self._part.tried.profile)

    def measure(self, running: Group, run: str, seconds: float, rate_per_s: float | None) -> Window:
        """Measure a group."""
        lanes = Lanes([lane(running, self._part, rate_per_s)])
        return self._grounds.measure(self._part, lanes, run, seconds)


class SplitStand:
    """Measures two groups at the same time, each on its part of a mix."""

    def __init__(self, grounds: Grounds, whole: Part, parts: Sequence[Part]) -> None:
        self._grounds = grounds
        self._whole = whole
        self._parts = parts
        self._peaks: dict[tuple[Candidate, ...], tuple[int, ...]] = {}

    def start(self, candidate: Split) -> Lanes:
        """Start both groups."""
        groups = [self._grounds.start(group) for group in candidate.groups]
        return Lanes([lane(*pair) for pair in zip(groups, self._parts, strict=True)])

    def stop(self, running: Lanes) -> None:
        """Stop both groups."""
        for group in running.groups:
            self._grounds.stop(group)

    def needed_bytes(self, candidate: Split) -> int:
        """Estimate the memory of both groups."""
        return candidate.needed_bytes([part.tried.profile for part in self._parts])

    def measure(
        self,
        running: Lanes,
        run: str,
        seconds: float,
        rate_per_s: float | None,  # noqa: ARG002 - each lane has its own
    ) -> Window:
        """Measure both groups on the whole mix."""
        window = self._grounds.measure(self._whole, running, run, seconds)
        key, peaks = _candidates(running), running.by_lane(window.peaks)
        before = self._peaks.get(key, peaks)
        self._peaks[key] = tuple(map(max, before, peaks))
        return window

    def peak_bytes(self, split: Split) -> tuple[int, ...]:
        """Return the most memory that each group has used so far."""
        return self._peaks.get(split.groups, (0, 0))


def _candidates(running: Lanes) -> tuple[Candidate, ...]:
    specs = [group.spec for group in running.groups]
    return tuple(
        Candidate(pool=one.pool, concurrency=one.concurrency, workers=one.workers) for one in specs
    )
