"""Measures candidates; it keeps the workers of a few of them running, to measure them again."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path

from lab.advise.candidates import Candidate
from lab.project.sending import CallSender
from lab.project.strays import Strays
from lab.project.window import Measurement, Window
from lab.project.workers import Group, GroupSpec, ProjectWorkers
from lab.results.advice import CandidateResult, Profile, Trial
from lab.session.session import Session
from producer import statistics
from tasks.errors import WorkerError

#: How many groups of workers stay running.
KEPT = 4
#: The module that watches a gevent worker for code that does not yield.
PULSE = "poolwise_pulse"


class Bench:
    """Runs trials one at a time."""

    def __init__(
        self,
        session: Session,
        workers: ProjectWorkers,
        sender: CallSender,
        profile: Profile,
        percentile: float,
    ) -> None:
        """`percentile`, from 0 to 100, is that of the objective for run times."""
        self._session = session
        self._workers = workers
        self._sender = sender
        self._profile = profile
        self._percentile = percentile
        self._groups: OrderedDict[Candidate, Group] = OrderedDict()
        self._trials: dict[Candidate, list[Trial]] = {}
        self._rejected: dict[Candidate, str] = {}
        self._numbers = 0

    def group(self, candidate: Candidate) -> Group:
        """Return the running workers of a candidate, started if necessary.

        Raises WorkerError if they do not start.
        """
        if candidate in self._groups and not self._groups[candidate].alive:
            self._workers.stop(self._groups.pop(candidate))
        if candidate not in self._groups:
            while len(self._groups) >= KEPT:
                self._workers.stop(self._groups.popitem(last=False)[1])
            self._groups[candidate] = self._workers.start(self._spec(candidate))
        self._groups.move_to_end(candidate)
        return self._groups[candidate]

    def trial(self, candidate: Candidate, seconds: float) -> float:
        """Measure a candidate once more; return its throughput, 0 if it cannot be used."""
        if candidate in self._rejected:
            return 0.0
        try:
            group = self.group(candidate)
            window = self._measure(candidate, group, seconds)
        except WorkerError as error:
            self.reject(candidate, str(error).splitlines()[0])
            return 0.0
        if window.died:
            self.reject(candidate, f"a worker died ({window.died})")
        trial = _trial(window, self._percentile)
        self._trials.setdefault(candidate, []).append(trial)
        return trial.rate_per_s

    def _measure(self, candidate: Candidate, group: Group, seconds: float) -> Window:
        self._numbers += 1
        run = f"{self._session.run}.trial-{self._numbers}"
        measurement = Measurement(self._session, self._sender, group, run)
        window = measurement.measure(
            seconds, service_s=self._profile.run_s, rate_per_s=self._expected(candidate)
        )
        if self._profile.sends:
            Strays(self._session).remove()
        return window

    def _expected(self, candidate: Candidate) -> float:
        done = self._trials.get(candidate)
        if done:
            return done[-1].rate_per_s
        return min(candidate.slots / max(self._profile.run_s, 1e-4), 20_000.0)

    def _spec(self, candidate: Candidate) -> GroupSpec:
        pulse = {"POOLWISE_PULSE": str(self.pulse_file(candidate))}
        watched = candidate.pool.slot == "greenlet"
        return GroupSpec(
            pool=candidate.pool,
            concurrency=candidate.concurrency,
            workers=candidate.workers,
            include=(PULSE,) if watched else (),
            env=pulse if watched else {},
        )

    def pulse_file(self, candidate: Candidate) -> Path:
        """Return the beginning of the names of the files in which stalls are noted."""
        name = f"pulse-{candidate.pool.name}-{candidate.concurrency}x{candidate.workers}"
        return self._session.cluster.folder.absolute() / name

    def reject(self, candidate: Candidate, why: str) -> None:
        """Note why a candidate cannot be recommended."""
        self._rejected.setdefault(candidate, why)

    def is_rejected(self, candidate: Candidate) -> bool:
        """Return whether a candidate cannot be recommended."""
        return candidate in self._rejected

    def trials(self, candidate: Candidate) -> Sequence[Trial]:
        """Return all trials of a candidate so far."""
        return self._trials.get(candidate, [])

    def results(self) -> tuple[CandidateResult, ...]:
        """Return what is known of every candidate so far."""
        candidates = [*self._trials, *(one for one in self._rejected if one not in self._trials)]
        return tuple(
            CandidateResult(
                pool=one.pool.name,
                concurrency=one.concurrency,
                workers=one.workers,
                trials=tuple(self._trials.get(one, ())),
                rejected=self._rejected.get(one, ""),
            )
            for one in candidates
        )


def _trial(window: Window, percentile: float) -> Trial:
    wanted = (50, 95, percentile)
    p50_s, p95_s, objective_s = (
        statistics.percentiles(window.run_s, *wanted) if window.run_s else (0.0, 0.0, 0.0)
    )
    return Trial(
        seconds=window.seconds,
        rate_per_s=window.rate_per_s,
        p50_s=p50_s,
        p95_s=p95_s,
        objective_s=objective_s,
        busy=window.busy,
        cpu_s_per_task=window.cpu_s_per_task,
        cores=window.cpu_s / window.seconds,
        peak_pss_bytes=window.peak_pss_bytes,
        failed=window.failed,
        died=window.died,
        probe_errors=window.probe_errors,
    )
