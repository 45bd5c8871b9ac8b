"""The tasks of a lesson that were sent and have not ended yet."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from producer.records import Record


class PendingTasks:
    """Task ids with the queue that each was sent to; a tally, as `lab.measure.follow` takes it."""

    def __init__(self) -> None:
        self._queues: dict[str, str] = {}  # by task id

    @property
    def open(self) -> int:
        """How many have not ended."""
        return len(self._queues)

    def add(self, task_ids: Iterable[str], queue: str) -> None:
        """Enter tasks that were sent to `queue`."""
        self._queues |= dict.fromkeys(task_ids, queue)

    def enter(self, records: Iterable[Record]) -> list[Record]:
        """Drop the tasks that ended; return the records of their ends."""
        ended = [one for one in records if one.is_end and one.task_id in self._queues]
        self.drop(record.task_id for record in ended)
        return ended

    def drop(self, task_ids: Iterable[str]) -> None:
        """Drop tasks that will not run, such as messages taken back."""
        for task_id in task_ids:
            self._queues.pop(task_id, None)

    def drop_queues(self, queues: Collection[str]) -> None:
        """Drop the tasks of queues that nobody consumes any more."""
        self.drop([task_id for task_id, queue in self._queues.items() if queue in queues])
