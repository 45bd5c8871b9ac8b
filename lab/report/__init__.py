"""The report of one or several races as one HTML document; it must not know how a race is run."""

from __future__ import annotations

from collections.abc import Sequence

from lab.results.race import RaceResult


def render(results: Sequence[RaceResult]) -> str:
    """Render one race, or a comparison of several, as one HTML document that loads nothing.

    Raises ValueError where there is no result.
    """
    # Here, so that a terminal table that borrows `words` does not wait for plotly.
    from lab.report import page  # noqa: PLC0415

    return page.render(results)


__all__ = ["render"]
