"""Which pools and how many slots are worth a try: pure, from the profile and the machine."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from cluster.machine import Machine
from lab.format.advice import candidate_label
from lab.results.advice import Profile
from worker.pools import Pool

#: A task that computes for less than this share of its time counts as waiting.
WAITS: Final = 0.005
#: Where the search begins if the profile gives no bound.
FIRST_GUESS: Final = 64
#: The most slots of a worker, by kind of slot.
MOST: Final = {"process": 64, "thread": 256, "greenlet": 1_024, "worker": 1}
#: Share of the memory that a candidate may be expected to take.
MEMORY_SHARE: Final = 0.9
#: Bytes that a thread or greenlet takes beyond what its task does.
LIGHT_SLOT_BYTES: Final = 200_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A pool with a number of slots, in one worker or in several side by side."""

    pool: Pool
    concurrency: int  # of each worker
    workers: int = 1
    flags: tuple[str, ...] = ()  # further ones of `celery worker`, only in what the user runs today

    @property
    def slots(self) -> int:
        """How many tasks run at the same time."""
        return self.concurrency * self.workers

    @property
    def label(self) -> str:
        """Name it as a person does: "prefork ×2", "2 workers of gevent ×100"."""
        return candidate_label(self.pool.name, self.concurrency, self.workers, self.flags)


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """Candidates that differ only in their concurrency."""

    pool: Pool
    workers: int
    first: int  # the concurrency to begin with
    most: int

    def candidate(self, concurrency: int) -> Candidate:
        """Return the candidate with this concurrency."""
        return Candidate(pool=self.pool, concurrency=concurrency, workers=self.workers)


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """What candidates may use of the machine."""

    cores: int
    memory_bytes: int
    processes: int

    @classmethod
    def of(cls, machine: Machine, memory_bytes: int | None) -> Room:
        """Return the machine's room, or less if the user set a limit."""
        limit = machine.memory_bytes if memory_bytes is None else memory_bytes
        return cls(
            cores=machine.cores,
            memory_bytes=min(machine.memory_bytes, limit),
            processes=machine.processes,
        )


def needed_bytes(candidate: Candidate, profile: Profile) -> int:
    """Estimate the memory of a candidate whose slots are all busy.

    Each process takes as much as that of the idle worker, which has loaded what the task needs. If
    that is not known, it is estimated as half of the worker, which is too little for a task that
    loads much.
    """
    known = profile.process_bytes
    process_bytes = profile.worker_bytes // 2 if known is None else known
    if candidate.pool.slot == "process":
        main_bytes = profile.worker_bytes - process_bytes
        worker_bytes = main_bytes + candidate.concurrency * (process_bytes + profile.slot_bytes)
    else:
        light_bytes = LIGHT_SLOT_BYTES + profile.slot_bytes
        worker_bytes = process_bytes + candidate.concurrency * light_bytes
    return candidate.workers * worker_bytes


def fits(candidate: Candidate, profile: Profile, room: Room) -> bool:
    """Return whether a candidate fits into the memory."""
    return needed_bytes(candidate, profile) <= MEMORY_SHARE * room.memory_bytes


def families(profile: Profile, room: Room, pools: Iterable[Pool]) -> list[Family]:
    """Return the families of `pools` with one worker that fit, each with a first guess."""
    found = (_family(pool, 1, first_guess(pool, profile, room), profile, room) for pool in pools)
    return [family for family in found if family is not None]


def side_by_side(family: Family, best: int, profile: Profile, room: Room) -> Family | None:
    """Return the family with a worker for each core, if it fits; `best` is right for one worker."""
    if room.cores < 2 or family.pool.slot == "process" or family.workers > 1:
        return None
    return _family(family.pool, room.cores, best, profile, room)


def _family(pool: Pool, workers: int, first: int, profile: Profile, room: Room) -> Family | None:
    most = min(MOST[pool.slot], room.processes // (2 * workers))
    while most and not fits(Candidate(pool=pool, concurrency=most, workers=workers), profile, room):
        most = most * 3 // 4
    return Family(pool=pool, workers=workers, first=min(first, most), most=most) if most else None


def first_guess(pool: Pool, profile: Profile, room: Room) -> int:
    """Return the slots that keep the cores busy which a pool can use, if the tasks compute."""
    if pool.slot == "process":
        return room.cores if profile.cpu_share > 0.5 else 2 * room.cores
    if profile.cpu_share > 0.5:
        return room.cores
    if profile.cpu_share < WAITS:
        return FIRST_GUESS
    return min(FIRST_GUESS, round(1.5 / profile.cpu_share))
