"""The style that all figures share: background, axes, labels, row heights."""

from __future__ import annotations

import html
from typing import Any

import plotly.graph_objects as go

#: Height of one row of bars.
ROW_PX = 54
GREY = "#8a8f98"
FONT = "system-ui, -apple-system, 'Segoe UI', 'Liberation Sans', sans-serif"


def figure(height_px: float, **layout: object) -> go.Figure:
    """Make an empty figure: transparent background, no legend."""
    plain = go.Figure(layout={"template": go.layout.Template()})
    plain.update_layout(
        height=round(height_px),
        margin={"l": 8, "r": 12, "t": 26, "b": 8},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"family": FONT, "size": 12.5},
        showlegend=False,
        dragmode=False,
        hoverlabel={"font": {"size": 12.5}},
    )
    plain.update_layout(**layout)
    return plain


def axis(title: str | None, **more: object) -> dict[str, Any]:
    """Return the settings of an axis; `title` names its quantity and unit."""
    plain: dict[str, Any] = {
        "gridcolor": "rgba(128,128,128,0.22)",
        "zeroline": False,
        "automargin": True,
        "ticks": "outside",
        "ticklen": 4,
        "tickcolor": GREY,
    }
    if title is not None:
        plain["title"] = {"text": title, "standoff": 8, "font": {"size": 12.5}}
    return plain | more


def plot_text(text: str, longest: int = 20) -> str:
    """Shorten and escape a label, because Plotly interprets some HTML in it (`<a>`, `<b>`)."""
    short = text if len(text) <= longest else text[: longest - 1] + "…"
    return html.escape(short, quote=False)


def rows_height_px(rows: int) -> int:
    """Return the height of a figure with that many rows; figures side by side share it."""
    return max(300, ROW_PX * rows + 78)


def to_ms(value_s: float) -> float:
    """Round seconds to milliseconds, which no screen can resolve; the page shrinks to a third."""
    return round(value_s, 3)
