"""Numbers as people read them, the same in the terminal and in HTML.

Every function takes SI units and returns plain text with ordinary spaces.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from lab.results.race import Account, Interval, PoolResult
from producer.quantities import decimals, duration, percent, rate, size, unit_of

# Those of `producer.quantities` are re-exported, so that the lab finds all of them here.
__all__ = [
    "NOTHING",
    "TIMES",
    "account",
    "accounted",
    "count",
    "duration",
    "factor",
    "known",
    "moment",
    "percent",
    "pool",
    "rate",
    "size",
    "spread",
    "times",
]

TIMES = "\N{MULTIPLICATION SIGN}"
#: Shown instead of a value that is unknown.
NOTHING = "\N{EN DASH}"


def known(value: float | None, write: Callable[[float], str]) -> str:
    """Write a value, or a dash if it is unknown."""
    return NOTHING if value is None else write(value)


def spread(interval: Interval) -> str:
    """Write a median and the distance to the farther end: `2.07 s ± 0.03`, in the median's unit.

    A single value has no spread: `2.07 s`. With a median in minutes, the spread has its own unit:
    `3 min 20 s ± 4.10 s`.
    """
    if interval.low == interval.high:
        return duration(interval.median)
    away_s = max(interval.high - interval.median, interval.median - interval.low)
    if abs(interval.median) >= 119.5:
        return f"{duration(interval.median)} ± {duration(away_s)}"
    _, per_second = unit_of(interval.median)
    places = decimals(interval.median * per_second)
    return f"{duration(interval.median)} ± {away_s * per_second:.{places}f}"


def times(ratio: float) -> str:
    """Write a ratio followed by a multiplication sign: `1.96 ×`."""
    return f"{factor(ratio)} {TIMES}"


def factor(ratio: float) -> str:
    """Write a ratio alone: `1.96`, `28`."""
    return f"{ratio:.2f}" if ratio < 9.995 else f"{ratio:,.0f}"


def count(value: float) -> str:
    """Write a whole number with thousands separators: `1,912,000`."""
    return f"{value:,.0f}"


def counted(number: int, noun: str) -> str:
    """Write a number with its noun, such as `1 worker` or `2 workers`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def listed(names: Sequence[str]) -> str:
    """Write a list as in a sentence: `a`, `a and b`, `a, b and c`."""
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last


def pool(name: str, concurrency: int, transport: str = "") -> str:
    """Write a pool and its concurrency, perhaps with a transport: `prefork ×2, lease`."""
    return f"{name} {TIMES}{concurrency}{f', {transport}' if transport else ''}"


def moment(iso_utc: str) -> str:
    """Write an ISO 8601 instant as `2026-11-23 14:12 UTC`; return other text unchanged."""
    try:
        instant = datetime.fromisoformat(iso_utc)
        if instant.tzinfo is not None:
            instant = instant.astimezone(UTC)
    except (ValueError, OverflowError):  # no instant, or one before the year 1 in UTC
        return iso_utc
    return f"{instant:%Y-%m-%d %H:%M} UTC"


def account(total: Account, pools: Sequence[PoolResult] = ()) -> str:
    """Write what became of the tasks, and whether the numbers add up to those submitted.

    If `total` covers several `pools`, transports or repeats, it says so.
    """
    ends = [f"{count(total.finished)} finished"]
    not_finished = (
        (total.failed, "failed"),
        (total.timed_out, "timed out"),
        (total.unserved, "still queued"),
    )
    ends += [f"{count(number)} {word}" for number, word in not_finished if number]
    ends.append(f"{count(total.lost)} lost")
    whole = accounted(total) == total.submitted
    sign = "=" if whole else "≠"
    text = f"{_covered(pools)}{count(total.submitted)} submitted {sign} {' + '.join(ends)}"
    text += f"; {count(total.duplicated)} run twice."
    return text if whole else f"{text} These numbers do not add up."


def _covered(pools: Sequence[PoolResult]) -> str:
    several = (
        ("pools", len({(pool.pool, pool.concurrency) for pool in pools})),
        ("transports", len({pool.transport for pool in pools})),
        ("repeats", max((len(pool.repeats) for pool in pools), default=0)),
    )
    names = [name for name, number in several if number > 1]
    return f"all {listed(names)}: " if names else ""


def accounted(total: Account) -> int:
    """Return the number of submitted tasks whose outcome is known."""
    return total.finished + total.failed + total.lost + total.timed_out + total.unserved
