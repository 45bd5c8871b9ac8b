"""All that the lesson `pools` measured, as its tables and claims read it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cluster.machine import Machine
from lab.learn.lessons.pools.sweep import SweepStep
from lab.learn.lessons.pools.waves import WaveRun


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolMeasurements:
    """Both parts of the lesson, each by pool."""

    wave_runs: Mapping[str, WaveRun]
    sweeps: Mapping[str, Sequence[SweepStep]]  # the fewest slots first
    machine: Machine
