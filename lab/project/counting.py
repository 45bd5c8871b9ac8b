"""Counts what a group of workers did in a window of time, from their records: pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from producer.records import Record


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """What a group of workers did in a window."""

    seconds: float
    tasks: float  # finished, with parts of tasks
    failed: int
    run_s: tuple[float, ...]  # of the tasks that ran in the window, from start to end
    busy: float  # share of the slots that were in use, 0 to 1
    cpu_s: float
    peak_pss_bytes: int
    died: str = ""  # how a worker ended, if one did
    by_task: Mapping[str, float] = field(default_factory=dict)  # `tasks`, by the task's name
    peaks: tuple[int, ...] = ()  # memory of each worker, in bytes
    probe_errors: int = 0  # errors in the workers' probes, since the workers have started
    clock_moved_s: float = 0.0  # if not 0, the records' clock was set by this, so times are wrong
    left: int = 0  # tasks that the workers still hold after it: not ended, or to be retried

    @property
    def rate_per_s(self) -> float:
        """The throughput, in tasks per second."""
        return self.tasks / self.seconds

    @property
    def cpu_s_per_task(self) -> float:
        """CPU seconds per task, of all processes."""
        return self.cpu_s / self.tasks if self.tasks else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """A window's begin and end, in seconds by the records' clock, and the slots in it."""

    begin: float
    end: float
    slots: int

    @property
    def seconds(self) -> float:
        """How long the window is."""
        return self.end - self.begin

    def overlap_s(self, started: float, finished: float) -> float:
        """Return for how long a task ran in the window; negative if it did not."""
        return min(finished, self.end) - max(started, self.begin)


def duration_s(record: Record) -> float:
    """Return the seconds of a run, from start to end."""
    started = record.received if record.started is None else record.started
    return record.finished - started


def counted(
    ended: Iterable[Record],
    bounds: Bounds,
    *,
    used_s: float,
    peaks: tuple[int, ...],
    died: str,
    probe_errors: int,
) -> Window:
    """Return what happened within the bounds; a task that ran there in part counts in part."""
    run_s, failed, busy_s = [], 0, 0.0
    parts: dict[str, float] = {}
    for record in ended:
        took_s = duration_s(record)
        overlap_s = bounds.overlap_s(record.finished - took_s, record.finished)
        if overlap_s < 0:
            continue
        part = overlap_s / took_s if took_s > 0 else 1.0
        parts[record.task] = parts.get(record.task, 0.0) + part
        busy_s += overlap_s
        run_s.append(took_s)
        failed += record.outcome != "succeeded"
    return Window(
        seconds=bounds.seconds,
        tasks=sum(parts.values()),
        failed=failed,
        run_s=tuple(run_s),
        busy=busy_s / (bounds.seconds * bounds.slots),
        cpu_s=used_s,
        peak_pss_bytes=sum(peaks),
        died=died,
        by_task=parts,
        peaks=peaks,
        probe_errors=probe_errors,
    )
