"""HTML elements from Python calls; MarkupSafe does the escaping."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup, escape

#: Elements without content or an end tag.
_VOID = frozenset({"meta", "link", "br", "hr"})


def tag(name: str, /, *children: object, **attributes: object) -> Markup:
    """Build an element; escape every child and attribute value that is not Markup.

    Underscores in attribute names become dashes, and `cls` becomes `class`. An attribute that is
    None or False is left out; True adds the bare name.
    """
    opening = join(name, *(_attribute(key, value) for key, value in attributes.items()))
    if name in _VOID:
        return Markup("<{}>").format(opening)
    return Markup("<{}>{}</{}>").format(opening, join(*children), name)


def join(*children: object) -> Markup:
    """Concatenate children; escape those that are not Markup and drop those that are None."""
    return Markup().join(escape(child) for child in children if child is not None)


def dotted(facts: Sequence[str]) -> Markup:
    """Put facts on one line with dots in between; the line wraps only between two facts."""
    texts = [*(f"{fact} ·" for fact in facts[:-1]), *facts[-1:]]
    return Markup(" ").join(tag("span", text, cls="piece") for text in texts)


def _attribute(key: str, value: object) -> Markup | None:
    if value is None or value is False:
        return None
    name = "class" if key == "cls" else key.replace("_", "-")
    return Markup(" {}").format(name) if value is True else Markup(' {}="{}"').format(name, value)
