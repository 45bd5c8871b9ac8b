"""One cell of the matrix: a trial in which one fault is injected several times, and its account."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import redis

from cluster.local import LocalCluster
from lab.chaos import failure
from lab.chaos.bad.account import notes as bad_notes
from lab.chaos.faults.fault import Fault, Target
from lab.chaos.judge import Evidence, lost_ids
from lab.chaos.measured import CellNames, cell_of
from lab.chaos.stop import Stop
from lab.chaos.trial.delivery import Delivery
from lab.chaos.trial.injected import Injected
from lab.chaos.trial.leftovers import dead_ids, left_ids
from lab.chaos.trial.trial import QUEUE, Trial, TrialSpec, TrialWorker, running_trial
from lab.chaos.trial.waiting import StoppedError
from lab.format import words
from lab.results.chaos import ChaosCell
from lab.results.output import write_whole
from tasks.errors import WorkerError
from worker.pools import Pool

#: Seconds without anything happening after which a trial is over: longer than billiard may take to
#: see that the process of a task has died (LOST_WORKER_TIMEOUT in billiard/pool.py).
QUIET_S: Final = 12.0
#: Seconds beyond those that the settings need to bring tasks back.
SPARE_S: Final = 10.0
#: Seconds that the work in the queue may take at the end.
FINISH_S: Final = 60.0

#: What a note says of a fault that was not injected to its end.
_HALF: Final = "; the next one failed, and may have done harm that is in the account"
#: The targets whose faults stop all workers for a while, and should end none.
_SPARES_WORKERS: Final[frozenset[Target]] = frozenset({"broker", "network"})


@dataclass(frozen=True, slots=True, kw_only=True)
class CellSpec:
    """Which cell, and how often its fault is injected."""

    pool: Pool
    fault: Fault
    delivery: Delivery
    kills: int
    seed: int
    command: str

    @property
    def title(self) -> str:
        """What is shown while it is measured."""
        return f"{self.fault.name} {self.pool.name} {self.delivery.label}"

    @property
    def name(self) -> str:
        """A name that is unique in the matrix and good for a file."""
        return f"{self.pool.name}-{self.fault.name}-{self.delivery.label}"


#: Receives how many faults of a cell have been injected.
OnFault = Callable[[CellSpec, int], None]


def measure(
    spec: CellSpec, cluster: LocalCluster, folder: Path, stop: Stop, on_fault: OnFault
) -> ChaosCell:
    """Run the trial of a cell in its own folder below `folder`, and account for every task.

    If it must stop soon, the fault under way is the last. Raises WorkerError if its workers do not
    start, and StoppedError if it must stop before the first fault, or must stop now.
    """
    if why := spec.fault.cannot():
        return blank(spec, why)
    begun_s = time.monotonic()
    trial_spec = TrialSpec(
        name=spec.name, pool=spec.pool, delivery=spec.delivery, seed=spec.seed,
        append_only=spec.fault.append_only, stops_all=spec.fault.target in _SPARES_WORKERS,
        linked=spec.fault.linked, env=spec.fault.env,
    )  # fmt: skip
    with running_trial(trial_spec, cluster, folder / spec.name, stop.now) as trial:
        seen = _injected(trial, spec, stop, on_fault)
        trial.feeder.stop()
        settle(trial)
        found = _evidence(trial, seen)
    if lost := lost_ids(found):
        write_whole(folder / spec.name / "lost.txt", "".join(f"{one}\n" for one in lost).encode())
    cell = _cell(spec, found)
    about_bad = bad_notes(cell.messages, cell.account) if cell.messages else []
    return replace(cell, seconds=time.monotonic() - begun_s, notes=(*seen.notes, *about_bad))


@dataclass(slots=True)
class _Seen:
    """The faults so far, and what was seen right after each."""

    faults: list[Injected] = field(default_factory=list)
    all_again_s: list[float | None] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def blank(spec: CellSpec, why: str) -> ChaosCell:
    """Return a cell that was not measured, with the reason."""
    return replace(_cell(spec, Evidence(sent=(), lines=(), faults=())), skipped=why)


def _injected(trial: Trial, spec: CellSpec, stop: Stop, on_fault: OnFault) -> _Seen:
    """Inject the fault as often as wanted, each time after the recovery from the last one.

    If a worker does not start after a fault, or the broker fails, that fault is the last. Raises
    the error if it is the first, and StoppedError if the run must stop before that.
    """
    seen = _Seen()
    for number in range(1, spec.kills + 1):
        if stop.soon.is_set():
            if not seen.faults:
                raise StoppedError
            seen.notes.append(f"interrupted after {len(seen.faults)} of {spec.kills} faults")
            break
        try:
            _inject_once(trial, spec, seen, number)
        except Exception as error:
            why = failure.reason(error)
            if number == 1 or not why:
                raise
            seen.all_again_s += [None] * (len(seen.faults) - len(seen.all_again_s))
            failed = ", because of this" if len(seen.faults) == number else _HALF
            seen.notes.append(
                f"stopped after {len(seen.faults)} of {spec.kills} faults{failed}: {why}"
            )
            break
        on_fault(spec, number)
    return seen


def _inject_once(trial: Trial, spec: CellSpec, seen: _Seen, number: int) -> None:
    resume_s = spec.fault.resume_s
    fault = spec.fault.inject(trial)
    seen.faults.append(fault)
    if fault.note:
        seen.notes.append(f"in fault {number}, {fault.note}")
    ended = trial.replace_dead()
    spares = spec.fault.target in _SPARES_WORKERS
    surprising = bool(ended) and spares
    if surprising:
        seen.notes.append(
            f"after fault {number}, {words.counted(ended, 'worker')} ended by itself; see its log"
            if ended == 1
            else f"after fault {number}, {ended} workers ended by themselves; see their logs"
        )
    since_s = time.monotonic() if ended else fault.until_s
    # A worker also runs what it had fetched before, without any connection.
    sent_s = fault.until_s if spares else None
    resumed = trial.within(lambda: not trial.idle(since_s, sent_s), resume_s)
    last_s = max((one for one in trial.first_starts(since_s, sent_s) if one), default=since_s)
    seen.all_again_s.append(last_s - fault.until_s if resumed and not surprising else None)
    if not resumed:
        what = "no new task" if spares else "no task"
        why = f"ran {what} for {resume_s:g} s after fault {number}"
        seen.notes.append(_replaced(trial, trial.idle(since_s, sent_s), why))
    if (returns_s := spec.delivery.returns_s) is not None:
        # A further fault would delay these tasks, and their time would be that of two faults.
        trial.within(lambda: not trial.book.interrupted_still(fault.interrupted), returns_s)


def _replaced(trial: Trial, workers: Sequence[TrialWorker], why: str) -> str:
    """Kill and replace the workers that do not run tasks; return what to note.

    The note counts the tasks that had not ended there: the fault alone would not have ended them.
    """
    if not workers:  # it has just begun
        return f"a worker {why}"
    running = words.counted(trial.replace(workers), "task")
    if len(workers) == 1:
        return f"a worker {why}, so it was killed and replaced; {running} had not ended in it"
    who = f"{len(workers)} workers"
    return f"{who} {why}, so they were killed and replaced; {running} had not ended in them"


def settle(trial: Trial) -> None:
    """Wait until every task has ended, or nothing will happen before the visibility timeout."""
    patience_s = QUIET_S
    if trial.spec.delivery.returns_s is not None:
        patience_s = trial.spec.delivery.returns_s + SPARE_S
    trial.until_quiet(trial.book, patience_s, FINISH_S + patience_s)


def _evidence(trial: Trial, seen: _Seen) -> Evidence:
    sent, lines = trial.book.closed()
    try:
        left, dead = left_ids(trial.broker.client, QUEUE), dead_ids(trial.broker.client)
    except redis.RedisError as error:
        raise WorkerError(f"{trial.spec.name}: its broker does not answer: {error}") from error
    return Evidence(
        sent=sent,
        lines=lines,
        faults=seen.faults,
        all_again_s=seen.all_again_s,
        left=left,
        dead=dead,
        ended=trial.ended + sum(not one.child.alive for one in trial.workers),
        stops_all=trial.spec.stops_all,
    )


def _cell(spec: CellSpec, found: Evidence, seconds: float = 0.0) -> ChaosCell:
    names = CellNames(
        pool=spec.pool.name,
        fault=spec.fault.name,
        settings=spec.delivery.label,
        transport=spec.delivery.transport,
        command=spec.command,
    )
    return cell_of(names, found, seconds)
