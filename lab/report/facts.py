"""What a race was run with, as labelled facts; it knows what differs between races, no layout."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lab.format import words
from lab.results.race import RaceResult

#: Measured speeds this close (greater / lesser) count as the same machine.
SAME_SPEED_RATIO = 1.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One thing known of a race."""

    group: str
    label: str
    text: str
    speed: float | None = None  # a measured quantity, compared with tolerance
    expected_to_differ: bool = False  # when and how long: never worth a warning


def facts(result: RaceResult) -> list[Fact]:
    """List everything a result says of its circumstances, in the same order for every result."""
    return [*_run(result), *_host(result), *_settings(result), *_versions(result)]


def differs(row: Sequence[Fact]) -> bool:
    """Tell whether the same fact of several races differs so that it could explain numbers."""
    if row[0].expected_to_differ:
        return False
    speeds = [fact.speed for fact in row if fact.speed is not None]
    if speeds:
        return max(speeds) > SAME_SPEED_RATIO * max(min(speeds), 1e-12)
    return len({fact.text for fact in row}) > 1


def stamp(result: RaceResult) -> list[str]:
    """Say in pieces of one line: machine, moment, versions, settings, how sure the clocks are."""
    host, versions, settings = result.host, result.versions, result.settings
    return [
        f"{host.name}: {_cores(host.cores)}, {words.size(host.memory_bytes)}",
        words.moment(result.started_at),
        f"Poolwise {versions.poolwise}",
        f"Celery {versions.celery}",
        f"Python {versions.python}",
        versions.broker,
        _repeats(settings.repeats) + (", quick" if settings.quick else ""),
        f"seed {settings.seed}",
        f"clocks agree within {words.duration(result.clock_error_s)}",
    ]


def _run(result: RaceResult) -> list[Fact]:
    texts = {
        "Run": result.run_id,
        "Started": words.moment(result.started_at),
        "Took": words.duration(result.elapsed_s),
        "Clocks agree within": words.duration(result.clock_error_s),
    }
    return [
        Fact(group="run", label=label, text=text, expected_to_differ=True)
        for label, text in texts.items()
    ] + [Fact(group="run", label="Ended", text="interrupted" if result.interrupted else "whole")]


def _host(result: RaceResult) -> list[Fact]:
    host, speed = result.host, result.calibration
    return [
        Fact(group="host", label="Machine", text=host.name),
        Fact(group="host", label="Platform", text=host.platform),
        Fact(group="host", label="Cores", text=str(host.cores)),
        Fact(group="host", label="Memory", text=words.size(host.memory_bytes)),
        _speed("Burn iterations per CPU ms", speed.burn_iterations_per_ms),
        _speed("Digest rounds per CPU ms", speed.digest_rounds_per_ms),
    ]


def _settings(result: RaceResult) -> list[Fact]:
    asked = result.settings
    texts = {
        "Seed": str(asked.seed),
        "Repeats": str(asked.repeats),
        "Quick": _yes(asked.quick),
        "Result backend": _yes(asked.with_results),
        "Task events": _yes(asked.with_events),
        "Broker": asked.broker,
        "Workers": ", ".join(asked.workers) or "started for the race",
    }
    command = Fact(group="settings", label="Again", text=asked.command, expected_to_differ=True)
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


def _cores(cores: int) -> str:
    return f"{cores} core" if cores == 1 else f"{cores} cores"


def _repeats(repeats: int) -> str:
    return f"{repeats} repeat" if repeats == 1 else f"{repeats} repeats"
