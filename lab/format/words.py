"""Numbers as people read them, the same in the terminal and in HTML.

Every function takes SI units and returns plain text with ordinary spaces.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime

from lab.results.race import Account, Interval

TIMES = "\N{MULTIPLICATION SIGN}"
#: Shown instead of a value that is unknown.
NOTHING = "\N{EN DASH}"

#: For each unit: the upper bound in seconds, the name, and how many make a second.
_DURATION_UNITS = ((0.000_999_5, "µs", 1e6), (0.999_5, "ms", 1e3), (math.inf, "s", 1.0))
_BYTE_UNITS = ("B", "kB", "MB", "GB", "TB", "PB")


def duration(value_s: float) -> str:
    """Write a duration with three digits: `820 µs`, `101 ms`, `2.07 s`, `4 min 2 s`."""
    if abs(value_s) >= 119.5:
        return _minutes(value_s)
    unit, per_second = _unit_of(value_s)
    return f"{_three_digits(value_s * per_second)} {unit}"


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
    _, per_second = _unit_of(interval.median)
    decimals = _decimals(interval.median * per_second)
    return f"{duration(interval.median)} ± {away_s * per_second:.{decimals}f}"


def rate(value_per_s: float) -> str:
    """Write a rate: `0.42/s`, `19.3/s`, `1,904/s`."""
    return f"{_three_digits(value_per_s)}/s"


def size(value_bytes: float) -> str:
    """Write a size in decimal units: `512 B`, `96 MB`, `1.5 GB`."""
    value, unit = float(value_bytes), 0
    while abs(value) >= 999.5 and unit < len(_BYTE_UNITS) - 1:
        value, unit = value / 1000, unit + 1
    decimals = 1 if 0 < abs(value) < 9.95 and unit > 0 else 0
    return f"{value:.{decimals}f} {_BYTE_UNITS[unit]}"


def percent(share: float) -> str:
    """Write a share of 1 as a percentage: `97 %`, `2.3 %`."""
    value = share * 100
    decimals = 1 if 0 < abs(value) < 9.95 else 0
    return f"{value:.{decimals}f} %"


def times(ratio: float) -> str:
    """Write a ratio followed by a multiplication sign: `1.96 ×`."""
    return f"{ratio:.2f} {TIMES}" if ratio < 9.995 else f"{ratio:,.0f} {TIMES}"


def count(value: float) -> str:
    """Write a whole number with thousands separators: `1,912,000`."""
    return f"{value:,.0f}"


def pool(name: str, concurrency: int) -> str:
    """Write a pool and its concurrency: `prefork ×2`."""
    return f"{name} {TIMES}{concurrency}"


def moment(iso_utc: str) -> str:
    """Write an ISO 8601 instant as `2026-11-23 14:12 UTC`; return other text unchanged."""
    try:
        instant = datetime.fromisoformat(iso_utc)
    except ValueError:
        return iso_utc
    if instant.tzinfo is not None:
        instant = instant.astimezone(UTC)
    return f"{instant:%Y-%m-%d %H:%M} UTC"


def account(total: Account) -> str:
    """Write what became of the tasks, and whether the numbers add up to those submitted."""
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
    text = f"{count(total.submitted)} submitted {sign} {' + '.join(ends)}"
    text += f"; {count(total.duplicated)} run twice."
    return text if whole else f"{text} These numbers do not add up."


def accounted(total: Account) -> int:
    """Return the number of submitted tasks whose outcome is known."""
    return total.finished + total.failed + total.lost + total.timed_out + total.unserved


def _minutes(value_s: float) -> str:
    whole_s = round(abs(value_s))
    sign = "-" if value_s < 0 else ""
    hours, rest_s = divmod(whole_s, 3600)
    minutes, seconds = divmod(rest_s, 60)
    if hours:
        return f"{sign}{hours} h {minutes} min"
    return f"{sign}{minutes} min {seconds} s"


def _unit_of(value_s: float) -> tuple[str, float]:
    if value_s == 0:
        return "s", 1.0
    bound_unit = next(row for row in _DURATION_UNITS if abs(value_s) < row[0])
    return bound_unit[1], bound_unit[2]


def _decimals(value: float) -> int:
    """Return the decimals for three significant digits, at most two."""
    size_of = abs(value)
    if size_of < 9.995 and size_of != 0:
        return 2
    return 1 if 9.995 <= size_of < 99.95 else 0


def _three_digits(value: float) -> str:
    return f"{value:,.{_decimals(value)}f}"
