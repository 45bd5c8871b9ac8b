"""A cycle in a wait-for graph as an SVG picture."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from markupsafe import Markup

from lab.report.markup import tag
from lab.results.lesson import Wait

#: Sizes in SVG units; a cycle of two needs less height.
WIDE, HIGH, HIGH_OF_TWO = 420, 260, 140
BOX_WIDE, BOX_HIGH = 112, 36
RADIUS_X, RADIUS_Y = 146, 104
#: How far an arrow bows outward, as a share of its length; distance of its label.
BOW, GAP = 0.3, 11
ARROW: Final = Markup(
    '<defs><marker id="arrow" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="8" '
    'markerHeight="8" orient="auto-start-reverse"><path d="M0 0L10 5L0 10z" '
    'fill="#D55E00"/></marker></defs>'
)
Point = tuple[float, float]


def wait_cycle(waits: Sequence[Wait]) -> Markup:
    """Draw tasks in a circle, with an arrow from each to the holder of what it waits for."""
    high = HIGH_OF_TWO if len(waits) == 2 else HIGH
    places = _places(len(waits), high)
    said = "; ".join(
        f"{wait.who} waits for {wait.what}, which {wait.holder} holds" for wait in waits
    )
    arrows = [
        _arrow(places[n], places[(n + 1) % len(waits)], wait.what) for n, wait in enumerate(waits)
    ]
    boxes = [_box(place, wait.who) for place, wait in zip(places, waits, strict=True)]
    return tag(
        "svg",
        ARROW,
        *arrows,
        *boxes,
        viewBox=f"0 0 {WIDE} {high}",
        cls="cycle",
        role="img",
        aria_label=f"Wait cycle: {said}",
    )


def _places(count: int, high: int) -> list[Point]:
    """Return the centres of the boxes, clockwise from the left."""
    turns = [math.pi + 2 * math.pi * n / count for n in range(count)]
    return [(WIDE / 2 + RADIUS_X * math.cos(a), high / 2 + RADIUS_Y * math.sin(a)) for a in turns]


def _arrow(start: Point, end: Point, what: str) -> Markup:
    """Draw an arrow between two boxes that bows outward, with its label next to it."""
    (x0, y0), (x1, y1) = start, end
    length = math.hypot(x1 - x0, y1 - y0) or 1.0
    out_x, out_y = (y1 - y0) / length, (x0 - x1) / length
    bow = ((x0 + x1) / 2 + BOW * length * out_x, (y0 + y1) / 2 + BOW * length * out_y)
    (x0, y0), (x1, y1) = _border(start, bow), _border(end, bow)
    path = f"M{x0:.0f} {y0:.0f}Q{bow[0]:.0f} {bow[1]:.0f} {x1:.0f} {y1:.0f}"
    at_x = (x0 + x1) / 4 + bow[0] / 2 + GAP * out_x
    at_y = (y0 + y1) / 4 + bow[1] / 2 + GAP * out_y + 5
    return tag(
        "path",
        d=path,
        fill="none",
        stroke="#D55E00",
        stroke_width="2",
        marker_end="url(#arrow)",
    ) + tag("text", f"waits for {what}", x=f"{at_x:.0f}", y=f"{at_y:.0f}", text_anchor=_side(out_x))


def _border(box: Point, toward: Point) -> Point:
    """Return the point where the line from a box's centre to a point outside leaves the box."""
    away_x, away_y = toward[0] - box[0], toward[1] - box[1]
    scale = max(abs(away_x) / (BOX_WIDE / 2), abs(away_y) / (BOX_HIGH / 2), 1.0)
    return box[0] + away_x / scale, box[1] + away_y / scale


def _side(out_x: float) -> str:
    """Return the anchor of a label: its end if it is left of the arrow, its start if right."""
    return "middle" if abs(out_x) < 0.3 else "start" if out_x > 0 else "end"


def _box(place: Point, who: str) -> Markup:
    x, y = place
    return (
        tag(
            "rect", x=f"{x - BOX_WIDE / 2:.0f}", y=f"{y - BOX_HIGH / 2:.0f}", width=BOX_WIDE,
            height=BOX_HIGH, rx="7", fill="var(--card)", stroke="currentColor",
        )
        + tag("text", who, x=f"{x:.0f}", y=f"{y + 5:.0f}", text_anchor="middle", font_weight="600")
    )  # fmt: skip
