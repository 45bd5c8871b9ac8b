"""The race: every workload on every pool, in a session of its own."""

from __future__ import annotations

import time
from collections.abc import Generator, Mapping
from contextlib import closing, nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from cluster.discovery import DiscoveredWorker
from cluster.machine import Machine
from lab.measure.calibrate import calibrate
from lab.measure.selection import check_reachable, kinds, workloads
from lab.measure.workloads import Workload
from lab.race.events import RaceEvents
from lab.race.race_options import RaceOptions, check
from lab.race.repeats import Race, measure_workload, scale_of
from lab.race.settings import settings
from lab.results.race import SCHEMA_VERSION, RaceResult
from lab.session.borrowed import BorrowedWorkers
from lab.session.choose import BorrowRequest, choose_running
from lab.session.load_pause import load_paused
from lab.session.session import Session, open_session
from lab.session.started import StartedWorkers
from lab.session.versions import host, versions


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
    if not options.on_running:
        check(options, machine, {kind.nature for kind in kinds(options.workloads)})
    result: RaceResult | None = None
    try:
        with (
            open_session(folder, options.broker_url, machine) as session,
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
    running = _running(session, options) if options.on_running else {}
    options = _with_running(options, running)
    with load_paused(session, events.note) if options.pause_load else nullcontext():
        result = _blank(session, options, running)
        events.prepared(result)
        yield from _measured(session, options, events, running, result)


def _measured(
    session: Session,
    options: RaceOptions,
    events: RaceEvents,
    running: Mapping[str, DiscoveredWorker],
    result: RaceResult,
) -> Generator[RaceResult]:
    started_s = time.monotonic()
    workers = (
        BorrowedWorkers(session.remote, session.queues, running)
        if running
        else StartedWorkers(session.cluster, session.queues, events=options.with_events)
    )
    todo = _workloads(session, options, result)
    under_way = Race(options=options, session=session, workers=workers, events=events)
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


def _running(session: Session, options: RaceOptions) -> dict[str, DiscoveredWorker]:
    """Return the running workers to race, by pool."""
    pools = tuple(pool.name for pool in options.pools)
    request = BorrowRequest(
        user="the race",
        pools=pools,
        required=frozenset(pools if options.pools_typed else ()),
        tasks=frozenset(kind.task.name for kind in kinds(options.workloads)),
    )
    chosen = choose_running(session, request)
    check_reachable(options.workloads, all_here=all(worker.here for worker in chosen.values()))
    return chosen


def _with_running(options: RaceOptions, running: Mapping[str, DiscoveredWorker]) -> RaceOptions:
    """Return the options with the pools and concurrencies of the running workers, if any."""
    if not running:
        return options
    return replace(
        options,
        pools=tuple(pool for pool in options.pools if pool.name in running),
        concurrency={name: worker.concurrency for name, worker in running.items()},
    )


def _blank(
    session: Session, options: RaceOptions, running: Mapping[str, DiscoveredWorker]
) -> RaceResult:
    """Return the result as it is before anything is measured."""
    return RaceResult(
        schema_version=SCHEMA_VERSION,
        kind="race",
        run_id=session.run,
        started_at=datetime.now(UTC).isoformat(timespec="seconds"),
        elapsed_s=0.0,
        versions=versions(session.cluster),
        host=host(session.machine),
        settings=settings(options, tuple(worker.node for worker in running.values())),
        calibration=calibrate(),
        clock_error_s=session.clock.error_s,
        workloads=(),
    )


def _workloads(session: Session, options: RaceOptions, result: RaceResult) -> list[Workload]:
    needed = any(kind.needs_delay_server for kind in kinds(options.workloads))
    port = session.cluster.start_delay_server() if needed else 0
    return workloads(options.workloads, scale_of(options), result.calibration, port)
