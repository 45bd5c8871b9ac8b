"""The shape of what faults did to tasks; it must not know how they were injected or are shown."""

from __future__ import annotations

from dataclasses import dataclass

from lab.results.common import Host, Number, Versions, Whole
from lab.results.files import result_kind

#: Increased by one whenever code that reads the old shape would misread the new one.
SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class CellAccount:
    """What became of every task of a cell. Each confirmed task is in one of the first groups."""

    submitted: Whole  # that the broker confirmed
    finished: Whole
    failed: Whole  # that Celery stored as FAILURE
    revoked: Whole
    dead: Whole  # no longer tried by any worker, and kept whole in the list of dead letters
    refused: Whole  # discarded by a worker, which logged it
    held: Whole  # still in the broker at the end: nobody runs it before the visibility timeout
    lost: Whole  # none of these, and nowhere in the broker
    unknown: Whole  # submissions of which the producer did not learn whether the broker has them
    unknown_ran: Whole  # those of them that ran
    twice_by_fault: Whole  # ended more than once, with a fault in between
    twice_otherwise: Whole  # ended more than once, without one
    early: Whole  # started before its ETA

    @property
    def accounted(self) -> int:
        """The sum of the groups, which is `submitted`."""
        ends = (self.finished, self.failed, self.revoked, self.dead, self.refused)
        return sum(ends) + self.held + self.lost


@dataclass(frozen=True, slots=True, kw_only=True)
class BadMessages:
    """What became of the bad messages of a cell, and what they did to the workers and the load."""

    account: CellAccount  # of the bad messages alone
    deliveries: Whole  # how often the one was started that was started most often
    runs: Whole  # the same for how often it ended
    watched_s: Number  # how long the longest of them was watched
    workers_ended: Whole
    longest_wait_s: Number  # in which no task of the load started
    grown_bytes: Whole | None = None  # by how much the workers' main processes grew; not measured
    callers: tuple[str, ...] = ()  # what callers got who waited for results


@dataclass(frozen=True, slots=True, kw_only=True)
class ChaosCell:
    """One fault, injected repeatedly, in workers of one pool with one set of delivery settings.

    If the fault is a bad message, `account` counts the load and the bad messages; `messages` adds
    what became of the bad ones alone. It is None for all other faults.
    """

    pool: str
    fault: str
    settings: str
    transport: str
    aimed: Whole  # how often it was injected
    hits: Whole  # how often it hit a worker or a broker that was at work
    account: CellAccount
    #: Seconds from a fault until the first, and the last, of the tasks that it interrupted started
    #: again. If it hits all workers: from its end until one, and until each, of them ran a task
    #: that was sent later.
    first_again_s: tuple[Number, ...]
    last_again_s: tuple[Number, ...]
    never_again: Whole  # interrupted tasks that never started again
    resumed: Whole  # faults after which every worker ran tasks again by itself
    seconds: Number
    command: str  # that repeats it
    skipped: str = ""  # why it was not measured; the figures are 0 then
    notes: tuple[str, ...] = ()
    messages: BadMessages | None = None

    @property
    def loses(self) -> bool:
        """Whether a task was lost."""
        return self.account.lost > 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Why tasks of some cells did not simply run once, and what helps."""

    settings: str
    what: str  # such as "lost"
    tasks: Whole  # how many
    faults: tuple[str, ...]
    pools: tuple[str, ...]
    why: str
    cure: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A name and what it stands for."""

    name: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChaosSettings:
    """What was asked for."""

    faults: tuple[Named, ...]
    deliveries: tuple[Named, ...]
    pools: tuple[str, ...]
    kills: Whole  # per cell
    slots: Whole  # of each worker
    workers: Whole
    task_s: Number  # how long a task takes
    seed: Whole
    command: str


@result_kind("chaos", schema_version=SCHEMA_VERSION)
@dataclass(frozen=True, slots=True, kw_only=True)
class ChaosResult:
    """Everything that `poolwise chaos` found out."""

    schema_version: int
    kind: str  # "chaos"
    run_id: str
    started_at: str
    elapsed_s: Number
    versions: Versions
    host: Host
    settings: ChaosSettings
    cells: tuple[ChaosCell, ...]
    explanations: tuple[Explanation, ...] = ()
    interrupted: bool = False
