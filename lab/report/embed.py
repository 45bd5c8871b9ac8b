"""A Plotly figure as HTML: its caption, its box, and its data as JSON for `draw.js`."""

from __future__ import annotations

import json

import plotly.graph_objects as go
from markupsafe import Markup

from lab.report.markup import tag


def plot(drawn: go.Figure, title: str, caption: str, *, wide: bool = False) -> Markup:
    """Embed a figure under its title; `wide` gives it the page's whole width."""
    height_px = drawn.layout.height
    return tag(
        "figure",
        tag("figcaption", tag("h3", title), tag("p", caption)),
        tag("div", cls="plot", style=f"height:{height_px}px", role="img", aria_label=title),
        tag("script", _script_json(drawn.to_plotly_json()), type="application/json"),
        cls="wide" if wide else None,
    )


def _script_json(value: object) -> Markup:
    """Write JSON for a `<script>` element; nothing in it can end the element."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)  # noqa: S704 - every <, > and & is escaped above, as JSON escapes
