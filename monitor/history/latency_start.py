"""Where the latency of a task starts, and how to say so next to a figure; it knows no history."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

#: Where a latency can start, best first: the first one that is known is used.
ORIGINS: Final = ("due", "sent", "received")
#: Next to every latency that starts when the worker received the message.
FROM_RECEPTION: Final = (
    "measured from when the worker received the task, without its time in the queue"
)


def latency_start(
    due_s: float | None, sent_s: float | None, received_s: float
) -> tuple[int, float]:
    """Return where a latency starts, as an index into ORIGINS, and when that was.

    No message is received before it is sent: if it seems so, the clocks of the two differ.
    """
    if due_s is not None:
        return 0, due_s
    if sent_s is not None:
        return 1, min(sent_s, received_s)
    return 2, received_s


def latency_note(starts: Mapping[str, int]) -> str:
    """Return what a reader must know of a percentile, given how many latencies start where.

    Empty if all of them include the time in the queue.
    """
    total, received = sum(starts.values()), starts["received"]
    if not received:
        return ""
    if received == total:
        return FROM_RECEPTION
    return (
        f"latencies that start when the task was due or sent: {total - received:,} of {total:,}; "
        "the rest start when the worker received it, without its time in the queue"
    )
