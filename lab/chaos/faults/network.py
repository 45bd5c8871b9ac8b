"""Faults of the network between one worker and the broker; the other workers go on."""

from __future__ import annotations

import time
from typing import Final

from lab.chaos.faults.fault import Fault
from lab.chaos.network.link import why_no_links
from lab.chaos.network.packets import DELAY_S, LOSS, State
from lab.chaos.trial.injected import Injected
from lab.chaos.trial.trial import Trial, TrialWorker

#: Seconds without any packet: short, as while a cable is replaced; and longer than kombu 5.7 takes
#: to give up a silent connection, which is 51 s.
CUT_S, HALF_OPEN_S = 10.0, 60.0
#: Seconds on a slow link.
SLOW_S: Final = 10.0
#: Seconds between two tasks after which a worker is not at work.
BUSY_S: Final = 1.0
#: Seconds in which a worker that was cut off runs what it had fetched.
FETCHED_S: Final = 2.0
#: Seconds in which a worker must give up connections that never answer again.
GIVE_UP_S: Final = 90.0


def cut(trial: Trial) -> Injected:
    """Drop all packets of a worker for a short while."""
    return _for_a_while(trial, "cut", CUT_S)


def half_open(trial: Trial) -> Injected:
    """Drop all packets of a worker until it has given up its connections."""
    return _for_a_while(trial, "cut", HALF_OPEN_S)


def slow(trial: Trial) -> Injected:
    """Delay all packets of a worker, and lose some."""
    return _for_a_while(trial, "slow", SLOW_S)


def forgotten(trial: Trial) -> Injected:
    """Drop the packets of a worker's connections for ever, as a firewall that has restarted does.

    New connections work at once.
    """
    worker = trial.busy_worker()
    link = trial.link_of(worker)
    at_s = time.monotonic()
    busy = _busy(trial, worker, at_s)
    before = link.forget()
    trial.pause(FETCHED_S)
    dropped = link.become("whole") - before
    return Injected(
        at_s=at_s,
        until_s=time.monotonic(),
        hit=busy and dropped > 0,
        text=f"{worker.running.spec.name}: {dropped} packets",
    )


def _busy(trial: Trial, worker: TrialWorker, at_s: float) -> bool:
    """Return whether a worker was at work, perhaps between two tasks."""
    return trial.book.started_since(at_s - BUSY_S, worker.pids())


def _for_a_while(trial: Trial, state: State, seconds: float) -> Injected:
    worker = trial.busy_worker()
    link = trial.link_of(worker)
    at_s = time.monotonic()
    busy = _busy(trial, worker, at_s)
    before = link.become(state)
    try:
        trial.pause(seconds)
    finally:
        hurt = link.become("whole") - before
    return Injected(
        at_s=at_s,
        until_s=time.monotonic(),
        hit=busy and hurt > 0,
        text=f"{worker.running.spec.name}: {hurt} packets in {seconds:g} s",
    )


NETWORK_FAULTS: Final = (
    Fault(
        name="net-cut",
        text=f"all packets between a worker and Redis dropped for {CUT_S:g} s",
        target="network",
        inject=cut,
        cannot=why_no_links,
        linked=True,
    ),
    Fault(
        name="net-half-open",
        text=f"all packets between a worker and Redis dropped for {HALF_OPEN_S:g} s",
        target="network",
        inject=half_open,
        cannot=why_no_links,
        linked=True,
    ),
    Fault(
        name="net-forgotten",
        text="packets of a worker's open connections dropped for ever; new connections work",
        target="network",
        inject=forgotten,
        cannot=why_no_links,
        linked=True,
        resume_s=GIVE_UP_S,
    ),
    Fault(
        name="net-slow",
        text=f"packets between a worker and Redis {DELAY_S * 1000:g} ms late in each direction, "
        f"{LOSS:.0%} lost, for {SLOW_S:g} s",
        target="network",
        inject=slow,
        cannot=why_no_links,
        linked=True,
    ),
)
