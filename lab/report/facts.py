"""The conditions of a race as labelled facts that can be compared between races."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lab.analysis.disturbance import QUIET, others_share
from lab.format import titles, words
from lab.format.transports import used
from lab.results.common import Host
from lab.results.race import RaceResult

#: Speeds with at most this ratio (faster / slower) count as equal.
SAME_SPEED_RATIO = 1.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One condition of a race."""

    group: str
    label: str
    text: str
    speed: float | None = None  # measured, so compared with a tolerance
    expected_to_differ: bool = False  # such as the start time: never reported


def facts(result: RaceResult) -> list[Fact]:
    """List all conditions, in the same order for every result."""
    return [*_run(result), *_host(result), *_settings(result), *_versions(result)]


def differs(row: Sequence[Fact]) -> bool:
    """Return whether a fact differs between races enough to explain different figures."""
    if row[0].expected_to_differ:
        return False
    speeds = [fact.speed for fact in row if fact.speed is not None]
    if speeds:
        return max(speeds) > SAME_SPEED_RATIO * max(min(speeds), 1e-12)
    return len({fact.text for fact in row}) > 1


def stamp(result: RaceResult) -> list[str]:
    """Return the most important facts, to be shown on one line."""
    host, versions, settings = result.host, result.versions, result.settings
    return [
        machine(host),
        words.moment(result.started_at),
        f"Poolwise {versions.poolwise}",
        f"Celery {versions.celery}",
        f"Python {versions.python}",
        versions.broker,
        *used(settings),
        _repeats(settings.repeats) + (", quick" if settings.quick else ""),
        f"seed {settings.seed}",
        f"clocks agree within {words.duration(result.clock_error_s)}",
    ]


def machine(host: Host) -> str:
    """Describe a machine: its name, cores and memory."""
    cores = "1 core" if host.cores == 1 else f"{host.cores} cores"
    return f"{titles.machine_name(host)}: {cores}, {words.size(host.memory_bytes)}"


def _run(result: RaceResult) -> list[Fact]:
    texts = {
        "Name": result.settings.name or words.NOTHING,
        "Run": result.run_id,
        "Started": words.moment(result.started_at),
        "Duration": words.duration(result.elapsed_s),
        "Clocks agree within": words.duration(result.clock_error_s),
    }
    return [
        Fact(group="run", label=label, text=text, expected_to_differ=True)
        for label, text in texts.items()
    ] + [
        Fact(group="run", label="Status", text="interrupted" if result.interrupted else "complete")
    ]


def _host(result: RaceResult) -> list[Fact]:
    host, speed = result.host, result.calibration
    return [
        Fact(group="host", label="Machine", text=titles.machine_name(host)),
        Fact(group="host", label="Platform", text=host.platform),
        Fact(group="host", label="Cores", text=str(host.cores)),
        Fact(group="host", label="Memory", text=words.size(host.memory_bytes)),
        _speed("Burn iterations per CPU ms", speed.burn_iterations_per_ms),
        _speed("Digest rounds per CPU ms", speed.digest_rounds_per_ms),
        Fact(group="host", label="Used by others", text=_used_by_others(result)),
    ]


def _used_by_others(result: RaceResult) -> str:
    """Say how much of machine and slots others used in the most disturbed repeat."""
    repeats = [
        repeat for work in result.workloads for pool in work.pools for repeat in pool.repeats
    ]
    if all(repeat.others_cpu_share is None and not repeat.others for repeat in repeats):
        return "not measured"
    most = max(map(others_share, repeats))
    return "little" if most <= QUIET else f"up to {words.percent(min(1.0, most))}"


def _settings(result: RaceResult) -> list[Fact]:
    asked = result.settings
    texts = {
        "Seed": str(asked.seed),
        "Repeats": str(asked.repeats),
        "Quick": _yes(asked.quick),
        "Result backend": _yes(asked.with_results),
        "Task events": _yes(asked.with_events),
        "Transport": ", ".join(asked.transports) or "not recorded",
        "Broker": asked.broker,
        "Workers": ", ".join(asked.workers) or "started by the race",
        "Celery app": asked.app or "Poolwise's own",
    }
    command = Fact(group="settings", label="Command", text=asked.command, expected_to_differ=True)
    return [*_group("settings", texts), command]


def _versions(result: RaceResult) -> list[Fact]:
    versions = result.versions
    texts = {
        "Poolwise": versions.poolwise,
        "Celery": versions.celery,
        "kombu": versions.kombu,
        "redis-py": versions.redis_py,
        "gevent": versions.gevent,
        "Python": versions.python,
        "Broker server": versions.broker,
    }
    return _group("versions", texts)


def _group(group: str, texts: dict[str, str]) -> list[Fact]:
    return [Fact(group=group, label=label, text=text) for label, text in texts.items()]


def _speed(label: str, per_ms: float) -> Fact:
    return Fact(group="host", label=label, text=words.count(per_ms), speed=per_ms)


def _yes(asked: bool) -> str:
    return "on" if asked else "off"


def _repeats(repeats: int) -> str:
    return f"{repeats} repeat" if repeats == 1 else f"{repeats} repeats"
