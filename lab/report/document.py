"""The HTML document around a page's body: head, style, scripts, content security policy.

Plotly is 4.8 MB of JavaScript and comes in one size, so a page holds it compressed: as gzip in
base64, 2.0 MB, which every browser since 2023 can unpack (`draw.js`), also from a local file.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
from collections.abc import Sequence
from functools import lru_cache
from importlib import resources

from markupsafe import Markup
from plotly.offline import get_plotlyjs

from lab.report.markup import tag

#: What only pages with a plot contain.
PLOT = 'class="plot"'
ZOOM_HINT = "Drag across a plot to zoom in; double-click to zoom out."
NO_SCRIPT = "The plots need JavaScript. Tables and verdicts work without it."


def document(title: str, body: Markup) -> str:
    """Put a page's body into an HTML document that loads nothing and draws its plots."""
    draw = _file("draw.js")
    if PLOT not in body:
        page = tag("body", tag("main", body), tag("script", draw))
        return _whole(_head(title, [draw]), page)
    plotly = get_plotlyjs()
    page = tag(
        "body",
        tag("main", body, tag("noscript", tag("p", NO_SCRIPT, cls="warning"))),
        tag("footer", ZOOM_HINT),
        tag("script", _packed(plotly), type="text/plain", id="plotly"),
        tag("script", draw),
    )
    return _whole(_head(title, [plotly, draw]), page)


def _whole(head: Markup, page: Markup) -> str:
    return f"<!DOCTYPE html>\n{tag('html', head, page, lang='en')}\n"


def _head(title: str, scripts: Sequence[str]) -> Markup:
    viewport = "width=device-width, initial-scale=1"
    return tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=_policy(scripts)),
        tag("meta", name="viewport", content=viewport),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", title),
        tag("style", _file("style.css")),
    )


def _policy(scripts: Sequence[str]) -> str:
    """Forbid the network and all scripts except `scripts`, in case escaping ever fails."""
    allowed = " ".join(f"'sha256-{_digest(script)}'" for script in scripts)
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; "
        "img-src data: blob:; base-uri 'none'; form-action 'none'"
    )


@lru_cache(maxsize=1)
def _packed(script: str) -> str:
    """Compress a script; the same script always gives the same text."""
    return base64.b64encode(gzip.compress(script.encode(), mtime=0)).decode()


def _digest(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def _file(name: str) -> Markup:
    return _trusted(resources.files("lab.report").joinpath(name).read_text(encoding="utf-8"))


def _trusted(installed: str) -> Markup:
    """Embed a script or style sheet that is installed with Poolwise."""
    return Markup(installed)  # noqa: S704 - never text from a result file
