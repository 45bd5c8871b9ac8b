"""Building HTML that cannot be injected into; it knows tags and escaping, nothing of races."""

from __future__ import annotations

import html
import json
from collections.abc import Sequence

#: Tags that have no end and no content.
_VOID = frozenset({"meta", "link", "br", "hr"})


class Markup(str):
    """Text that is HTML already; any other string is escaped before it enters a page."""

    __slots__ = ()


def tag(name: str, /, *children: object, **attributes: object) -> Markup:
    """Build one element; children and attribute values are escaped unless they are Markup.

    Underscores in attribute names become dashes, and `cls` becomes `class`. An attribute of None
    or False is left out; True writes its bare name.
    """
    head = name + "".join(_attribute(key, value) for key, value in attributes.items())
    if name in _VOID:
        return Markup(f"<{head}>")
    return Markup(f"<{head}>{join(*children)}</{name}>")


def join(*children: object) -> Markup:
    """Join pieces into one, escaping each that is not Markup and dropping each that is None."""
    return Markup("".join(_escaped(child) for child in children if child is not None))


def pieces(parts: Sequence[str]) -> Markup:
    """Join short facts with dots; a line breaks between two of them, not inside one."""
    dotted = [f"{part} ·" for part in parts[:-1]] + list(parts[-1:])
    return Markup(" ".join(tag("span", part, cls="piece") for part in dotted))


def script_json(value: object) -> str:
    """Write JSON that can stand inside `<script>`: no character in it can end the element."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def plot_text(text: str, longest: int = 20) -> str:
    """Shorten and escape a string for plotly, whose labels read a little HTML (`<a>`, `<b>`)."""
    short = text if len(text) <= longest else text[: longest - 1] + "…"
    return html.escape(short, quote=False)


def _escaped(child: object) -> str:
    return child if isinstance(child, Markup) else html.escape(str(child))


def _attribute(key: str, value: object) -> str:
    if value is None or value is False:
        return ""
    name = "class" if key == "cls" else key.rstrip("_").replace("_", "-")
    return f" {name}" if value is True else f' {name}="{html.escape(str(value))}"'
