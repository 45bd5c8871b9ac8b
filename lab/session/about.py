"""What a result says of its circumstances: versions, machine, settings; secrets left out."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

from cluster.machine import Machine
from lab.measure.workloads import default_names
from lab.race.options import RaceOptions
from lab.results.race import Host, Settings, Versions
from producer.broker import redacted
from worker.pools import DEFAULT_POOLS

#: Repeats of a race, and of a quick one.
REPEATS = 3
REPEATS_QUICK = 1


def versions(broker: str, *, embedded: bool) -> Versions:
    """Return the versions of all that takes part; `broker` is its name and version."""
    return Versions(
        poolwise=version("poolwise"),
        celery=version("celery"),
        kombu=version("kombu"),
        redis_py=version("redis"),
        gevent=_version_or_none("gevent"),
        python=platform.python_version(),
        broker=f"{broker} (embedded)" if embedded else broker,
    )


def _version_or_none(distribution: str) -> str:
    """Return a version; "none" for what can be done without."""
    try:
        return version(distribution)
    except PackageNotFoundError:
        return "none"


def host(machine: Machine) -> Host:
    """Return the machine as results name it."""
    return Host(
        name=machine.name,
        platform=machine.platform,
        cores=machine.cores,
        memory_bytes=machine.memory_bytes,
    )


def settings(options: RaceOptions, workers: tuple[str, ...] = ()) -> Settings:
    """Return the settings, with a command line that asks for the same again."""
    return Settings(
        seed=options.seed,
        repeats=options.repeats,
        quick=options.quick,
        with_results=options.with_results,
        with_events=options.with_events,
        broker=redacted(options.broker_url) if options.broker_url else "embedded",
        command=" ".join(_command(options)),
        workers=workers,
    )


def _command(options: RaceOptions) -> list[str]:
    """Name each option that differs from its default; a password never."""
    pools = tuple(pool.name for pool in options.pools)
    default_repeats = REPEATS_QUICK if options.quick else REPEATS
    workloads = default_names(quick=options.quick, on_running=options.on_running)
    sizes = {} if options.on_running else options.concurrency
    concurrency = ",".join(f"{name}={slots}" for name, slots in sizes.items())
    parts = (
        ("--quick", options.quick),
        (f"--pools {','.join(pools)}", pools != DEFAULT_POOLS),
        (f"--concurrency {concurrency}", concurrency),
        (f"--workloads {','.join(options.workloads)}", options.workloads != workloads),
        (f"--repeat {options.repeats}", options.repeats != default_repeats),
        (f"--broker {redacted(options.broker_url or '')}", options.broker_url),
        ("--on-running", options.on_running),
        ("--with-results", options.with_results),
        ("--with-events", options.with_events),
        (f"--seed {options.seed}", True),
    )
    return ["poolwise race", *(text for text, differs in parts if differs)]
