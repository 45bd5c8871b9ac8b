"""Durations, rates, sizes and shares as people read them; it knows nothing of what they measure.

Every function takes SI units and returns plain text with ordinary spaces.
"""

from __future__ import annotations

import math

#: For each unit: the upper bound in seconds, the name, and how many make a second.
_DURATION_UNITS = ((0.000_999_5, "µs", 1e6), (0.999_5, "ms", 1e3), (math.inf, "s", 1.0))
_BYTE_UNITS = ("B", "kB", "MB", "GB", "TB", "PB")


def duration(value_s: float) -> str:
    """Write a duration with three digits: `820 µs`, `101 ms`, `2.07 s`, `4 min 2 s`."""
    if abs(value_s) >= 119.5:
        return _minutes(value_s)
    unit, per_second = unit_of(value_s)
    return f"{_three_digits(value_s * per_second)} {unit}"


def rate(value_per_s: float) -> str:
    """Write a rate: `0.42/s`, `19.3/s`, `1,904/s`; if it is small, `4.20/min` or `10.1/h`."""
    per_min = abs(value_per_s) * 60
    if value_per_s == 0 or per_min >= 5.97:  # 0.10/s as it is written
        return f"{_three_digits(value_per_s)}/s"
    if per_min >= 0.995:
        return f"{_three_digits(value_per_s * 60)}/min"
    return f"{_three_digits(value_per_s * 3600)}/h"


def size(value_bytes: float) -> str:
    """Write a size in decimal units: `512 B`, `96 MB`, `1.5 GB`."""
    value, unit = float(value_bytes), 0
    while abs(value) >= 999.5 and unit < len(_BYTE_UNITS) - 1:
        value, unit = value / 1000, unit + 1
    places = 1 if 0 < abs(value) < 9.95 and unit > 0 else 0
    return f"{value:.{places}f} {_BYTE_UNITS[unit]}"


def percent(share: float) -> str:
    """Write a share of 1 as a percentage: `97 %`, `2.3 %`."""
    value = share * 100
    places = 1 if 0 < abs(value) < 9.95 else 0
    return f"{value:.{places}f} %"


def unit_of(value_s: float) -> tuple[str, float]:
    """Return the unit in which a duration below two minutes is written, and how many make 1 s."""
    if value_s == 0:
        return "s", 1.0
    bound_unit = next(row for row in _DURATION_UNITS if abs(value_s) < row[0])
    return bound_unit[1], bound_unit[2]


def decimals(value: float) -> int:
    """Return the decimals for three significant digits, at most two."""
    size_of = abs(value)
    if size_of < 9.995 and size_of != 0:
        return 2
    return 1 if 9.995 <= size_of < 99.95 else 0


def _three_digits(value: float) -> str:
    return f"{value:,.{decimals(value)}f}"


def _minutes(value_s: float) -> str:
    whole_s = round(abs(value_s))
    sign = "-" if value_s < 0 else ""
    hours, rest_s = divmod(whole_s, 3600)
    minutes, seconds = divmod(rest_s, 60)
    if hours:
        return f"{sign}{hours} h {minutes} min"
    return f"{sign}{minutes} min {seconds} s"
