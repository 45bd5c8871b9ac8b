"""Tries a task alone, then searches what to deploy for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from lab.advise.advise_options import AdviseOptions
from lab.advise.events import AdviseEvents
from lab.advise.risks.caveats import Caveats
from lab.advise.risks.gate import Gate
from lab.advise.risks.safety import SafetyCheck
from lab.advise.search.budget import Budget
from lab.advise.search.plan import planned
from lab.advise.search.search import Search, SearchOptions, TrialLength
from lab.advise.trial.bench import Bench, Goal, results
from lab.advise.trial.memory import Memory
from lab.advise.trial.stand import GroupStand
from lab.project.candidates import Family, Room, families
from lab.project.first_tries import first_tries
from lab.project.project import Project
from lab.project.sending import CallSender
from lab.project.workers import ProjectWorkers
from lab.results.advice import CandidateResult, MixResult, Profile
from lab.session.session import Session
from worker.pools import Pool


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """Where an inquiry takes place, and what it reports to."""

    options: AdviseOptions
    project: Project
    session: Session
    workers: ProjectWorkers
    room: Room
    caveats: Caveats
    events: AdviseEvents

    def pools(self) -> list[Pool]:
        """Return the pools that can run in the project's environment; note if gevent cannot."""
        present, chosen = self.project.description.has_gevent, self.options.pools
        if not present and any(pool.needs_module for pool in chosen):
            self.caveats.of_gevent()
        return [pool for pool in chosen if present or not pool.needs_module]

    def families(
        self, profile: Profile, budget: Budget, length: TrialLength | None = None
    ) -> list[Family]:
        """Return the candidates that there is room for; note those without, announce the search."""
        pools, limit = self.pools(), self.options.memory_bytes
        found = families(profile, self.room, pools)
        self.caveats.of_memory(pools, found, profile, self.room, limit=limit)
        if found:
            self.events.planned(planned(profile, found, self.room, budget, length))
        return found

    @property
    def goal(self) -> Goal:
        """What trials are judged by."""
        slo, cost = self.options.slo, self.options.cost
        return Goal(cost=cost) if slo is None else Goal(percentile=slo.percentile, cost=cost)

    @property
    def slo_s(self) -> float | None:
        """The objective for run times, in seconds, if there is one."""
        return None if self.options.slo is None else self.options.slo.seconds

    def search_options(
        self, room: Room | None = None, length: TrialLength | None = None
    ) -> SearchOptions:
        """Return what bounds a search in `room`, or in all of it."""
        return SearchOptions(
            room=room or self.room,
            slo_s=self.slo_s,
            length=length,
            seed=self.options.seed,
            deployed=self.options.deployed,
        )


class Inquiry(Protocol):
    """What finds the candidates of one piece of advice."""

    profile: Profile
    pools: list[Pool]  # those that the search has room for

    def search(self) -> None:
        """Search until the answer is clear or the budget is used."""

    def results(self) -> tuple[CandidateResult, ...]:
        """Return what is known of each candidate by now."""

    def mixed(self) -> MixResult | None:
        """Return what is known of the mix and its splits; None for a single task."""


class TaskInquiry:
    """An inquiry into one task; its first tries are made at once."""

    def __init__(self, setting: Setting, budget: Budget) -> None:
        """Raise PoolwiseError if the task cannot be measured."""
        self._setting = setting
        self._budget = budget
        options, session = setting.options, setting.session
        sender = CallSender(session, options.calls, seed=options.seed)
        setting.events.trying(len(options.calls))
        tried = first_tries(session, setting.workers, sender, options.calls, setting.events.tried)
        self.profile = tried.profile
        self.pools: list[Pool] = []
        setting.events.profiled(", ".join(options.tasks), tried.profile)
        stand = GroupStand(session, setting.workers, sender, tried.profile, budget.left_s)
        memory = Memory(setting.room.memory_bytes)
        self._bench = Bench(stand, f"{session.run}.trial", setting.goal, memory)
        check = SafetyCheck(calls=options.calls, tried=tried, left_s=budget.left_s)
        self._gate = Gate(session, sender, self._bench, check, setting.caveats)

    def search(self) -> None:
        """Search until the answer is clear or the budget is used."""
        setting, budget = self._setting, self._budget
        found = setting.families(self.profile, budget)
        self.pools = [family.pool for family in found]
        search = Search(
            self._bench,
            self.profile,
            budget,
            setting.search_options(),
            on_trial=lambda one, rate: setting.events.measured(one.label, rate, budget.used()),
            is_safe=lambda candidate: self._gate.is_safe(candidate, setting.room),
        )
        search.run(found)

    def results(self) -> tuple[CandidateResult, ...]:
        """Return what is known of each candidate by now."""
        return results(self._bench)

    def mixed(self) -> None:
        """Return nothing: it is a single task."""
