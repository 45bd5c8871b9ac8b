"""Advice from start to end: open the project, try the task, search, judge."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from cluster.machine import Machine
from lab.advise.advise_options import AdviseOptions
from lab.advise.answer import against_deployed, answer
from lab.advise.bench import Bench
from lab.advise.budget import Budget
from lab.advise.candidates import Candidate, Family, Room, families
from lab.advise.caveats import Caveats
from lab.advise.events import AdviseEvents
from lab.advise.failures import Tally, without_failing
from lab.advise.first_tries import FirstTries, first_tries
from lab.advise.gate import Gate
from lab.advise.losses import losses
from lab.advise.search import Search, SearchOptions
from lab.project.project import Project
from lab.project.sending import CallSender
from lab.project.workers import ProjectWorkers
from lab.results.advice import (
    SCHEMA_VERSION,
    AdviceResult,
    AdviceSettings,
    Answer,
    CandidateResult,
    Deployed,
)
from lab.session.session import Session, open_session
from lab.session.versions import host, versions
from worker.pools import POOLS, Pool


@dataclass(frozen=True, slots=True, kw_only=True)
class Advised:
    """The result, and what ended the search early."""

    result: AdviceResult
    ended_by: BaseException | None = None


def advise(
    options: AdviseOptions, project: Project, folder: Path, budget: Budget, events: AdviseEvents
) -> Advised:
    """Find out what to deploy; if the search ends early, from what is known by then.

    `folder` takes the logs. Raises PoolwiseError if the task cannot be measured, and whatever ended
    the first tries.
    """
    started_at, started_s, machine = datetime.now(UTC), time.monotonic(), Machine.this()
    with open_session(folder, None, machine) as session:
        workers = ProjectWorkers(session, project)
        sender = CallSender(session, options.calls, seed=options.seed)
        events.trying(len(options.calls))
        tried = first_tries(session, workers, sender, options.calls, events.tried)
        events.profiled(tried.profile)
        under_way = _UnderWay(options, project, session, sender, tried, events)
        percentile = 95.0 if options.slo is None else options.slo.percentile
        under_way.bench = Bench(session, workers, sender, tried.profile, percentile)
        ended_by: BaseException | None = None
        try:
            under_way.search(budget)
        except BaseException as ending:  # noqa: BLE001 - what is known by then is kept
            ended_by = ending
        blank = AdviceResult(
            schema_version=SCHEMA_VERSION,
            kind="advice",
            run_id=session.run,
            started_at=started_at.isoformat(timespec="seconds"),
            elapsed_s=time.monotonic() - started_s,
            versions=versions(session.cluster),
            host=host(machine),
            settings=_settings(options, project),
            profile=tried.profile,
            candidates=(),
            warnings=(),
            answer=None,
            interrupted=ended_by is not None,
        )
        return Advised(result=under_way.judged(blank), ended_by=ended_by)


class _UnderWay:
    """The search and what is found out on the way."""

    bench: Bench

    def __init__(
        self,
        options: AdviseOptions,
        project: Project,
        session: Session,
        sender: CallSender,
        tried: FirstTries,
        events: AdviseEvents,
    ) -> None:
        self._options = options
        self._project = project
        self._session = session
        self._sender = sender
        self._tried = tried
        self._events = events
        self._room = Room.of(session.machine, options.memory_bytes)
        self._caveats = Caveats(project.folder)
        self._families: list[Family] = []

    def search(self, budget: Budget) -> None:
        """Search until the answer is clear or the budget is used."""
        profile, slo = self._tried.profile, self._options.slo
        pools = self._pools()
        found = self._families = families(profile, self._room, pools)
        limit = self._options.memory_bytes
        self._caveats.of_memory(pools, found, profile, self._room, limit=limit)
        gate = Gate(
            self._session,
            self._sender,
            self.bench,
            self._options.calls,
            self._tried,
            self._caveats,
        )
        search = Search(
            self.bench,
            profile,
            budget,
            SearchOptions(
                room=self._room,
                slo_s=None if slo is None else slo.seconds,
                seed=self._options.seed,
                deployed=self._options.deployed,
            ),
            on_trial=lambda candidate, rate: self._events.measured(candidate, rate, budget.used()),
            is_safe=lambda candidate: gate.is_safe(candidate, self._room),
        )
        search.run(found)

    def _pools(self) -> list[Pool]:
        """Return the pools that can run in the project's environment."""
        present = self._project.description.has_gevent
        chosen = self._options.pools
        if not present and any(pool.needs_module for pool in chosen):
            self._caveats.of_gevent()
        return [pool for pool in chosen if present or not pool.needs_module]

    def judged(self, blank: AdviceResult) -> AdviceResult:
        """Return the result with everything that is known."""
        profile = self._tried.profile
        results = without_failing(self.bench.results(), Tally.alone(profile))
        self._caveats.of_stalls(self._session.cluster.folder)
        if not blank.interrupted:
            pools = [family.pool for family in self._families]
            self._caveats.of_budget(pools, results, profile)
        described = self._project.description
        names = _tasks(self._options)
        self._caveats.of_rate_limits(
            {name: described.task(name).options.get("rate_limit") for name in names}
        )
        self._caveats.of_gil(results, profile)
        self._caveats.of_growth(results)
        self._caveats.of_sends(profile)
        self._caveats.of_refused(self._project.refused())
        found = answer(results, self._options.app, seed=self._options.seed)
        if found is not None:
            chosen = Candidate(
                pool=POOLS[found.pool], concurrency=found.concurrency, workers=found.workers
            )
            found = replace(found, lose=losses(chosen, described, names))
        return replace(
            blank,
            candidates=results,
            warnings=self._caveats.all(),
            answer=found,
            deployed=self._compared(results, found),
        )

    def _compared(
        self, results: tuple[CandidateResult, ...], found: Answer | None
    ) -> Deployed | None:
        """Compare what the user runs today with the answer, if there are both."""
        today = self._options.deployed
        if today is None or found is None:
            return None
        options = self._options
        return against_deployed(results, found, today, margin=options.margin, seed=options.seed)


def _settings(options: AdviseOptions, project: Project) -> AdviceSettings:
    return AdviceSettings(
        app=options.app,
        tasks=tuple(_tasks(options)),
        calls=len(options.calls),
        celery=project.description.celery,
        python=project.description.python,
        budget_s=options.budget_s,
        memory_bytes=options.memory_bytes,
        slo_s=None if options.slo is None else options.slo.seconds,
        slo_percentile=95.0 if options.slo is None else options.slo.percentile,
        seed=options.seed,
        command=options.command,
    )


def _tasks(options: AdviseOptions) -> Sequence[str]:
    return sorted({call.task for call in options.calls})
