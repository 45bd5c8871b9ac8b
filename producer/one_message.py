"""Has Celery send one task of a plan, with the header that Poolwise adds."""

from __future__ import annotations

from typing import Any

from celery import Celery
from kombu import Producer
from kombu.exceptions import EncodeError
from kombu.utils.json import dumps

from producer import broker
from producer.plan import Work
from producer.submit_options import SubmitOptions
from tasks.errors import UsageError
from worker.probe import HEADER


def known_task(app: Celery, work: Work, options: SubmitOptions) -> Any:
    """Return the task of `work`.

    Raises UsageError if `app` cannot send it to the queue of `options` and have a worker run it.
    """
    if work.task not in app.tasks:
        own = [name for name in app.tasks if not name.startswith("celery.")]
        raise UsageError.unknown("task", work.task, sorted(own))
    if app.conf.task_always_eager:
        raise UsageError(
            "the app sets task_always_eager, so no task reaches a worker: set it to False"
        )
    _check_options(work)
    _check_queue(app, options.queue)
    return app.tasks[work.task]


def _check_options(work: Work) -> None:
    if work.countdown_s is not None and work.eta is not None:
        raise UsageError(f"{work.task} has a countdown and an ETA: leave one of them out")
    if HEADER in work.headers:
        raise UsageError(f"the header {HEADER!r} is Poolwise's own: leave it out")
    try:
        dumps(dict(work.headers))
    except (TypeError, ValueError) as error:
        raise UsageError(f"the headers of {work.task} cannot be sent as JSON: {error}") from error


def _check_queue(app: Celery, name: str) -> None:
    queues: Any = app.amqp.queues
    try:
        queue = queues[name]
    except KeyError:  # with task_create_missing_queues = False
        raise UsageError.unknown("queue", name, sorted(queues)) from None
    if queue.exchange and queue.exchange.type == "fanout":
        raise fanout(name)


def fanout(queue: str) -> UsageError:
    """Return the error for a queue whose exchange copies each task to all workers."""
    return UsageError(
        f"queue {queue!r} has a fanout exchange, which gives each task to every worker: "
        "name a queue with a direct exchange"
    )


def send(
    task: Any,
    work: Work,
    options: SubmitOptions,
    stamp: tuple[str, int, int],
    producer: Producer,
) -> None:
    """Call `apply_async` for one task; `stamp` is its id, and when it was due and sent, in µs.

    Raises UsageError if Celery cannot make a message of it.
    """
    task_id, due, sent = stamp
    given = {
        "countdown": work.countdown_s,
        "eta": work.eta,
        "expires": work.expires,
        "priority": work.priority,
    }
    try:
        task.apply_async(
            work.args,
            dict(work.kwargs),
            task_id=task_id,
            queue=options.queue,
            ignore_result=not options.store_result,
            headers={**work.headers, HEADER: {"run": options.run, "due": due, "sent": sent}},
            producer=producer,
            retry=False,  # on another channel, which nobody watches, or twice
            **{name: value for name, value in given.items() if value is not None},
        )
    except (EncodeError, TypeError, ValueError) as error:
        if not isinstance(error, EncodeError) and broker.is_broker_fault(error):
            raise
        reason = str(error).partition("\n")[0]
        raise UsageError(f"{work.task} cannot be sent with these arguments: {reason}") from error
