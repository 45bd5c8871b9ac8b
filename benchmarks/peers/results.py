"""Summarizes the comparison: medians of each setting, each library's best one, and ratios."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from statistics import median

from benchmarks.queues import Measured
from benchmarks.ratio import by_pair, line

#: The runs of each setting of one library.
Runs = Mapping[str, Sequence[Measured]]


def best(runs: Runs) -> str:
    """Return the setting with the highest median rate."""
    return max(runs, key=lambda setting: median(_rates(runs[setting])))


def table(library: str, runs: Runs) -> Iterator[str]:
    """Describe the runs of a library, the best setting marked with a star."""
    top = best(runs)
    for setting, measured in runs.items():
        rates = _rates(measured)
        yield (
            f"{'*' if setting == top else ' '} {library:24} {setting:30} "
            f"{median(rates):9,.0f} tasks/s ({min(rates):,.0f} to {max(rates):,.0f}), "
            f"{median(one.cpu_us for one in measured):7,.0f} µs CPU"
        )


def ratios(celery: Runs, library: str, peer: Runs) -> Iterator[str]:
    """Compare each setting of Celery with the library's best one, round by round."""
    top = _rates(peer[best(peer)])
    for setting, measured in celery.items():
        yield line(f"{setting} / {library}", by_pair(_rates(measured), top))


def _rates(measured: Sequence[Measured]) -> list[float]:
    return [one.rate_per_s for one in measured]
