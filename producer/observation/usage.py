"""How busy a worker's slots, cores and machine were: pure functions."""

from __future__ import annotations

from collections.abc import Iterator

from producer.observation.seen import Seen, WorkerSeen


def busy_slots(worker: WorkerSeen, seen: Seen) -> float | None:
    """Return how many slots were busy on average.

    Samples miss the tasks of a worker that answers only between two tasks. Attempts miss the tasks
    that have not ended yet. So the larger of the two counts.
    """
    sampled = [float(one.busy) for one in worker.samples]
    covered_s = worker.covered_s(seen.span_s)
    ran_s = sum(end - start for start, end in _running(worker, seen.span_s))
    known = [ran_s / covered_s] if worker.attempts else []
    if sampled:
        known.append(sum(sampled) / len(sampled))
    return max(known) if known else None


def _running(worker: WorkerSeen, span_s: float) -> Iterator[tuple[float, float]]:
    """Yield from when to when each slot ran a task, within the time of which all is known.

    The messages of a batch share one run, and so the microseconds of its start and its end.
    """
    runs = dict.fromkeys((one.task, one.started_s, one.finished_s) for one in worker.attempts)
    for _, started_s, finished_s in runs:
        if started_s is not None:
            start, end = max(worker.attempts_from_s, started_s), min(finished_s, span_s)
            if end > start:
                yield start, end


def cores(worker: WorkerSeen) -> float | None:
    """Return the CPU seconds per second of the worker's process tree."""
    read = [(one.at_s, one.cpu_s) for one in worker.samples if one.cpu_s is not None]
    if len(read) < 2 or read[-1][0] - read[0][0] < 1.0:
        return None
    (start_s, before), (end_s, after) = read[0], read[-1]
    return max(0.0, after - before) / (end_s - start_s)


def machine_busy(worker: WorkerSeen) -> float | None:
    """Return the average share of all cores of the worker's machine that were busy, 0 to 1."""
    read = [one.machine_percent for one in worker.samples if one.machine_percent is not None]
    return sum(read) / len(read) / 100 if read else None
