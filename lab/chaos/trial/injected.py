"""What injecting a fault once did; it must not know how it was done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Injected:
    """One fault that was injected. Times are by the monotonic clock of this machine."""

    at_s: float
    until_s: float  # when it was over: the signal sent, the broker back, the network whole
    hit: bool  # whether it hit something that was at work
    #: The tasks that ran in what was hit, each with when it had started there.
    interrupted: Mapping[str, float] = field(default_factory=dict)
    text: str = ""  # what was hit, such as "prefork worker 4711"
    note: str = ""  # what else happened that the account does not show
