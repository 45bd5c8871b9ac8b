"""What we hold on to in Flower, each with a check that says in words what has moved.

Flower offers no way to add a page. It does execute its configuration file as Python, from where its
handlers, settings and templates are in reach; none of that is promised to stay.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import flower.app
import flower.command
import flower.events
import flower.urls
import flower.views
from flower.api import BaseApiHandler
from flower.views.error import NotFoundErrorHandler

from tasks.errors import PoolwiseError

#: The last tab of Flower's navigation, behind which ours goes.
BROKER_TAB: Final = re.compile(
    r'<li class="nav-item">\s*<a class="nav-link[^>]*\{\{ reverse_url\(\'broker\'\) \}\}.*?</li>',
    re.DOTALL,
)
#: Blocks of the page's frame that we fill.
BLOCKS: Final = ("title", "navbar", "container", "extra_scripts")
#: Names of Flower's style sheet that ours uses.
STYLE: Final = (
    "--flower-surface",
    "--flower-text-muted",
    "--flower-danger",
    ".metric-card",
    ".metric-grid",
    ".workers-table-card",
    ".page-eyebrow",
    ".status-dot-live",
    ".status-dot-error",
    '[data-bs-theme="dark"]',
)


class FlowerMovedError(PoolwiseError):
    """Raised when this Flower lacks something that the Throughput page holds on to."""


def templates() -> Path:
    """Return the folder of Flower's templates."""
    return Path(flower.urls.settings["template_path"])


def check() -> None:
    """Raise FlowerMovedError, naming everything that has moved, unless all is in its place."""
    moved = [what for what, holds in HOLDS.items() if not _holds(holds)]
    if moved:
        raise FlowerMovedError(
            f"the Throughput page is not compatible with Flower {version('flower')}; changed or "
            f"missing: {'; '.join(moved)}. Install the version pinned in requirements.lock"
        )


def _holds(check_one: Callable[[], Any]) -> bool:
    """Ask one check; where it cannot even be asked, something has moved as well."""
    try:
        return bool(check_one())
    except (AttributeError, KeyError, IndexError, TypeError, OSError):
        return False


def _text(name: str) -> str:
    return (templates() / name).read_text(encoding="utf-8")


def _style() -> str:
    sheet = Path(flower.urls.settings["static_path"]) / "css" / "flower.css"
    return sheet.read_text(encoding="utf-8")


def _has(owner: object, *names: str) -> bool:
    return all(callable(getattr(owner, name)) or name == "workers" for name in names)


HOLDS: Final[dict[str, Callable[[], Any]]] = {
    "flower.urls.handlers, a list that ends with NotFoundErrorHandler": lambda: (
        isinstance(flower.urls.handlers, list)
        and flower.urls.handlers[-1][1] is NotFoundErrorHandler
    ),
    "flower.app.default_handlers, the same list as flower.urls.handlers": lambda: (
        flower.app.default_handlers is flower.urls.handlers
    ),
    "flower.command.settings, the dict flower.urls.settings without a template loader": lambda: (
        flower.command.settings is flower.urls.settings
        and isinstance(flower.urls.settings.get("template_loader", None), type(None) | _Ours)
    ),
    "flower.command.Flower, a subclass of flower.app.Flower": lambda: issubclass(
        flower.command.Flower, flower.app.Flower
    ),
    "flower.app.Flower: start, stop, workers and update_workers": lambda: _has(
        flower.app.Flower, "start", "stop", "workers", "update_workers"
    ),
    "flower.events.Events: on_event and run": lambda: _has(flower.events.Events, "on_event", "run"),
    "BaseHandler: render, get_current_user and get_argument(escape=…)": lambda: (
        _has(flower.views.BaseHandler, "render", "get_current_user")
        and "escape" in flower.views.BaseHandler.get_argument.__code__.co_varnames
    ),
    "flower.api.BaseApiHandler: prepare, which protects the API": lambda: _has(
        BaseApiHandler, "prepare"
    ),
    "the Broker tab in navbar.html": lambda: len(BROKER_TAB.findall(_text("navbar.html"))) == 1,
    "the blocks in base.html": lambda: all(
        f"{{% block {name} %}}" in _text("base.html") for name in BLOCKS
    ),
    "the class and variable names in flower.css": lambda: all(name in _style() for name in STYLE),
    "data-bs-theme in theme.js": lambda: (
        "data-bs-theme"
        in (Path(flower.urls.settings["static_path"]) / "js" / "theme.js").read_text(
            encoding="utf-8"
        )
    ),
}


class _Ours:
    """Marks our template loader, which may stand where none stood before."""


Marked = _Ours
