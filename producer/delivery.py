"""Watches where the messages of a run go, so that each task can be accounted for.

A task can be measured only if one message with its id reaches the queue of the run, and no other.
Exchanges, routes and a task's own `apply_async` may decide otherwise. kombu's virtual transports,
Redis among them, put each message into its queues with a method of the channel, which is watched
here. Messages without the header of the run, such as events, pass unnoticed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from kombu.transport import virtual

from producer.one_message import fanout
from producer.submit_options import SubmitOptions
from tasks.errors import UsageError
from worker.probe import HEADER

Message = dict[str, Any]


class Watch:
    """The messages of a run that a channel put into queues since the last check."""

    def __init__(self, task: str, options: SubmitOptions) -> None:
        self._task = task
        self._options = options
        self._put: list[tuple[str, Message]] = []

    def note(self, queue: str, message: Message) -> None:
        """Note that `message` goes into `queue`, if it belongs to the run."""
        if self._is_ours(message):
            self._put.append((queue, message))

    def note_copies(self, message: Message) -> None:
        """Raise UsageError if `message`, which goes to every worker, belongs to the run."""
        if self._is_ours(message):
            raise fanout(self._options.queue)

    def taken(self, task_id: str) -> Message:
        """Return the one message of the task that was sent last.

        Raises UsageError if it did not reach the queue of the run, or reached others too.
        """
        put, self._put = self._put, []
        queue = self._options.queue
        others = sorted({name for name, _ in put} - {queue})
        if others and len(put) == 1:
            raise UsageError(
                f"{self._task} always goes to queue {others[0]!r}, even if you name another: "
                f"submit it to {others[0]!r}"
            )
        if others:
            raise UsageError(
                f"tasks for queue {queue!r} also arrive in {', '.join(map(repr, others))}, so each "
                "would run more than once: name a queue with an exchange of its own"
            )
        if [message["properties"].get("correlation_id") for _, message in put] != [task_id]:
            raise UsageError(
                f"{self._task} did not send exactly one task with the given id: its own "
                "apply_async() must pass on task_id, queue, headers and producer"
            )
        return put[0][1]

    def _is_ours(self, message: Message) -> bool:
        header = message["headers"].get(HEADER)
        return isinstance(header, dict) and header.get("run") == self._options.run


def can_watch(channel: Any) -> bool:
    """Return whether `channel` puts messages into queues itself."""
    return isinstance(channel, virtual.Channel)


@contextmanager
def watched(channel: Any, watch: Watch, *, dry_run: bool = False) -> Iterator[None]:
    """Have `watch` note what `channel` puts into queues; in a dry run, nothing is put."""
    put, put_copies = channel._put, channel._put_fanout

    def note(queue: str, message: Message, **options: Any) -> None:
        watch.note(queue, message)
        if not dry_run:
            put(queue, message, **options)

    def note_copies(exchange: str, message: Message, routing_key: str, **options: Any) -> None:
        watch.note_copies(message)
        if not dry_run:
            put_copies(exchange, message, routing_key, **options)

    channel._put, channel._put_fanout = note, note_copies
    try:
        yield
    finally:
        del channel._put, channel._put_fanout
