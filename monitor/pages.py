"""Flower's templates with our page and our tab among them; it knows nothing of what they show."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tornado.template import Loader, Template

from monitor import holds

#: Our own templates.
FOLDER = Path(__file__).parent / "templates"


class Templates(Loader, holds.Marked):
    """Loads a template of ours by its name, and Flower's otherwise, its navigation with our tab."""

    def __init__(self) -> None:
        super().__init__(str(holds.templates()))

    def _create_template(self, name: str) -> Template:
        ours = FOLDER / name
        if ours.is_file():
            return Template(ours.read_text(encoding="utf-8"), name=name, loader=self)
        if name == "navbar.html":
            return Template(with_tab(_flowers(name)), name=name, loader=self)
        found: Any = super()._create_template(name)
        return found  # type: ignore[no-any-return]


def with_tab(navbar: str) -> str:
    """Return Flower's navigation with a Throughput tab behind its last, and like it."""
    tab = holds.BROKER_TAB.findall(navbar)[0]
    ours = tab.replace("broker", "throughput").replace(">Broker<", ">Throughput<")
    return navbar.replace(tab, f"{tab}\n        {ours}")


def _flowers(name: str) -> str:
    return (holds.templates() / name).read_text(encoding="utf-8")
