"""A run of container faults on the running cluster of docker compose."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import Final

from cluster.machine import Machine
from lab.chaos import failure
from lab.chaos.collected import ChaosEvents, Collection, Ended
from lab.chaos.compose.faults import ContainerFault
from lab.chaos.compose.project import Container
from lab.chaos.compose.trial import SETTLE_S, TASK_S, ComposeTrial
from lab.chaos.judge import Evidence
from lab.chaos.measured import CellNames, cell_of
from lab.chaos.trial.injected import Injected
from lab.results.chaos import SCHEMA_VERSION, ChaosCell, ChaosResult, ChaosSettings, Named
from lab.session.versions import host, installed

#: The name of the delivery settings, which are those of the running workers.
SETTINGS: Final = "compose"
#: Seconds in which the worker must run tasks again.
RESUME_S: Final = 90.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ComposeOptions:
    """The containers to hurt, and how."""

    faults: tuple[ContainerFault, ...]
    containers: tuple[Container, ...]
    kills: int
    seed: int
    command: str  # that repeats the run
    program: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ComposeCell:
    """One fault of one container."""

    fault: ContainerFault
    container: Container
    command: str

    @property
    def title(self) -> str:
        """What is shown while it is measured."""
        return f"{self.fault.name} {self.container.pool}"


def run(options: ComposeOptions, run_id: str, machine: Machine, events: ChaosEvents) -> Ended:
    """Measure each fault on each container, one after the other.

    If something ends the run early, return the complete cells with it; raise it if there are none.
    Each container runs again at the end.
    """
    return Collection().of(partial(_measure_all, options, run_id, machine, events))


def _measure_all(
    options: ComposeOptions,
    run_id: str,
    machine: Machine,
    events: ChaosEvents,
    found: Collection,
) -> None:
    specs = [
        ComposeCell(fault=fault, container=container, command=_command(options, fault, container))
        for fault in options.faults
        for container in options.containers
    ]
    found.begin(_blank(options, run_id, machine), len(specs))
    events.prepared(len(specs), len(specs) * options.kills, f"seed {options.seed}")
    for spec in specs:
        cell = _one(spec, options, run_id, events)
        found.keep(cell)
        events.measured(cell)


def _command(options: ComposeOptions, fault: ContainerFault, container: Container) -> str:
    return (
        f"{options.program} chaos --on-compose --fault {fault.name} --pool {container.pool} "
        f"--kills {options.kills} --seed {options.seed} --yes"
    )


def _one(spec: ComposeCell, options: ComposeOptions, run_id: str, events: ChaosEvents) -> ChaosCell:
    """Measure a cell; if that is impossible, the cell says why.

    What fails while Ctrl-C is ending the run ends it: nothing else must be hurt.
    """
    try:
        return _measure(spec, options, run_id, events)
    except Exception as error:
        why = failure.reason(error)
        if why and not _is_ending(error):
            nothing = _cell(spec, Evidence(sent=(), lines=(), faults=()), "", 0.0)
            return replace(nothing, skipped=f"could not be measured: {why}")
        raise


def _is_ending(error: BaseException) -> bool:
    """Return whether an error came while something else was ending the run, such as Ctrl-C."""
    during = error.__context__
    return during is not None and (not isinstance(during, Exception) or _is_ending(during))


def _measure(
    spec: ComposeCell, options: ComposeOptions, run_id: str, events: ChaosEvents
) -> ChaosCell:
    begun_s = time.monotonic()
    name = f"{run_id}-{spec.fault.name}-{spec.container.pool}"
    with closing(ComposeTrial(spec.container, name, options.seed, threading.Event())) as trial:
        trial.start()
        faults: list[Injected] = []
        again: list[float | None] = []
        for number in range(1, options.kills + 1):
            fault = spec.fault.inject(trial)
            faults.append(fault)
            again.append(_resumed(trial, fault))
            events.fault(spec, number)
        trial.stop_sending()
        trial.until_quiet(trial.book, SETTLE_S)
        trial.finish()
        sent, lines = trial.book.closed()
        found = Evidence(
            sent=sent, lines=lines, faults=faults, left=trial.left, dead=trial.dead,
            stops_all=True, all_again_s=again,
        )  # fmt: skip
    return _cell(spec, found, trial.transport, time.monotonic() - begun_s)


def _resumed(trial: ComposeTrial, fault: Injected) -> float | None:
    """Wait until the worker runs new tasks; return how long after the fault, None: it does not."""
    until_s = fault.until_s

    def first_s() -> float | None:
        return trial.book.first_start(until_s, trial.places, sent_s=until_s)

    trial.within(lambda: first_s() is not None, RESUME_S)
    return None if (at_s := first_s()) is None else at_s - until_s


def _cell(spec: ComposeCell, found: Evidence, transport: str, seconds: float) -> ChaosCell:
    names = CellNames(
        pool=spec.container.pool,
        fault=spec.fault.name,
        settings=SETTINGS,
        transport=transport,
        command=spec.command,
    )
    return cell_of(names, found, seconds)


def _blank(options: ComposeOptions, run_id: str, machine: Machine) -> ChaosResult:
    services: Sequence[str] = [one.service for one in options.containers]
    return ChaosResult(
        schema_version=SCHEMA_VERSION,
        kind="chaos",
        run_id=run_id,
        started_at=datetime.now(UTC).isoformat(timespec="seconds"),
        elapsed_s=0.0,
        versions=installed("the broker of docker compose"),
        host=host(machine),
        settings=ChaosSettings(
            faults=tuple(Named(name=one.name, text=one.text) for one in options.faults),
            deliveries=(Named(name=SETTINGS, text=f"the settings of {', '.join(services)}"),),
            pools=tuple(one.pool for one in options.containers),
            kills=options.kills,
            slots=0,
            workers=1,
            task_s=TASK_S,
            seed=options.seed,
            command=options.command,
        ),
        cells=(),
    )
