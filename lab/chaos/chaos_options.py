"""What a run of faults is asked for, and the cells that follow from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from lab.chaos.cell import CellSpec
from lab.chaos.fault_table import FAULTS
from lab.chaos.faults.fault import Fault
from lab.chaos.trial.delivery import DELIVERIES, Delivery
from tasks.transport_options import TRANSPORTS
from worker.pools import Pool

#: The faults and settings of the default matrix.
DEFAULT_FAULTS: Final = tuple(one.name for one in FAULTS.values() if one.default)
DEFAULT_DELIVERIES: Final = ("defaults", "poolwise")
#: The faults of each cell by default.
DEFAULT_KILLS: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class ChaosOptions:
    """The matrix to measure."""

    faults: tuple[Fault, ...]
    pools: tuple[Pool, ...]
    deliveries: tuple[Delivery, ...]
    kills: int  # per cell
    jobs: int  # cells at the same time
    seed: int
    command: str  # that repeats the run, with its seed
    program: str  # how `poolwise` is typed here

    def cells(self) -> tuple[CellSpec, ...]:
        """Return the cells, those that take the longest first."""
        specs = [
            self._cell(fault, pool, delivery)
            for fault in self.faults
            for delivery in sorted(self.deliveries, key=lambda one: one.returns_s is None)
            for pool in self.pools
            if fault.only(pool)
        ]
        return tuple(specs)

    def _cell(self, fault: Fault, pool: Pool, delivery: Delivery) -> CellSpec:
        kills = min(self.kills, fault.most or self.kills)
        transport = "" if delivery.label == delivery.name else f" --transport {delivery.transport}"
        command = (
            f"{self.program} chaos --fault {fault.name} --pool {pool.name} "
            f"--settings {delivery.name}{transport} --kills {kills} --seed {self.seed}"
        )
        return CellSpec(
            pool=pool,
            fault=fault,
            delivery=delivery,
            kills=kills,
            seed=self.seed,
            command=command,
        )


def most_careful(options: ChaosOptions) -> str:
    """Return the label of the settings that should lose the least."""
    names = list(DELIVERIES)
    best = max(
        options.deliveries,
        key=lambda one: (names.index(one.name), TRANSPORTS.index(one.transport)),
    )
    return best.label
