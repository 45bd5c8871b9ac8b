"""The main job: every workload on every pool, one at a time, in turn, and accounted for."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from cluster.found import Asking
from cluster.local import LocalCluster
from cluster.machine import Machine
from lab.analysis.outcome import pool_result, workload_result
from lab.measure.calibrate import Bare, bare_cost, calibrate
from lab.measure.repeat import Bench, Measured, measure
from lab.measure.workloads import FULL, NATURES, QUICK, Scale, Workload, fitted, workloads
from lab.race.events import RaceEvents, Workers
from lab.race.options import RaceOptions, check
from lab.results.race import (
    SCHEMA_VERSION,
    Calibration,
    RaceResult,
    Repeat,
    Settings,
    WorkloadResult,
)
from lab.session import about
from lab.session.borrowed import BorrowedWorkers, meet, with_guests
from lab.session.started import PoolConfig, StartedWorkers
from producer import broker
from producer.broker import redacted
from producer.plan import burst
from producer.queues import remove
from tasks.celery import app, use_broker
from worker.probe import Clock

#: A repeat may take this many times what one core alone would need, and some seconds more.
PATIENCE = 3.0
PATIENCE_S = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Race:
    """A race under way: what every part of it needs."""

    options: RaceOptions
    machine: Machine
    cluster: LocalCluster
    workers: Workers
    bench: Bench
    run: str
    events: RaceEvents


def race(options: RaceOptions, folder: Path, machine: Machine, events: RaceEvents) -> RaceResult:
    """Run a race and return its result; on Ctrl-C, that of the workloads completed so far.

    `folder` takes the logs, and its name is in the run's id.

    Raises PoolwiseError where broker or workers cannot be had, KeyboardInterrupt where Ctrl-C came
    before the first workload was complete.
    """
    if not options.on_running:
        check(options, machine, {NATURES[name] for name in options.workloads})
    app.loader.import_default_modules()
    started_s = time.monotonic()
    # Two races may begin in the same minute on one broker, from machines that know of none other.
    run = f"poolwise-{folder.name}-{uuid4().hex[:8]}"
    with (
        LocalCluster(folder, options.broker_url) as cluster,
        Asking(app, cluster.broker_url) as asking,
    ):
        found = meet(asking, options, redacted(cluster.broker_url)) if options.on_running else {}
        options = with_guests(options, found) if found else options
        speed = calibrate()
        port = cluster.start_delay_server() if "fetch" in options.workloads else 0
        clock = Clock.read(cluster.redis)
        asked = about.settings(options, tuple(worker.node for worker in found.values()))
        result = _blank(asked, run, machine, cluster, speed, clock)
        events.prepared(result)
        use_broker(cluster.broker_url)
        todo = workloads(options.workloads, _scale(options), speed, port)
        with app.connection_for_write(cluster.broker_url) as connection:
            opened = Race(
                options=options,
                machine=machine,
                cluster=cluster,
                workers=BorrowedWorkers(asking, run, found)
                if found
                else StartedWorkers(cluster, run, options.with_events),
                bench=Bench(
                    app=app,
                    connection=connection,
                    records=cluster.redis,
                    clock=clock,
                    store_results=options.with_results,
                ),
                run=run,
                events=events,
            )
            try:
                for step in _steps(opened, todo, result):
                    result = replace(step, elapsed_s=time.monotonic() - started_s)
            except KeyboardInterrupt:
                if not result.workloads:
                    raise
                result = replace(result, interrupted=True)
            finally:
                opened.workers.close()
                try:
                    # A worker that is still starting would declare its queue after all.
                    cluster.stop_all_but_broker()
                finally:
                    remove(connection, opened.workers.queues)
    return result


def _scale(options: RaceOptions) -> Scale:
    """Return how big the race is; workers that are raced as they are may have few slots."""
    scale = QUICK if options.quick else FULL
    return fitted(scale, min(options.concurrency.values())) if options.on_running else scale


def _blank(
    asked: Settings,
    run: str,
    machine: Machine,
    cluster: LocalCluster,
    speed: Calibration,
    clock: Clock,
) -> RaceResult:
    return RaceResult(
        schema_version=SCHEMA_VERSION,
        kind="race",
        run_id=run,
        started_at=datetime.now(UTC).isoformat(timespec="seconds"),
        elapsed_s=0.0,
        versions=about.versions(broker.version(cluster.redis), embedded=cluster.embedded),
        host=about.host(machine),
        settings=asked,
        calibration=speed,
        clock_error_s=clock.error_s,
        workloads=(),
    )


def _steps(race: Race, todo: Sequence[Workload], result: RaceResult) -> Iterator[RaceResult]:
    """Yield the result anew after each workload."""
    for workload in todo:
        configs = _configs(race.options, race.machine, workload)
        race.workers.prepare(configs, race.events.starting)
        outcome, error_s = _workload(race, workload, configs)
        result = replace(
            result,
            workloads=(*result.workloads, outcome),
            clock_error_s=max(result.clock_error_s, race.bench.clock.error_s + error_s),
        )
        yield result


def _configs(options: RaceOptions, machine: Machine, workload: Workload) -> list[PoolConfig]:
    return [
        PoolConfig(pool=pool, slots=options.slots(pool, workload.nature, machine.cores))
        for pool in options.pools
    ]


def _workload(
    race: Race, workload: Workload, configs: Sequence[PoolConfig]
) -> tuple[WorkloadResult, float]:
    """Measure one workload on every pool; the second value is the worst clock error in seconds."""
    race.events.workload(workload, configs, race.options.repeats)
    bare_s = _scale(race.options).bare_s
    bare = bare_cost(workload.work, bare_s)
    order = random.Random(f"{race.options.seed}/{workload.name}")  # noqa: S311 - no secret
    repeats: dict[str, list[Repeat]] = {config.pool.name: [] for config in configs}
    error_s = 0.0
    for config in configs:
        _warm_up(race, workload, config)
    for number in range(1, race.options.repeats + 1):
        for config in order.sample(configs, len(configs)):
            measured = _repeat(race, workload, config, number, bare)
            repeats[config.pool.name].append(measured.repeat)
            error_s = max(error_s, measured.clock_error_s)
    # Once more: machines change their speed, and the ideal is what the quickest moment makes of it.
    bare = min(bare, bare_cost(workload.work, bare_s), key=lambda cost: cost.wall_s)
    pools = tuple(
        pool_result(
            workload,
            config,
            tuple(repeats[config.pool.name]),
            bare=bare,
            cores=race.machine.cores,
            start_up_s=race.workers[config].start_up_s,
        )
        for config in configs
    )
    return workload_result(workload, pools, bare, race.options.seed), error_s


def _warm_up(race: Race, workload: Workload, config: PoolConfig) -> None:
    """Let every slot run something first: threads start, modules load, pages are touched."""
    measure(
        race.bench,
        race.workers[config],
        burst(workload.warm_up, 2 * config.slots),
        run=f"{race.run}.warm-up",
        timeout_s=PATIENCE_S,
    )


def _repeat(
    race: Race, workload: Workload, config: PoolConfig, number: int, bare: Bare
) -> Measured:
    race.workers.replace_dead(config)
    alone_s = workload.count * max(bare.cpu_s, bare.wall_s / config.slots)
    measured = measure(
        race.bench,
        race.workers[config],
        burst(workload.work, workload.count),
        run=f"{race.run}.{workload.name}.{config.pool.name}.{number}",
        timeout_s=PATIENCE_S + PATIENCE * alone_s,
        progress=lambda progress: race.events.running(config, number, progress),
    )
    race.events.measured(config, number, measured.repeat)
    return measured
