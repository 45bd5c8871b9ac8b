"""Tasks that kill their worker, or whose result or exception cannot be handed on."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

import celery.exceptions
from celery import Celery

from lab.chaos.bad.outbox import note, put_task, reporting, watched
from lab.chaos.bad.sent import BadInjected
from lab.chaos.faults.fault import Fault
from lab.chaos.trial.trial import QUEUE, TASK_S, Trial
from tasks.chaos import marks
from tasks.chaos.ledger import calm_file

#: Seconds for which a caller waits for a result that never comes, and for one that should come.
CALLER_S: Final = 5.0
PATIENT_S: Final = 30.0
#: Seconds for which a task that kills its workers is watched, and how many more for each
#: redelivery if the settings have a dead worker's tasks run again.
KILLER_S: Final = 12.0
REDELIVERIES: Final = 6


def waiting_caller(
    name: str, args: tuple[object, ...] = (), patience_s: float = PATIENT_S
) -> Callable[[Trial], BadInjected]:
    """Return the fault that sends a task whose caller waits for the result."""

    def inject(trial: Trial) -> BadInjected:
        trial.busy_worker()
        at_s = time.monotonic()
        task_id = marks.new()
        with reporting(trial):
            got = call(trial, task_id, (name, args), patience_s)
        return replace(watched(trial, [task_id], at_s), caller=got)

    return inject


def call(
    trial: Trial, task_id: str, task: tuple[str, tuple[object, ...]], patience_s: float
) -> str:
    """Send a task and wait for its result as any caller does; return in a few words what came."""
    url = trial.broker.url
    with Celery("caller", broker=url, backend=url, set_as_current=False) as caller:
        sent: Any = caller.send_task(*task, task_id=task_id, queue=QUEUE)
        note(trial, task_id)
        try:
            result: Any = sent.get(timeout=patience_s, propagate=False)
        except celery.exceptions.TimeoutError:
            return f"nothing in {patience_s:g} s"
        finally:
            _forget(sent)
        return type(result).__name__ if isinstance(result, Exception) else repr(result)


def _forget(sent: Any) -> None:
    """Unsubscribe from a result now: Celery would when it is collected, when the broker is gone."""
    sent.backend.remove_pending_result(sent)
    sent.backend = None


def kill_worker(trial: Trial) -> BadInjected:
    """Send a task that kills the process that runs it, and see how often it does."""
    trial.busy_worker()
    at_s = time.monotonic()
    task_id = marks.new()
    with reporting(trial):
        put_task(trial, task_id, "chaos.kill")
    note(trial, task_id)
    patience_s = KILLER_S + REDELIVERIES * (trial.spec.delivery.returns_s or 0.0)
    seen = watched(trial, [task_id], at_s, patience_s)
    calm_file(trial.ledger).touch()
    return seen


BAD_TASKS: Final = (
    Fault(
        name="killer",
        text="a task that kills its process each time (the child under prefork, else the worker)",
        target="message",
        inject=kill_worker,
        most=1,
    ),
    Fault(
        name="unencodable",
        text="a task whose result cannot be encoded, and a caller that waits for it",
        target="message",
        inject=waiting_caller("chaos.unencodable"),
    ),
    Fault(
        name="unpicklable",
        text="a task whose exception cannot be pickled, and a caller that waits for it",
        target="message",
        inject=waiting_caller("chaos.unpicklable"),
    ),
    Fault(
        name="ignored-result",
        text="a caller that waits for the result of a task with ignore_result",
        target="message",
        inject=waiting_caller("chaos.work", (TASK_S,), CALLER_S),
    ),
)
