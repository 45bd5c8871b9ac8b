"""What a transport changes, in words: the same in the terminal and in HTML."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from lab.format import words
from lab.results.race import PoolResult, Settings, TransportEffect
from tasks.transport_options import TRANSPORTS

#: A change that others may have caused, or hidden.
NOT_RELIABLE: Final = "not reliable"
#: No difference was measured; results store it so, and readers see `WITHIN_NOISE`.
THE_SAME: Final = "the same"
WITHIN_NOISE: Final = "within noise"


def distinct(transport: str, among: Iterable[str]) -> str:
    """Return a transport if those in `among` differ, so that it must be named, else nothing."""
    return transport if len(set(among)) > 1 else ""


def label(pool: PoolResult, among: Sequence[PoolResult]) -> str:
    """Name a pool with its concurrency; also its transport, if those in `among` differ in it."""
    transport = distinct(pool.transport, (one.transport for one in among))
    return words.pool(pool.pool, pool.concurrency, transport)


def used(settings: Settings) -> list[str]:
    """Name the transports of a race in a fact; none if it is only kombu's own, or not recorded."""
    if settings.transports in {(), TRANSPORTS[:1]}:
        return []
    return [f"transport {' and '.join(settings.transports)}"]


def ratio_text(effect: TransportEffect) -> str:
    """Write the ratio of the makespans with its interval: `0.90 (0.88 to 0.92)`."""
    if effect.makespan_ratio is None:
        return words.NOTHING
    shown = f"{effect.makespan_ratio:.2f}"
    if effect.makespan_low is None or effect.makespan_high is None:
        return shown
    return f"{shown} ({effect.makespan_low:.2f} to {effect.makespan_high:.2f})"


def cpu_text(effect: TransportEffect) -> str:
    """Write the ratio of the CPU times per task."""
    return words.known(effect.cpu_ratio, lambda ratio: f"{ratio:.2f}")


def change_text(effect: TransportEffect) -> str:
    """Write whether the makespans differ: `faster`, `within noise`."""
    return WITHIN_NOISE if effect.change == THE_SAME else effect.change


def pair(effect: TransportEffect) -> str:
    """Name the two transports of a ratio: `lease/stock`."""
    return f"{effect.transport}/{effect.baseline}"


def effects_sentence(effects: Sequence[TransportEffect]) -> str:
    """Say for which pools the transport made a difference to the makespan."""
    if not effects:
        return ""
    this, that = effects[0].transport, effects[0].baseline
    changed = [
        f"{one.pool} {one.makespan_ratio:.2f}"
        for one in effects
        if one.change in {"faster", "slower"}
    ]
    parts = []
    if changed:
        changed[0] = changed[0].replace(" ", " took ")
        parts.append(f"With {this}, {_listed(changed)} times as long as with {that}")
    for change, said in (
        (THE_SAME, "no difference was measured for"),
        (NOT_RELIABLE, "other load may have caused or hidden a difference for"),
        ("not comparable", "there is no comparison for"),
    ):
        if names := [one.pool for one in effects if one.change == change]:
            parts.append(f"{said} {_listed(names)}")
    text = "; ".join(parts)
    return f"{text}." if changed else f"With {this} instead of {that}, {text}."


def _listed(names: Sequence[str]) -> str:
    *front, last = names
    return f"{', '.join(front)} and {last}" if front else last
