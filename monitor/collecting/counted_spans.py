"""When the tasks of each worker were counted from its events, so that no record counts them again.

A probe that cannot write keeps its records. Once it can, they arrive, although its worker's tasks
were counted from events meanwhile.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final

from monitor.history.tiers import RANGE_S
from producer.records import MAX_SENDERS

#: The longest time between two counted events of a span, in seconds. It is shorter than the silence
#: of a probe after which events count, so the tasks that a probe reports are never within a span.
LONGEST_GAP_S: Final = 30.0
#: Seconds from the end of a task until its event is looked at, if events arrive at once.
DELAY_S: Final = 0.5


@dataclass(slots=True)
class _Span:
    """A time in which all tasks were counted from events, in seconds since 1970."""

    begin_s: float
    end_s: float


class CountedSpans:
    """The spans of each node in the last hour. Not thread-safe: callers hold a lock."""

    def __init__(self) -> None:
        self._spans: dict[str, deque[_Span]] = {}

    def note(self, node: str, at_s: float) -> None:
        """Note that a task of `node` was counted whose event was looked at at `at_s`."""
        spans = self._spans.setdefault(node, deque())
        if spans and at_s - spans[-1].end_s <= LONGEST_GAP_S:
            spans[-1].end_s = max(spans[-1].end_s, at_s)
        else:
            spans.append(_Span(at_s - DELAY_S, at_s))
        while at_s - spans[0].end_s > RANGE_S:
            spans.popleft()
        if len(self._spans) > MAX_SENDERS:
            del self._spans[next(iter(self._spans))]

    def contain(self, node: str, at_s: float) -> bool:
        """Return whether a task of `node` that finished at `at_s` was counted from its event."""
        return any(one.begin_s < at_s <= one.end_s for one in self._spans.get(node, ()))
