"""The faults that can be injected, by name; their functions are in the modules that do them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from cluster.broker import AppendOnly
from lab.chaos.trial.injected import Injected
from lab.chaos.trial.trial import Trial
from worker.pools import Pool

#: What a fault happens to.
Target = Literal["worker", "broker", "network", "message"]


def everywhere() -> str:
    """Return why a fault cannot be injected on this machine: empty, it can."""
    return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One kind of fault, and the function that injects it once into a running trial."""

    name: str
    text: str  # what it does, as a person reads it
    target: Target
    inject: Callable[[Trial], Injected]
    only: Callable[[Pool], bool] = lambda _pool: True  # the pools that have what it hits
    cannot: Callable[[], str] = everywhere
    default: bool = False  # part of the default matrix
    append_only: AppendOnly = "everysec"  # how the broker keeps its data
    linked: bool = False  # whether it needs a link between each worker and the broker
    resume_s: float = 40.0  # seconds in which workers must run tasks again, or they are replaced
    env: Mapping[str, str] = field(default_factory=dict)  # further environment of its workers
    most: int | None = None  # how often it is injected at most: once shows all there is to see
