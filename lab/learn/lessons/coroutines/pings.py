"""Pings a worker again and again; it must not know what the worker does."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Final

from cluster.discovery import RemoteControl
from tasks.lessons.notebook import Notebook

#: Seconds that an answer may take.
PATIENCE_S: Final = 5.0
#: Seconds between an answer and the next ping.
PAUSE_S: Final = 0.05
#: Seconds above which the timeline shows an answer as late.
LATE_S: Final = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Ping:
    """A ping and its answer; seconds since the scene's start."""

    sent_s: float
    answered_s: float


def ping_until(remote: RemoteControl, node: str, notebook: Notebook, until_s: float) -> list[Ping]:
    """Ping a worker repeatedly until `until_s` by the notebook's time, and note each ping.

    A ping that is not answered counts as answered when its patience ran out.
    """
    pings = []
    while (sent_s := notebook.elapsed_s) < until_s:
        remote.ask("ping", [node], patience_s=PATIENCE_S)
        answered_s = notebook.elapsed_s
        pings.append(Ping(sent_s=sent_s, answered_s=answered_s))
        late = answered_s - sent_s > LATE_S
        notebook.note("blocked" if late else "waits", "ping", sent_s, answered_s)
        time.sleep(PAUSE_S)
    return pings
