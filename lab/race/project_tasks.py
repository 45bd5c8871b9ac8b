"""The calls of the user's own project as the subject of a race, on workers of that project."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from lab.format import words
from lab.format.advice import profile_line
from lab.measure.calibrate import Bare
from lab.measure.call_workloads import QUICK_S, REPEAT_S, Calls, fitting_count, groups, traits
from lab.measure.traits import Workload
from lab.project.candidates import Room, families
from lab.project.first_tries import CALLS, FirstTries, first_tries
from lab.project.project import Project
from lab.project.sending import CallSender, stub
from lab.project.strays import Strays
from lab.project.workers import ProjectWorkers, of_project
from lab.race.events import RaceEvents
from lab.race.race_options import RaceOptions
from lab.results.advice import Profile
from lab.results.common import Versions
from lab.results.race import Calibration
from lab.session.protocols import PoolConfig, Workers
from lab.session.session import Session
from lab.session.started import StartedWorkers
from lab.session.versions import versions
from producer.plan import Work
from tasks.errors import MachineError
from worker.pools import Pool


class ProjectTasks:
    """Calls of a project; see `lab.race.subject`."""

    nodes: tuple[str, ...] = ()

    def __init__(
        self, session: Session, options: RaceOptions, project: Project, events: RaceEvents
    ) -> None:
        self.options = options
        self.app = stub({call.task for call in options.calls})
        self._session = session
        self._project = project
        self._events = events
        self._strays = Strays(session)
        self._configs: dict[str, list[PoolConfig]] = {}
        self._bare: dict[str, Bare] = {}
        self._refused: set[str] = set()

    def versions(self) -> Versions:
        """Return the project's versions, with Poolwise's own and the broker's."""
        found, theirs = versions(self._session.cluster), self._project.description
        return replace(
            found,
            celery=theirs.celery,
            python=theirs.python,
            kombu=theirs.versions.get("kombu", "none"),
            redis_py=theirs.versions.get("redis", "none"),
            gevent=theirs.versions.get("gevent", "none"),
        )

    def workers(self) -> Workers:
        """Return new workers of the project, away from its broker."""
        session = self._session
        return StartedWorkers(
            session.cluster,
            session.queues,
            events=self.options.with_events,
            adapt=partial(of_project, self._project),
        )

    def workloads(self, speed: Calibration) -> Sequence[Workload]:  # noqa: ARG002
        """Run the calls alone, and return as many of them as the pools can run in reasonable time.

        Raises TaskFailedError, with the traceback, if most of the runs fail.
        """
        calls = groups(self.options.calls)
        return [self._workload(name, calls[name]) for name in self.options.workloads]

    def configs(self, workload: Workload) -> list[PoolConfig]:
        """Return the pools and transports, each pool as `advise` would try it first."""
        return self._configs[workload.name]

    def bare(self, workload: Workload) -> Bare:
        """Return what the runs alone have cost."""
        return self._bare[workload.name]

    def tidy(self) -> None:
        """Remove the messages that the tasks have sent: no worker consumes them."""
        self._strays.remove()
        for address in self._project.refused():
            if address not in self._refused:
                self._refused.add(address)
                self._events.note(
                    f"refused: a task tried to connect to {address}, your broker or result "
                    f"backend; if it needs something else there, use --allow {address}"
                )

    def _workload(self, name: str, calls: tuple[Work, ...]) -> Calls:
        tried = self._tried(calls)
        profile = tried.profile
        self._events.note(f"{name} {profile_line(profile)}")
        slots = self._slots(profile)
        self._configs[name] = self.options.contestants(slots)
        self._bare[name] = Bare(
            wall_s=tried.least_s,
            usual_s=tried.mean_s,
            cpu_s=profile.cpu_s,
            basis="worker" if len(calls) <= CALLS else "sample",
        )
        options, cores = self.options, self._session.machine.cores
        longest_s = QUICK_S if options.quick else REPEAT_S
        workload = Calls(
            kind=traits(name, profile),
            count=fitting_count(profile, slots, cores, longest_s),
            calls=calls,
            seed=options.seed,
        )
        self._events.note(_planned(workload, self._configs[name], options.repeats))
        return workload

    def _tried(self, calls: Sequence[Work]) -> FirstTries:
        """Run some of the calls alone, one at a time."""
        chance = random.Random(self.options.seed)  # noqa: S311 - no secret
        chosen = chance.sample(calls, min(CALLS, len(calls)))
        sender = CallSender(self._session, chosen, seed=self.options.seed)
        return first_tries(
            self._session, ProjectWorkers(self._session, self._project), sender, chosen
        )

    def _slots(self, profile: Profile) -> dict[Pool, int]:
        """Return the concurrency of each pool; without a choice, what `advise` begins with."""
        options = self.options
        room = Room.of(self._session.machine, None)
        first = {family.pool: family.first for family in families(profile, room, options.pools)}
        found = {
            pool: options.concurrency.get(pool.name) or first.get(pool, 0) for pool in options.pools
        }
        for pool in [pool for pool, slots in found.items() if not slots]:
            del found[pool]
            self._events.note(f"{pool.name} is left out: this machine has too little memory for it")
        if not found:
            raise MachineError(
                "this machine has too little memory for a worker of any chosen pool: free some, "
                "or try with --concurrency POOL=1"
            )
        return found


def _planned(workload: Calls, configs: Sequence[PoolConfig], repeats: int) -> str:
    """Say how often the tasks will run."""
    names = dict.fromkeys(words.pool(one.pool.name, one.concurrency) for one in configs)
    transports = list(dict.fromkeys(one.transport for one in configs))
    pools = ", ".join(names)
    if len(transports) > 1:
        pools += f" with {' and '.join(transports)}"
    runs = sum(one.concurrency for one in configs) + repeats * len(configs) * workload.count
    each = pools if len(names) == 1 else f"each of {pools}"
    return f"{workload.name}: each repeat runs {workload.tasks} on {each}; {runs:,} runs in total"
