"""Tries each task of a mix alone, then searches what to deploy for all of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from lab.advise.inquiry import Setting
from lab.advise.mix.groups import mixed_tasks, worker_groups
from lab.advise.mix.parts import Part, TriedTask, why_no_split
from lab.advise.mix.search import Contest, SplitSearch
from lab.advise.mix.split import QUEUES, pairs, smallest_bytes
from lab.advise.mix.stands import Grounds, PartStand, SplitStand
from lab.advise.risks.gate import Gate
from lab.advise.risks.safety import SafetyCheck
from lab.advise.search.budget import Budget
from lab.advise.search.limits import Limits
from lab.advise.search.search import Search, TrialLength
from lab.advise.task_mix import Mix
from lab.advise.trial.bench import Bench, results
from lab.advise.trial.memory import Memory
from lab.project.candidates import Candidate, Room, families
from lab.project.first_tries import CALLS, try_alone
from lab.project.workers import Group, GroupSpec
from lab.results.advice import CandidateResult, MixResult, SplitResult
from worker.pools import POOLS, Pool

#: Shares of the time left: for the single groups, then for each part alone.
SINGLE, PART = 0.4, 0.25
#: Seconds of the shortest trial: enough for several whole mixes.
LEAST_S = 2.0
#: Workers of the single groups, and of the splits, that stay running.
KEPT = 2


class MixInquiry:
    """An inquiry into a mix of tasks; the first tries are made at once."""

    def __init__(self, setting: Setting, mix: Mix, budget: Budget) -> None:
        """Raise PoolwiseError if a task cannot be measured."""
        self._setting = setting
        self._budget = budget
        self._mix = mix
        seed = setting.options.seed
        self._memory = Memory(setting.room.memory_bytes)
        self._grounds = Grounds(setting.session, setting.workers, mix, seed, budget.left_s)
        self._tried = self._try_each()
        self._whole = Part.of(mix, self._tried)
        self.profile = self._whole.tried.profile
        self.pools: list[Pool] = []
        self._bench = self._bench_of(self._whole, "one")
        self._why_no_split = why_no_split(self._tried)
        self._parts = (
            ()
            if self._why_no_split
            else tuple(
                Part.of(mix, [one for one in self._tried if one.computes is computes])
                for computes in (True, False)
            )
        )
        self._stand = SplitStand(self._grounds, self._whole, self._parts)
        run, goal = f"{setting.session.run}.split", setting.goal
        self._splits = Bench(self._stand, run, goal, self._memory, kept=KEPT)

    def _try_each(self) -> list[TriedTask]:
        """Run each task alone, in one worker, or in several if retries of earlier ones wait."""
        setting = self._setting
        setting.events.trying(len(self._mix.calls))
        alone, group = GroupSpec(pool=POOLS["prefork"], concurrency=1), None
        found: list[TriedTask] = []
        try:
            for name in self._mix.tasks:
                group = group or setting.workers.start(alone)
                part = self._mix.part({name})
                calls, sender = part.calls[:CALLS], self._grounds.sender
                tried = try_alone(setting.session, group, sender, calls, setting.events.tried)
                found.append(TriedTask(name=name, weight=part.size, calls=calls, tried=tried))
                setting.events.profiled(name, tried.profile)
                if tried.retries:  # they must not run next to another task
                    setting.workers.stop(group)
                    group = None
        finally:
            if group is not None:
                setting.workers.stop(group)
        return found

    def _bench_of(self, part: Part, name: str) -> Bench[Candidate, Group]:
        session, stand = self._setting.session, PartStand(self._grounds, part)
        goal = self._setting.goal
        return Bench(stand, f"{session.run}.{name}", goal, self._memory, kept=KEPT)

    def search(self) -> None:
        """Search the best single group and the best split, and compare them."""
        setting, budget = self._setting, self._budget
        length = TrialLength.of(self._whole.slowest_s, budget.seconds, LEAST_S)
        found = setting.families(self.profile, budget, length)
        self.pools = [family.pool for family in found]
        if not self._parts:
            self._search_of(self._whole, self._bench, budget, budget, length).run(found)
            return
        limited = budget.part(SINGLE)
        single = self._search_of(self._whole, self._bench, limited, budget, length)
        single.explore(found)
        best = [self._best_of(part, other, budget, length) for part, other in self._both_ways()]
        profiles = [part.tried.profile for part in self._parts]
        limits = Limits(profile=self.profile, room=setting.room, slo_s=setting.slo_s)
        contest = Contest(single=single, splits=self._splits, limits=limits, length=length)
        splits = SplitSearch(contest, budget, self._reported(budget), seed=setting.options.seed)
        splits.explore(pairs(best[0], best[1], profiles, setting.room), profiles)
        splits.compare(single.deployed)

    def _both_ways(self) -> list[tuple[Part, Part]]:
        """Return each part with the other one."""
        computing, waiting = self._parts
        return [(computing, waiting), (waiting, computing)]

    def _best_of(
        self, part: Part, other: Part, budget: Budget, length: TrialLength
    ) -> list[Candidate]:
        """Return the best groups for one part alone, which leave some memory to the other."""
        setting, pools = self._setting, self._setting.pools()
        taken = smallest_bytes(pools, other.tried.profile)
        room = replace(setting.room, memory_bytes=max(1, setting.room.memory_bytes - taken))
        bench = self._bench_of(part, f"part-{self._parts.index(part)}")
        search = self._search_of(part, bench, budget.part(PART), budget, length, room)
        search.explore(families(part.tried.profile, room, pools))
        bench.close()
        return list(search.ranked())

    def _search_of(
        self,
        part: Part,
        bench: Bench[Candidate, Group],
        limited: Budget,
        budget: Budget,
        length: TrialLength,
        room: Room | None = None,
    ) -> Search:
        """Return a search for one group on a part; it may use the budget `limited`."""
        setting, room = self._setting, room or self._setting.room
        check = SafetyCheck(calls=part.calls, tried=part.tried, left_s=budget.left_s)
        gate = Gate(setting.session, self._grounds.sender, bench, check, setting.caveats)
        report = self._reported(budget)
        all_of_it = part is self._whole
        options = setting.search_options(room, length)
        return Search(
            bench,
            part.tried.profile,
            limited,
            options if all_of_it else replace(options, deployed=None),
            on_trial=lambda one, rate: report(
                one.label if all_of_it else f"{self._queue(part)} alone: {one.label}", rate
            ),
            is_safe=lambda candidate: gate.is_safe(candidate, room),
        )

    def _queue(self, part: Part) -> str:
        return QUEUES[self._parts.index(part)]

    def _reported(self, budget: Budget) -> Callable[[str, float], None]:
        return lambda name, rate: self._setting.events.measured(name, rate, budget.used())

    def results(self) -> tuple[CandidateResult, ...]:
        """Return what is known of each single group by now."""
        return results(self._bench)

    def mixed(self) -> MixResult:
        """Return what is known of the mix and its splits by now."""
        app, worker_pool = self._setting.options.app, self._setting.project.worker_pool
        peak_bytes = self._stand.peak_bytes
        return MixResult(
            size=self._mix.size,
            tasks=mixed_tasks(self._tried),
            splits=tuple(
                SplitResult(
                    groups=worker_groups(split, self._parts, peak_bytes(split), app, worker_pool),
                    trials=trials,
                    rejected=rejected,
                )
                for split, trials, rejected in self._splits.known()
            ),
            why_no_split=self._why_no_split,
        )
