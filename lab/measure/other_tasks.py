"""The tasks of other clients that a worker runs during a repeat; it knows no clock but theirs."""

from __future__ import annotations

from lab.measure.follow import Step


class OtherTasks:
    """Collects the attempts of other runs that ended on one worker."""

    def __init__(self, node: str, run: str) -> None:
        self._node = node
        self._run = run
        self._spans: list[tuple[float, float]] = []

    @property
    def count(self) -> int:
        """How many ended."""
        return len(self._spans)

    def enter(self, step: Step) -> None:
        """Collect those that one step brought."""
        self._spans += [
            (record.started or record.finished, record.finished)
            for batch in step.batches
            if batch.node == self._node
            for record in batch.records
            if record.run != self._run
        ]

    def slot_share(self, begin: float, end: float, slots: int) -> float:
        """Return the share of the time of all slots that they took from `begin` to `end`."""
        if end <= begin:
            return 0.0
        inside_s = sum(
            max(0.0, min(finished, end) - max(started, begin)) for started, finished in self._spans
        )
        return min(1.0, inside_s / (slots * (end - begin)))
