"""How a run of faults is ended early, by one Ctrl-C or by a second."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Stop:
    """What the threads of a run look at; both events are set by the main thread."""

    #: No further fault: each combination accounts for the faults that were injected.
    soon: threading.Event = field(default_factory=threading.Event)
    #: Every wait ends at once.
    now: threading.Event = field(default_factory=threading.Event)
