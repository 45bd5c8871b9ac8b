"""Workers whose slots cannot run at the same time: pure rules."""

from __future__ import annotations

from typing import Final

from producer.observation.finding import Finding
from producer.observation.quiet import Starved, quiet_times, starved
from producer.observation.seen import Seen, WorkerSeen
from producer.observation.usage import busy_slots, cores, machine_busy
from producer.quantities import duration, percent

#: Starts that must have stopped everything else, and the share of all starts of the task.
MANY, ALIKE = 5, 0.9
#: Seconds for which they must have stopped it, so that it is no round trip to the broker,
LEAST_S: Final = 0.02
#: and the share of the time.
MATTERS: Final = 0.2
#: Samples in which messages waited next to free slots, and their share of all samples.
WAITED, WAITED_SHARE = 3, 0.3
#: Without records and events: samples that must show that, their share of all,
#: and the share of the slots that may be busy.
MANY_SAMPLES, MOST, FEW = 4, 0.75, 0.2
#: From this many busy cores on, one core is the limit; less on a machine without a free core.
ONE_CORE, ONE_CORE_SHARED = 0.8, 0.4
#: CPU seconds per task from which on it is the task that computes, not only the worker.
COMPUTES_S: Final = 0.01
#: The most cores that one core can seem to be.
MOST_OF_ONE: Final = 1.25
#: The share of all cores from which on a machine has no free core.
FULL_MACHINE: Final = 0.9
#: Busy slots from which on more than one task wants to run.
SEVERAL: Final = 1.3


def gevent_blocked(worker: WorkerSeen, seen: Seen) -> Finding | None:
    """A task that does not yield stops everything else that its worker does."""
    pool = worker.pool
    if pool is None or pool.slot != "greenlet" or worker.slots < 2:
        return None
    free = starved(worker, seen.depths)
    if free.waited < WAITED or free.waited < WAITED_SHARE * free.moments:
        return None
    task, evidence = _stops(worker, seen) if worker.attempts else _slow(worker, free)
    if not evidence:
        return None
    used = cores(worker)
    computes = used is not None and used >= ONE_CORE
    waits = used is not None and used < ONE_CORE_SHARED
    why = "computes" if computes else "waits in code that does not yield to gevent"
    cpu = "" if used is None else f"; {used:.2f} cores were busy"
    sure = bool(worker.attempts)
    culprit = task if sure else "the task that blocks"
    best = f"use --pool {'prefork' if computes else 'threads'} for {culprit}"
    return Finding(
        name="gevent-blocked",
        worker=worker.node,
        text=f"{task} {'blocks' if sure else 'seems to block'} all {worker.slots} slots of "
        f"{worker.node}: it {why}" + ("" if computes or waits else ", or computes"),
        evidence=f"{evidence}. In {free.waited} of {free.moments} samples, messages waited (up to "
        f"{free.most_waiting:,}) although slots were free (at most {free.most_busy} busy){cpu}",
        fix=best
        + ("" if computes else ", or a client library that yields to gevent")
        + ("" if sure else "; load the probe (-I worker.probe) to rule out a slow broker"),
    )


def _stops(worker: WorkerSeen, seen: Seen) -> tuple[str, str]:
    """Return the task that stops a worker, and what proves it; empty if nothing does."""
    span_s = worker.covered_s(seen.span_s)
    for quiet in quiet_times(worker.attempts):
        often = quiet.starts >= MANY and quiet.alike >= ALIKE * quiet.starts
        if often and quiet.usual_s >= LEAST_S and quiet.total_s >= MATTERS * span_s:
            return quiet.task, (
                f"after {quiet.alike} of {quiet.starts} starts of {quiet.task}, the worker "
                f"fetched, started and ended no other task for {duration(quiet.usual_s)} "
                f"(median); the pauses after all of its starts add up to "
                f"{percent(min(1.0, quiet.total_s / span_s))} of the time observed"
            )
    return "", ""


def _slow(worker: WorkerSeen, free: Starved) -> tuple[str, str]:
    """Return the same from inspections alone, which show no single task."""
    started, samples = sum(worker.started.values()), worker.samples
    spacing_s = (samples[-1].at_s - samples[0].at_s) / started if started else 0.0
    always = free.waited >= max(MANY_SAMPLES, MOST * free.moments)
    if not always or spacing_s < LEAST_S or free.most_busy > FEW * worker.slots:
        return "", ""
    names = sorted(worker.started)
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    task = names[0] if len(names) == 1 else f"one of {', '.join(names[:3])}{more}"
    return task, f"tasks started: {started}, one every {duration(spacing_s)}"


def one_core(worker: WorkerSeen, seen: Seen) -> Finding | None:
    """Slots that share one interpreter use one core together."""
    pool = worker.pool
    if pool is None or pool.parallel_python or worker.slots < 2:
        return None
    used, busy = cores(worker), busy_slots(worker, seen)
    if used is None or busy is None or used > MOST_OF_ONE:
        return None
    per_task_s = _cpu_per_task_s(worker, used, seen)
    computes = per_task_s is None or per_task_s >= COMPUTES_S
    machine = machine_busy(worker)
    shared = computes and machine is not None and machine >= FULL_MACHINE
    if busy < SEVERAL or used < (ONE_CORE_SHARED if shared else ONE_CORE):
        return None
    if gevent_blocked(worker, seen) is not None:  # which explains it
        return None
    less = "; the machine is full, so it gets only part of that core" if used < ONE_CORE else ""
    around = "" if machine is None else f"; the worker's machine was {percent(machine)} busy"
    each = "" if per_task_s is None else f", {duration(per_task_s)} per task"
    return Finding(
        name="one-core",
        worker=worker.node,
        text=f"{worker.node} is limited by one core, which is all that {worker.slots} slots of a "
        f"{pool.name} worker can use for Python code{less}",
        evidence=f"on average, {used:.2f} cores were busy while {busy:.1f} slots ran a task: the "
        f"worker's CPU time was {percent(used / busy)} of the tasks' run time{each}{around}",
        fix="use --pool prefork with one process per core for these tasks"
        if computes
        else "start several of these workers: most of this CPU time is the worker's own",
    )


def _cpu_per_task_s(worker: WorkerSeen, used: float, seen: Seen) -> float | None:
    """Return the CPU seconds per task, the worker's own included; None if none ended."""
    if worker.attempts:
        return used * worker.covered_s(seen.span_s) / len(worker.attempts)
    started = sum(worker.started.values())
    return used * seen.span_s / started if started else None
