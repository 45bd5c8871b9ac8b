"""The whole HTML document around the parts: head, style, scripts, and what it may never load."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from importlib import resources

from markupsafe import Markup
from plotly.offline import get_plotlyjs

from lab.format import words
from lab.report import comparison, sections
from lab.report.markup import tag
from lab.results.race import RaceResult

CLOSER = "Drag across a plot to look closer; double-click to come back."
NO_SCRIPT = "The plots need JavaScript. Tables and verdicts are all here without it."


def render(results: Sequence[RaceResult]) -> str:
    """Render one race, or a comparison of several, as one HTML document that loads nothing.

    Raises ValueError where there is no result.
    """
    if not results:
        raise ValueError("a report needs at least one result")
    body = sections.race(results[0]) if len(results) == 1 else comparison.races(results)
    return document(_title(results), body)


def document(title: str, body: Markup) -> str:
    """Put a page's body into an HTML document that loads nothing and draws its plots."""
    scripts = (_as_is(get_plotlyjs()), _as_is(_data("draw.js")))
    head = _head(title, scripts)
    page = tag(
        "body",
        tag("main", body, tag("noscript", tag("p", NO_SCRIPT, cls="warning"))),
        tag("footer", CLOSER),
        *(tag("script", script) for script in scripts),
    )
    return f"<!DOCTYPE html>\n{tag('html', head, page, lang='en')}\n"


def _title(results: Sequence[RaceResult]) -> str:
    hosts = ", ".join(dict.fromkeys(result.host.name for result in results))
    what = "race" if len(results) == 1 else f"{len(results)} races"
    return f"Poolwise {what} on {hosts}, {words.moment(results[0].started_at)}"


def _head(title: str, scripts: Sequence[str]) -> Markup:
    viewport = "width=device-width, initial-scale=1"
    return tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=_policy(scripts)),
        tag("meta", name="viewport", content=viewport),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", title),
        tag("style", _as_is(_data("style.css"))),
    )


def _policy(scripts: Sequence[str]) -> str:
    """Forbid the network, and every script but our own: a second fence behind the escaping."""
    ours = " ".join(f"'sha256-{_digest(script)}'" for script in scripts)
    return (
        f"default-src 'none'; script-src {ours}; style-src 'unsafe-inline'; "
        "img-src data: blob:; base-uri 'none'; form-action 'none'"
    )


def _as_is(installed: str) -> Markup:
    """Embed a script or style sheet that was installed with Poolwise."""
    return Markup(installed)  # noqa: S704 - never a string of a result file


def _digest(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def _data(name: str) -> str:
    return resources.files("lab.report").joinpath(name).read_text(encoding="utf-8")
