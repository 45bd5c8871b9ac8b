"""Runs lessons as a learner does, and checks what a broker still holds afterwards."""

from __future__ import annotations

from pathlib import Path

import msgspec
import redis

from cluster.wait import wait_until
from lab.results.lesson import Claim, LessonResult
from tests.command import poolwise

#: Prefixes of the keys that workers, their remote control, the probe and Flower keep in a broker.
ALWAYS = (
    "_kombu.binding_deadlines",
    "_kombu.binding.celeryev",
    "_kombu.binding.celery.pidbox",
    "_kombu.binding.reply.celery.pidbox",
    "poolwise:records",
    "poolwise:history",
)
#: Seconds that a lesson may take on a busy machine.
BOUND_S = 110.0


def take(*words: str, folder: Path, expect: int = 0) -> LessonResult:
    """Run `poolwise learn …` to its end and return its result."""
    options = ("--no-predict", "--json", "--out", str(folder))
    done = poolwise("learn", *words, *options, timeout_s=BOUND_S)
    assert done.returncode == expect, done.stderr + done.stdout[-2_000:]
    result = msgspec.json.decode(done.stdout, type=LessonResult)
    assert result.holds == (expect == 0), failing(result)
    return result


def failing(result: LessonResult) -> list[Claim]:
    """Return the claims that do not hold."""
    return [claim for claim in result.findings.claims if not claim.holds]


def held(server: redis.Redis) -> set[str]:
    """Return a broker's keys, except those that workers keep while they run."""
    keys = {key.decode() for key in server.scan_iter(count=1_000)}
    return {key for key in keys if not key.startswith(ALWAYS)}


def nothing_left(server: redis.Redis, before: set[str]) -> None:
    """Fail unless all keys that a broker did not hold `before` disappear within a few seconds.

    A worker acknowledges a task a moment after it has recorded its end.
    """

    def left() -> set[str]:
        return held(server) - before

    wait_until(lambda: not left(), 5, lambda: AssertionError(f"left behind: {left()}"))
