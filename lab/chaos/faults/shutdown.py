"""Waits for a worker that was asked to end; one that does not is killed, and that is a finding."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from lab.chaos.trial.trial import Trial, TrialWorker

#: Seconds that a worker may take to shut down. A process of a prefork pool sometimes waits 30 s for
#: an answer that does not come (`_ensure_messages_consumed` in billiard/pool.py).
SHUTDOWN_S: Final = 90.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Shutdown:
    """How a worker ended."""

    note: str = ""  # empty: by itself
    #: The tasks that it was running when it was killed, each with when it had started.
    interrupted: Mapping[str, float] = field(default_factory=dict)


def completed(trial: Trial, worker: TrialWorker) -> Shutdown:
    """Wait for the end of a worker; kill it if it takes too long."""
    if trial.within(lambda: not worker.child.alive, SHUTDOWN_S):
        return Shutdown()
    interrupted = trial.running_in(worker)
    worker.child.kill()
    note = f"a worker did not end within {SHUTDOWN_S:g} s, so it was killed"
    return Shutdown(note=note, interrupted=interrupted)
