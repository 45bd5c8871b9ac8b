"""A template loader that adds the Throughput page and its tab to Flower's templates."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tornado.template import Loader, Template

from monitor.page import compatibility

#: The folder of Poolwise's templates.
FOLDER = Path(__file__).parent / "templates"


class TemplateLoader(Loader, compatibility.OwnLoader):
    """Loads Poolwise's templates and Flower's, and adds the tab to Flower's navigation."""

    def __init__(self) -> None:
        super().__init__(str(compatibility.template_folder()))

    def _create_template(self, name: str) -> Template:
        own = FOLDER / name
        if own.is_file():
            return Template(own.read_text(encoding="utf-8"), name=name, loader=self)
        if name == "navbar.html":
            return Template(add_tab(_flowers(name)), name=name, loader=self)
        found: Any = super()._create_template(name)
        return found  # type: ignore[no-any-return]


def add_tab(navbar: str) -> str:
    """Return Flower's navigation with a Throughput tab added as a copy of the last tab."""
    tab = compatibility.BROKER_TAB.findall(navbar)[0]
    new_tab = tab.replace("broker", "throughput").replace(">Broker<", ">Throughput<")
    return navbar.replace(tab, f"{tab}\n        {new_tab}")


def _flowers(name: str) -> str:
    return (compatibility.template_folder() / name).read_text(encoding="utf-8")
