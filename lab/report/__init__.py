"""Race results as one HTML document; it must not know how a race is run."""

from __future__ import annotations

from collections.abc import Sequence

from lab.format import titles, words
from lab.results.race import RaceResult


def render(results: Sequence[RaceResult]) -> str:
    """Render one race, or the comparison of several, as an HTML document that loads nothing.

    Raises ValueError if `results` is empty.
    """
    # Imported here because plotly loads slowly, and a command may end without a page.
    from lab.report import comparison, document, race  # noqa: PLC0415

    if not results:
        raise ValueError("a report needs at least one result")
    body = race.body(results[0]) if len(results) == 1 else comparison.body(results)
    return document.document(_title(results), body)


def _title(results: Sequence[RaceResult]) -> str:
    names = ", ".join(dict.fromkeys(titles.race_title(result) for result in results))
    what = "Poolwise" if len(results) == 1 else f"Poolwise: {len(results)} races"
    return f"{what}: {names}, {words.moment(results[0].started_at)}"


__all__ = ["render"]
