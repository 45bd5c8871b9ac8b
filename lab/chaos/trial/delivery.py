"""The delivery settings that are compared, each under a name, and the transports they run on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

from tasks.errors import UsageError
from tasks.transport_options import TRANSPORTS
from worker.pools import Pool

#: Seconds after which the tasks of a dead worker have started again on the transport `lease`.
_RETURNS_S: Final = 15.0
#: What every worker loads: it notes in the ledger how tasks end.
_LEDGER: Final = (
    *("tasks.chaos.work", "tasks.chaos.deaths", "tasks.chaos.bad"),
    "tasks.chaos.observers",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """An app, and what decides whether a task of its workers is lost or runs twice."""

    name: str
    text: str  # what it sets
    app: str  # as in `celery -A APP`
    include: tuple[str, ...] = ("worker.probe",)
    transport: str = TRANSPORTS[0]
    note: str = ""  # what its name does not say
    pool_flags: bool = False  # whether its workers get the flags that Poolwise gives to their pool
    #: Seconds after which the tasks of a dead worker have started again; None: an hour or more.
    returns_s: float | None = None

    def flags(self, pool: Pool) -> tuple[str, ...]:
        """Return the flags of a worker with this pool."""
        return pool.flags if self.pool_flags else ()

    @property
    def shown(self) -> str:
        """The name, and what it does not say; good for help."""
        return f"{self.name} ({self.note})" if self.note else self.name

    @property
    def label(self) -> str:
        """The name, and the transport unless it is the usual one; good for a file."""
        return self.name if self.transport == TRANSPORTS[0] else f"{self.name}+{self.transport}"

    def on(self, transport: str) -> Delivery:
        """Return the same settings on a transport."""
        if transport == self.transport:
            return self
        text = f"{self.text}; on the lease transport (docs/transport.md)"
        return replace(self, transport=transport, text=text, returns_s=_RETURNS_S)

    @property
    def modules(self) -> tuple[str, ...]:
        """The modules that its workers load."""
        return (*self.include, *_LEDGER)


_ALL: Final = (
    Delivery(
        name="defaults",
        text="Celery's defaults: a task is acknowledged when it starts",
        app="tasks.chaos.app:defaults",
    ),
    Delivery(
        name="acks-late",
        text="task_acks_late: a task is acknowledged when it has ended",
        app="tasks.chaos.app:acks_late",
    ),
    Delivery(
        name="reject-on-lost",
        text="task_acks_late and task_reject_on_worker_lost",
        note="with acks-late",
        app="tasks.chaos.app:reject_on_lost",
    ),
    Delivery(
        name="poolwise",
        text="Poolwise's settings (tasks/settings.py) and worker code (worker.startup)",
        note="Poolwise's settings and worker code",
        app="tasks",
        include=("worker.probe", "worker.startup"),
        pool_flags=True,
        returns_s=_RETURNS_S,
    ),
)

#: All of them by name, from the least to the most careful.
DELIVERIES: Final[Mapping[str, Delivery]] = MappingProxyType({one.name: one for one in _ALL})


def delivery_named(name: str) -> Delivery:
    """Return the settings of a name; raise UsageError with the closest one."""
    if name in DELIVERIES:
        return DELIVERIES[name]
    raise UsageError.unknown("settings", name, DELIVERIES)
