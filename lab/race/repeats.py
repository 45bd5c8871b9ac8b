"""One workload on every pool: warm-up, repeats in a random order, and what they come to."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

from lab.analysis.outcome import pool_result, workload_result
from lab.measure.calibrate import Bare
from lab.measure.other_load import OtherLoad
from lab.measure.repeat import Measured, RepeatSpec, measure
from lab.measure.traits import Workload
from lab.race.events import RaceEvents
from lab.race.race_options import RaceOptions
from lab.race.subject import Subject
from lab.results.race import Repeat, WorkloadResult
from lab.session.protocols import Key, PoolConfig, Workers
from lab.session.session import Session

#: A repeat may take this many times as long as one core alone would need, and some seconds more.
PATIENCE = 3.0
PATIENCE_S = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Race:
    """What every part of a race under way uses."""

    options: RaceOptions
    session: Session
    subject: Subject
    workers: Workers
    events: RaceEvents


def measure_workload(race: Race, workload: Workload) -> tuple[WorkloadResult, float]:
    """Measure one workload on every pool; also return the worst clock error, in seconds."""
    configs = race.subject.configs(workload)
    race.workers.prepare(configs, race.events.starting)
    race.events.workload(workload, configs, race.options.repeats)
    bare = race.subject.bare(workload)
    repeats: dict[Key, list[Repeat]] = {config.key: [] for config in configs}
    error_s = 0.0
    for config in configs:
        _warm_up(race, workload, config, bare)
    for number, config in _turns(race, workload, configs):
        if race.workers.replace_dead(config):
            _warm_up(race, workload, config, bare)
        measured = _measured(race, config, number, _spec(race, workload, config, number, bare))
        _clear(race, config, measured)
        race.subject.tidy()
        race.events.measured(config, number, measured.repeat)
        repeats[config.key].append(measured.repeat)
        error_s = max(error_s, measured.clock_error_s)
    # Measured again, because machines change their speed; the ideal takes the faster of the two.
    bare = min(bare, race.subject.bare(workload), key=lambda cost: cost.wall_s)
    pools = tuple(
        pool_result(
            workload,
            config,
            tuple(repeats[config.key]),
            bare=bare,
            cores=race.session.machine.cores,
            start_up_s=race.workers[config].start_up_s,
        )
        for config in configs
    )
    return workload_result(workload, pools, bare, race.options.seed), error_s


def _measured(race: Race, config: PoolConfig, number: int, spec: RepeatSpec) -> Measured:
    """Measure one repeat, and what else the machine did meanwhile."""
    worker = race.workers[config]
    race.session.server_clock.settled()  # now, so that a wait is not part of the load of others
    with OtherLoad(worker) as load:
        measured = measure(race.session, worker, spec, partial(race.events.running, config, number))
    if load.shares is None:
        return measured
    repeat = replace(
        measured.repeat,
        others_cpu_share=load.shares.others,
        stolen_cpu_share=load.shares.stolen,
    )
    return replace(measured, repeat=repeat)


def _turns(
    race: Race, workload: Workload, configs: Sequence[PoolConfig]
) -> Iterator[tuple[int, PoolConfig]]:
    """Yield the repeats' numbers from 1, each with every contestant in a random order."""
    order = random.Random(f"{race.options.seed}/{workload.name}")  # noqa: S311 - no secret
    for number in range(1, race.options.repeats + 1):
        for config in order.sample(configs, len(configs)):
            yield number, config


def _warm_up(race: Race, workload: Workload, config: PoolConfig, bare: Bare) -> None:
    """Run something in every slot first: threads start, modules load, pages are touched."""
    plan = workload.warm_up_plan(config.concurrency)
    spec = RepeatSpec(
        run=f"{race.session.run}.warm-up",
        plan=plan,
        timeout_s=PATIENCE_S + PATIENCE * _alone_s(len(plan), config, bare),
        store_results=race.options.with_results,
        app=race.subject.app,
    )
    _clear(race, config, measure(race.session, race.workers[config], spec))
    race.workers.replace_dead(config)  # cold, if it was too slow to warm up


def _clear(race: Race, config: PoolConfig, measured: Measured) -> None:
    """Have nothing that was too slow for one repeat run in the next, perhaps of another pool."""
    if measured.left:
        race.workers.clear(config, measured.left)


def _spec(
    race: Race, workload: Workload, config: PoolConfig, number: int, bare: Bare
) -> RepeatSpec:
    contestant = ".".join(filter(None, (config.pool.name, config.transport)))
    return RepeatSpec(
        run=f"{race.session.run}.{workload.name}.{contestant}.{number}",
        plan=workload.plan(),
        timeout_s=PATIENCE_S + PATIENCE * _alone_s(workload.count, config, bare),
        slots=config.concurrency,
        store_results=race.options.with_results,
        app=race.subject.app,
    )


def _alone_s(count: int, config: PoolConfig, bare: Bare) -> float:
    """Return what `count` tasks would take on one core, in seconds."""
    return count * max(bare.cpu_s, max(bare.wall_s, bare.usual_s) / config.concurrency)
