"""Reads a rendered page as a browser without JavaScript would: its text, tags and scripts."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

#: Elements whose content is not shown.
_SILENT = frozenset({"script", "style"})


@dataclass(slots=True)
class Page:
    """The contents of a page."""

    text: str = ""
    tags: list[tuple[str, dict[str, str | None]]] = field(default_factory=list)
    scripts: list[str] = field(default_factory=list)

    @property
    def headings(self) -> set[str]:
        """The headings of all columns of tables, as the cells repeat them for cards."""
        return {heading for _, attributes in self.tags if (heading := attributes.get("data-head"))}

    def plain(self) -> str:
        """The text, with every run of white space reduced to one space."""
        return " ".join(self.text.split())


def read(html: str) -> Page:
    """Parse a page."""
    parser = _Parser()
    parser.feed(html)
    return parser.page


class _Parser(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.page = Page()
        self._inside = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.page.tags.append((tag, dict(attrs)))
        self._inside = tag

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""
        if tag in {"td", "th", "p", "li", "dd", "dt", "h1", "h2", "h3"}:
            self.page.text += " "

    def handle_data(self, data: str) -> None:
        if self._inside == "script":
            self.page.scripts.append(data)
        elif self._inside not in _SILENT:
            self.page.text += data
