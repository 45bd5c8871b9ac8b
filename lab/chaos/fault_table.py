"""The table of all faults."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from lab.chaos.bad.messages import BAD_MESSAGES
from lab.chaos.bad.tasks import BAD_TASKS
from lab.chaos.bad.timed import TIMED_TASKS
from lab.chaos.faults.broker import BROKER_FAULTS
from lab.chaos.faults.clocks import CLOCK_FAULTS
from lab.chaos.faults.fault import Fault
from lab.chaos.faults.network import NETWORK_FAULTS
from lab.chaos.faults.tasks import TASK_FAULTS
from lab.chaos.faults.workers import WORKER_FAULTS
from tasks.errors import UsageError

#: All faults by name, in display order.
FAULTS: Final[Mapping[str, Fault]] = MappingProxyType(
    {
        one.name: one
        for one in (
            *(*WORKER_FAULTS, *TASK_FAULTS, *CLOCK_FAULTS, *BROKER_FAULTS, *NETWORK_FAULTS),
            *(*BAD_MESSAGES, *BAD_TASKS, *TIMED_TASKS),
        )
    }
)


def fault_named(name: str) -> Fault:
    """Return the fault of a name; raise UsageError with the closest one."""
    if name in FAULTS:
        return FAULTS[name]
    raise UsageError.unknown("fault", name, FAULTS)
