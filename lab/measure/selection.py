"""Which workloads a race runs, in which order, of which size; pure."""

from __future__ import annotations

from collections.abc import Iterable

from lab.measure.scale import Scale
from lab.measure.workloads import WORKLOADS, IdenticalTasks, Sizing, WorkloadKind
from lab.results.race import Calibration
from tasks.errors import UsageError


def default_names(*, quick: bool, on_running: bool) -> tuple[str, ...]:
    """Return the workloads that run if the user names none."""
    rows = [row for row in WORKLOADS.values() if row.in_default and (row.in_quick or not quick)]
    return checked([(on_running and row.instead_on_borrowed) or row.name for row in rows])


def checked(names: Iterable[str]) -> tuple[str, ...]:
    """Return `names` in the order in which they run, each once.

    Raises UsageError for an unknown one.
    """
    wanted = set()
    for name in names:
        if name not in WORKLOADS:
            raise UsageError.unknown("workload", name, WORKLOADS)
        wanted.add(name)
    return tuple(name for name in WORKLOADS if name in wanted)


def kinds(names: Iterable[str]) -> list[WorkloadKind]:
    """Return the rows of the workloads called `names`."""
    return [WORKLOADS[name] for name in names]


def check_reachable(names: Iterable[str], *, all_here: bool) -> None:
    """Raise UsageError if a workload needs the delay server and a worker runs elsewhere."""
    for kind in kinds(names):
        if kind.needs_delay_server and not all_here:
            instead = kind.instead_on_borrowed
            raise UsageError(
                f"{kind.name} needs a server on this machine's loopback, which workers on other "
                f"machines cannot reach; {f'use {instead} instead' if instead else 'leave it out'}"
            )


def workloads(
    names: Iterable[str], scale: Scale, speed: Calibration, delay_port: int
) -> list[IdenticalTasks]:
    """Return the workloads called `names`, sized for a machine of this `speed`.

    `delay_port` is where the delay server listens on loopback.
    """
    sizing = Sizing(scale=scale, speed=speed, delay_port=delay_port)
    return [kind.sized(sizing) for kind in kinds(names)]
