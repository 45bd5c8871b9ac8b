"""The race: every workload on every pool, in a session of its own."""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import closing, nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from cluster.machine import Machine
from lab.measure.calibrate import calibrate
from lab.race.events import RaceEvents
from lab.race.own_tasks import OwnTasks
from lab.race.project_tasks import ProjectTasks
from lab.race.race_options import RaceOptions, check
from lab.race.repeats import Race, measure_workload
from lab.race.settings import settings
from lab.race.subject import Subject
from lab.results.race import SCHEMA_VERSION, RaceResult
from lab.session.load_pause import load_paused
from lab.session.session import Session, open_session
from lab.session.versions import host


@dataclass(frozen=True, slots=True, kw_only=True)
class Raced:
    """The result of a race, and what ended it early."""

    result: RaceResult
    ended_by: BaseException | None = None  # such as KeyboardInterrupt, or BrokerError


def race(options: RaceOptions, folder: Path, machine: Machine, events: RaceEvents) -> Raced:
    """Run a race and return its result; if it ended early, that of the completed workloads.

    `folder` takes the logs.

    Raises PoolwiseError if the broker or the workers are missing, and whatever ended the race, such
    as KeyboardInterrupt, before the first workload was complete.
    """
    check(options, machine)
    result: RaceResult | None = None
    try:
        with (
            open_session(folder, options.broker_url, machine, options.broker_advice) as session,
            closing(_results(session, options, events)) as results,
        ):
            for result in results:  # noqa: B007 - the last one counts
                pass
    except BaseException as ending:
        if result is None:
            raise
        interrupted = len(result.workloads) < len(options.workloads)
        return Raced(result=replace(result, interrupted=interrupted), ended_by=ending)
    assert result is not None, "there is a workload"  # noqa: S101
    return Raced(result=result)


def _results(session: Session, options: RaceOptions, events: RaceEvents) -> Generator[RaceResult]:
    """Yield the result after each workload."""
    subject: Subject = (
        OwnTasks(session, options, events.note)
        if options.project is None
        else ProjectTasks(session, options, options.project, events)
    )
    with load_paused(session, events.note) if options.pause_load else nullcontext():
        result = _blank(session, subject)
        events.prepared(result)
        yield from _measured(session, subject, events, result)


def _measured(
    session: Session, subject: Subject, events: RaceEvents, result: RaceResult
) -> Generator[RaceResult]:
    started_s = time.monotonic()
    todo = subject.workloads(result.calibration)
    workers = subject.workers()
    under_way = Race(
        options=subject.options, session=session, subject=subject, workers=workers, events=events
    )
    try:
        for workload in todo:
            outcome, error_s = measure_workload(under_way, workload)
            result = replace(
                result,
                workloads=(*result.workloads, outcome),
                clock_error_s=max(result.clock_error_s, session.clock.error_s + error_s),
                elapsed_s=time.monotonic() - started_s,
            )
            yield result
    finally:
        workers.close()


def _blank(session: Session, subject: Subject) -> RaceResult:
    """Return the result as it is before anything is measured."""
    return RaceResult(
        schema_version=SCHEMA_VERSION,
        kind="race",
        run_id=session.run,
        started_at=datetime.now(UTC).isoformat(timespec="seconds"),
        elapsed_s=0.0,
        versions=subject.versions(),
        host=host(session.machine),
        settings=settings(subject.options, subject.nodes),
        calibration=calibrate(),
        clock_error_s=session.clock.error_s,
        workloads=(),
    )
