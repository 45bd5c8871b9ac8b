"""The scenes of the lesson `coroutines`: two waits, a blocked gevent worker, and the fixes.

It must not know what is concluded from them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from lab.learn.engine.context import Context
from lab.learn.engine.open_scene import OpenScene
from lab.learn.engine.scene_run import Call
from lab.learn.lessons.coroutines.heartbeats import Heartbeats, heartbeats
from lab.learn.lessons.coroutines.neighbours import (
    COMPUTES,
    EVERY_S,
    IN_C,
    IN_PROCESS,
    IN_THREAD,
    PATIENT,
    TICKER,
    WATCH,
    YIELDS,
    NeighbourRun,
)
from lab.learn.lessons.coroutines.pings import Ping, ping_until
from lab.learn.lessons.coroutines.two_waits import WaitTimes, run_two_waits
from lab.session.protocols import Worker
from producer.plan import Work
from tasks.lessons.coroutines import blocking, hub_watch, waiting

TICKERS: Final = 2
#: Seconds before the first blocking task, and after each of them.
BEFORE_S, BETWEEN_S = 0.4, 0.4
#: The most seconds to wait for a heartbeat, and for the tickers to start.
BEAT_S, START_S = 4.0, 3.0
#: The lab's own lane in the timeline.
PINGS: Final = "pings"


@dataclass(frozen=True, slots=True, kw_only=True)
class GreenletRuns:
    """All that the lesson has measured."""

    waits: WaitTimes
    blocked: NeighbourRun
    fixed: NeighbourRun
    beats: Heartbeats


def play(context: Context) -> GreenletRuns:
    """Run two waits at the same time; then block a gevent worker, and do the same work fixed."""
    waits = run_two_waits(context, context.dial("unit_ms") / 1_000)
    block_s, session = context.dial("block_ms") / 1_000, context.session
    node = context.worker("gevent").node
    with heartbeats(session.app, session.cluster.broker_url, node) as beats:
        blocked = _block(context, beats, block_s)
        turns = int(blocked.task(COMPUTES).value)
        fixed = _fix(context, block_s, turns)
    return GreenletRuns(waits=waits, blocked=blocked, fixed=fixed, beats=beats)


def _block(context: Context, beats: Heartbeats, block_s: float) -> NeighbourRun:
    """Send two tasks that block, the first timed so that a heartbeat is due in its middle."""
    if beats.await_one(BEAT_S):
        lead_s = beats.every_s - block_s / 2 - BEFORE_S - BETWEEN_S
        time.sleep(min(max(0.0, lead_s), BEAT_S))

    def due_s(scene: OpenScene) -> float:
        if not beats.arrived:
            return 0.0
        ago_s = time.monotonic() - beats.arrived[-1]
        return scene.lab.elapsed_s - ago_s + beats.every_s - block_s / 2

    worker = context.worker("gevent")
    first = Call(work=_compute(block_s), worker=worker, label=COMPUTES)
    second = Call(work=_call_c(block_s), worker=worker, label=IN_C)
    title = "two tasks that block"
    caption = "While one computes or waits in C, no other task runs and the worker does not answer."
    return _run_beside(context, title, caption, [[first], [second]], block_s, due_s)


def _fix(context: Context, block_s: float, turns: int) -> NeighbourRun:
    """Send the same work in ways that let the others run."""
    worker = context.worker("gevent")
    first = [Call(work=_compute(turns=turns, yields=True), worker=worker, label=YIELDS)]
    second = [Call(work=_call_c(block_s, in_thread=True), worker=worker, label=IN_THREAD)]
    if "prefork" in context.pools:
        other = context.worker("prefork")
        second.append(Call(work=_compute(turns=turns), worker=other, label=IN_PROCESS))
    title = "the same work, fixed"
    caption = "It yields, waits in a thread, or computes in a process: the tickers keep ticking."
    return _run_beside(context, title, caption, [first, second], block_s, lambda _: 0.0)


def _compute(seconds: float = 0.0, turns: int = 0, yields: bool = False) -> Work:
    return Work(task=blocking.compute.name, args=(seconds, turns, yields))


def _call_c(seconds: float, in_thread: bool = False) -> Work:
    return Work(task=blocking.call_c.name, args=(seconds, in_thread))


def _run_beside(
    context: Context,
    title: str,
    caption: str,
    steps: Sequence[Sequence[Call]],
    block_s: float,
    due_s: Callable[[OpenScene], float],
) -> NeighbourRun:
    """Start the tickers, send each step's calls from `due_s` on, and ping the worker throughout."""
    worker, scene = context.worker("gevent"), context.open_scene(title)
    began_at = time.monotonic()
    length_s = 2 * BEFORE_S + len(steps) * (block_s + BETWEEN_S) + BETWEEN_S / 2
    calls = _permanent(context.traces.put(title, 0), worker, length_s)
    context.send(scene, calls)
    _await_start(context, context.traces.key(title), len(calls))
    pings = _ping(context, scene, max(scene.lab.elapsed_s + BEFORE_S, due_s(scene)))
    for step in steps:
        context.send(scene, step)
        pings += _ping(context, scene, scene.lab.elapsed_s + block_s + BETWEEN_S)
    ran = context.follow(scene)
    context.show(scene.with_lab(ran.scene(caption), PINGS))
    return NeighbourRun(ran=ran, pings=pings, began_at=began_at)


def _ping(context: Context, scene: OpenScene, until_s: float) -> list[Ping]:
    return ping_until(context.session.remote, context.worker("gevent").node, scene.lab, until_s)


def _permanent(counter: str, worker: Worker, length_s: float) -> list[Call]:
    """Return the calls of the tasks that run from the scene's start to its end."""
    tick = Work(task=waiting.tick.name, args=(counter, length_s, EVERY_S))
    wait = Work(task=waiting.wait.name, args=(counter, length_s))
    watch = Work(task=hub_watch.watch.name, args=(counter, length_s))
    return [
        *(Call(work=tick, worker=worker, label=f"{TICKER} {n + 1}") for n in range(TICKERS)),
        Call(work=wait, worker=worker, label=PATIENT),
        Call(work=watch, worker=worker, label=WATCH),
    ]


def _await_start(context: Context, counter: str, count: int) -> None:
    deadline = time.monotonic() + START_S
    while int(context.traces.get(counter) or 0) < count and time.monotonic() < deadline:
        time.sleep(0.01)
