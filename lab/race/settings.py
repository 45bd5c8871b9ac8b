"""The settings of a race as its result names them, without secrets."""

from __future__ import annotations

from shlex import quote

from lab.measure.selection import default_names
from lab.race.race_options import RaceOptions
from lab.results.race import Settings
from producer.address import redacted
from tasks.transport_options import TRANSPORTS
from worker.pools import DEFAULT_POOLS

#: Repeats of a race, and of a quick one.
REPEATS = 3
REPEATS_QUICK = 1


def settings(options: RaceOptions, workers: tuple[str, ...] = ()) -> Settings:
    """Return the settings, with a command line that repeats the race."""
    return Settings(
        seed=options.seed,
        repeats=options.repeats,
        quick=options.quick,
        with_results=options.with_results,
        with_events=options.with_events,
        broker=redacted(options.broker_url) if options.broker_url else "embedded",
        command=" ".join(_command(options)),
        name=options.name,
        workers=workers,
        load_paused=options.pause_load,
        app="" if options.project is None else options.project.app,
        transports=options.transports,
    )


def _command(options: RaceOptions) -> list[str]:
    """Name each option that differs from its default; never a password."""
    pools = tuple(pool.name for pool in options.pools)
    default_repeats = REPEATS_QUICK if options.quick else REPEATS
    workloads = _default_workloads(options)
    sizes = {} if options.on_running else options.concurrency
    concurrency = ",".join(f"{name}={slots}" for name, slots in sizes.items())
    parts = (
        (options.project_flags, options.project_flags),
        ("--quick", options.quick),
        (f"--pools {','.join(pools)}", pools != DEFAULT_POOLS),
        (f"--transport {','.join(options.transports)}", _chose_transports(options)),
        (f"--concurrency {concurrency}", concurrency),
        (f"--workloads {quote(','.join(options.workloads))}", options.workloads != workloads),
        (f"--repeat {options.repeats}", options.repeats != default_repeats),
        (options.broker_flags, options.broker_flags),
        ("--on-running", options.on_running),
        ("--pause-load", options.pause_load),
        ("--with-results", options.with_results),
        ("--with-events", options.with_events),
        (f"--name {quote(options.name)}", options.name),
        (f"--seed {options.seed}", True),
        (f"--out {quote(str(options.out))}", options.out_typed),
    )
    return [f"{options.program} race", *(text for text, differs in parts if differs)]


def _chose_transports(options: RaceOptions) -> bool:
    """Return whether the transports differ from those that the race takes without a choice."""
    default = TRANSPORTS[0] if options.project is None else options.project.transport
    return not options.on_running and options.transports != (default,)


def _default_workloads(options: RaceOptions) -> tuple[str, ...]:
    if options.project is not None:
        return tuple(sorted({call.task for call in options.calls}))
    return default_names(quick=options.quick, on_running=options.on_running)
