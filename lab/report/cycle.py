"""A cycle of a wait-for graph as a picture: who holds what, and waits for whose."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from lab.report.markup import Markup, tag
from lab.teaching.story import Wait

#: Size of the picture and its parts, in its own units.
WIDE, HIGH = 560, 250
BOX_WIDE, BOX_HIGH = 190, 40
RADIUS_X, RADIUS_Y = 175, 82
ARROW: Final = Markup(
    '<defs><marker id="arrow" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="8" '
    'markerHeight="8" orient="auto-start-reverse"><path d="M0 0L10 5L0 10z" '
    'fill="#D55E00"/></marker></defs>'
)


def cycle(waits: Sequence[Wait]) -> Markup:
    """Draw the waiters in a circle, an arrow from each to the holder of what it waits for."""
    places = _places(len(waits))
    said = "; ".join(f"{wait.who} waits for {wait.what}, which {wait.holder} has" for wait in waits)
    arrows = [
        _arrow(places[n], places[(n + 1) % len(waits)], wait.what) for n, wait in enumerate(waits)
    ]
    boxes = [_box(place, wait.who) for place, wait in zip(places, waits, strict=True)]
    return tag(
        "svg",
        ARROW,
        *arrows,
        *boxes,
        viewBox=f"0 0 {WIDE} {HIGH}",
        cls="cycle",
        role="img",
        aria_label=f"A circle of waiting: {said}",
    )


def _places(count: int) -> list[tuple[float, float]]:
    """Lay out places clockwise from the left."""
    turns = [math.pi + 2 * math.pi * n / count for n in range(count)]
    return [(WIDE / 2 + RADIUS_X * math.cos(a), HIGH / 2 + RADIUS_Y * math.sin(a)) for a in turns]


def _arrow(start: tuple[float, float], end: tuple[float, float], what: str) -> Markup:
    """Draw a bowed arrow between two boxes, with what is waited for at its top."""
    (x0, y0), (x1, y1) = start, end
    across = 1 if x1 > x0 else -1
    x0, x1 = x0 + across * BOX_WIDE / 4, x1 - across * BOX_WIDE / 4
    y0, y1 = y0 - across * BOX_HIGH / 2, y1 - across * BOX_HIGH / 2
    bow_x, bow_y = (x0 + x1) / 2, (y0 + y1) / 2 - across * 70
    path = f"M{x0:.0f} {y0:.0f}Q{bow_x:.0f} {bow_y:.0f} {x1:.0f} {y1:.0f}"
    at_y = (y0 + y1) / 4 + bow_y / 2 + (-8 if across > 0 else 18)
    return Markup(
        tag(
            "path",
            d=path,
            fill="none",
            stroke="#D55E00",
            stroke_width="2",
            marker_end="url(#arrow)",
        )
        + tag("text", f"waits for {what}", x=f"{bow_x:.0f}", y=f"{at_y:.0f}", text_anchor="middle")
    )


def _box(place: tuple[float, float], who: str) -> Markup:
    x, y = place
    return Markup(
        tag(
            "rect", x=f"{x - BOX_WIDE / 2:.0f}", y=f"{y - BOX_HIGH / 2:.0f}", width=BOX_WIDE,
            height=BOX_HIGH, rx="7", fill="var(--card)", stroke="currentColor",
        )
        + tag("text", who, x=f"{x:.0f}", y=f"{y + 5:.0f}", text_anchor="middle", font_weight="600")
    )  # fmt: skip
