"""Measures candidates; it keeps the workers of a few of them running, to measure them again."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Generic

from cluster.machine_time import MachineShares, MachineTime
from cluster.process import without_log
from lab.advise.trial.cost import Cost
from lab.advise.trial.memory import Memory, Use
from lab.advise.trial.stand import G, K, Stand
from lab.project.candidates import Candidate
from lab.project.counting import Window
from lab.results.advice import CandidateResult, Trial
from producer import statistics
from tasks.errors import WorkerError

#: How many groups of workers stay running.
KEPT = 4
#: How often a window is measured at most, if the clock of the records' server moves meanwhile.
TRIES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """What a trial is judged by."""

    percentile: float = 95.0  # of the run times, 0 to 100, for the objective
    cost: Cost | None = None


class Bench(Generic[K, G]):
    """Runs trials one at a time."""

    def __init__(
        self, stand: Stand[K, G], run: str, goal: Goal, memory: Memory, kept: int = KEPT
    ) -> None:
        """`run` begins the ids of the trials, and is the bench's own name in `memory`."""
        self._stand = stand
        self._run = run
        self._goal = goal
        self._memory = memory
        self._kept = kept
        self._groups: OrderedDict[K, G] = OrderedDict()
        self._trials: dict[K, list[Trial]] = {}
        self._rejected: dict[K, str] = {}
        self._numbers = 0
        self._own = frozenset({os.getpid()})

    def group(self, candidate: K) -> G:
        """Return the running workers of a candidate, started if necessary.

        Raises WorkerError if they do not start.
        """
        if candidate in self._groups and not self._groups[candidate].alive:
            self.drop(candidate)
        if candidate not in self._groups:
            self._keep(self._kept - 1)
        self._take_memory(candidate)
        if candidate not in self._groups:
            self._groups[candidate] = self._start(candidate)
        self._groups.move_to_end(candidate)
        return self._groups[candidate]

    def drop(self, candidate: K) -> None:
        """Stop the workers of a candidate, if they run."""
        self._memory.free((self._run, candidate))
        if candidate in self._groups:
            self._stand.stop(self._groups.pop(candidate))

    def close(self) -> None:
        """Stop all workers."""
        self._keep(0)

    def _keep(self, number: int) -> None:
        while len(self._groups) > number:
            self.drop(next(iter(self._groups)))

    def _start(self, candidate: K) -> G:
        try:
            return self._stand.start(candidate)
        except WorkerError:
            self._memory.free((self._run, candidate))
            raise

    def _take_memory(self, candidate: K) -> None:
        """Make room for a candidate: what it has used, or else what it is expected to use."""
        used = [trial.peak_pss_bytes for trial in self.trials(candidate)]
        needed_bytes = max(used) if used else self._stand.needed_bytes(candidate)
        use = Use(needed_bytes=needed_bytes, stop=lambda: self.drop(candidate))
        self._memory.take((self._run, candidate), use)

    def trial(self, candidate: K, seconds: float) -> float:
        """Measure a candidate once more; return its score, 0 if it cannot be used."""
        if candidate in self._rejected:
            return 0.0
        self._numbers += 1
        done = self._trials.get(candidate)
        name, known_per_s = f"{self._run}-{self._numbers}", done[-1].rate_per_s if done else None
        try:
            window, shares = self._window(candidate, name, seconds, known_per_s)
        except WorkerError as error:
            self.reject(candidate, without_log(error))
            self.drop(candidate)
            return 0.0
        if window.left:  # it would run in the next trial, or next to it
            self.drop(candidate)
        if window.died:
            self.reject(candidate, f"a worker died ({window.died})")
        others = None if shares is None else shares.others
        trial = replace(trial_of(window, self._goal), others_cpu_share=others)
        self._trials.setdefault(candidate, []).append(trial)
        if candidate in self._groups:
            self._take_memory(candidate)
        return trial.score

    def _window(
        self, candidate: K, name: str, seconds: float, known_per_s: float | None
    ) -> tuple[Window, MachineShares | None]:
        """Measure a window, and what others used; again if its clock was set meanwhile."""
        for number in range(TRIES):
            group = self.group(candidate)
            before = MachineTime.read(self._own)
            run = f"{name}-again-{number}" if number else name
            window = self._stand.measure(group, run, seconds, known_per_s)
            if not window.clock_moved_s:
                return window, MachineShares.between(before, MachineTime.read(self._own))
            self.drop(candidate)  # what it still holds would run in the next window
        raise WorkerError(f"the clock of the records' server moved in each of {TRIES} windows")

    def reject(self, candidate: K, why: str) -> None:
        """Note why a candidate cannot be recommended."""
        self._rejected.setdefault(candidate, why)

    def is_rejected(self, candidate: K) -> bool:
        """Return whether a candidate cannot be recommended."""
        return candidate in self._rejected

    def trials(self, candidate: K) -> Sequence[Trial]:
        """Return all trials of a candidate so far."""
        return self._trials.get(candidate, [])

    def known(self) -> Iterator[tuple[K, tuple[Trial, ...], str]]:
        """Yield each candidate so far with its trials, and why it cannot be recommended."""
        for one in dict.fromkeys([*self._trials, *self._rejected]):
            yield one, tuple(self.trials(one)), self._rejected.get(one, "")


def results(bench: Bench[Candidate, G]) -> tuple[CandidateResult, ...]:
    """Return what is known of every candidate so far."""
    return tuple(
        CandidateResult(
            pool=one.pool.name,
            concurrency=one.concurrency,
            workers=one.workers,
            trials=trials,
            rejected=rejected,
            flags=one.flags,
        )
        for one, trials, rejected in bench.known()
    )


def trial_of(window: Window, goal: Goal) -> Trial:
    """Return the figures of a window."""
    wanted = (50, 95, goal.percentile)
    p50_s, p95_s, objective_s = (
        statistics.percentiles(window.run_s, *wanted) if window.run_s else (0.0, 0.0, 0.0)
    )
    cores, price = window.cpu_s / window.seconds, goal.cost
    paid = None if price is None else price.of(cores, window.peak_pss_bytes)
    return Trial(
        seconds=window.seconds,
        rate_per_s=window.rate_per_s,
        p50_s=p50_s,
        p95_s=p95_s,
        objective_s=objective_s,
        busy=window.busy,
        cpu_s_per_task=window.cpu_s_per_task,
        cores=cores,
        peak_pss_bytes=window.peak_pss_bytes,
        failed=window.failed,
        died=window.died,
        probe_errors=window.probe_errors,
        rate_per_cost=None if paid is None else window.rate_per_s / paid,
    )
