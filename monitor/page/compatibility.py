"""The Flower internals that the Throughput page depends on, each with a check.

Flower has no API for adding a page. But it executes its configuration file as Python, and from
there its handlers, settings and templates are accessible. Any release may change them.
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

#: The last tab in Flower's navigation; the Throughput tab follows it.
BROKER_TAB: Final = re.compile(
    r'<li class="nav-item">\s*<a class="nav-link[^>]*\{\{ reverse_url\(\'broker\'\) \}\}.*?</li>',
    re.DOTALL,
)
#: The blocks of base.html that the page fills.
BLOCKS: Final = ("title", "navbar", "container", "extra_scripts")
#: The classes and variables of Flower's style sheet that the page uses.
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


class IncompatibleFlowerError(PoolwiseError):
    """Raised when this Flower lacks something that the Throughput page depends on."""


def template_folder() -> Path:
    """Return the folder of Flower's templates."""
    return Path(flower.urls.settings["template_path"])


def check() -> None:
    """Raise IncompatibleFlowerError, listing what is missing, unless all requirements are met."""
    missing = [what for what, check_one in REQUIREMENTS.items() if not _is_met(check_one)]
    if missing:
        raise IncompatibleFlowerError(
            f"the Throughput page is not compatible with Flower {version('flower')}; changed or "
            f"missing: {'; '.join(missing)}. Install the version pinned in requirements.lock"
        )


def _is_met(check_one: Callable[[], Any]) -> bool:
    """Run one check; a check that raises counts as not met."""
    try:
        return bool(check_one())
    except (AttributeError, KeyError, IndexError, TypeError, OSError):
        return False


def _text(name: str) -> str:
    return (template_folder() / name).read_text(encoding="utf-8")


def _style() -> str:
    sheet = Path(flower.urls.settings["static_path"]) / "css" / "flower.css"
    return sheet.read_text(encoding="utf-8")


def _has(owner: object, *names: str) -> bool:
    return all(callable(getattr(owner, name)) or name == "workers" for name in names)


REQUIREMENTS: Final[dict[str, Callable[[], Any]]] = {
    "flower.urls.handlers, a list that ends with NotFoundErrorHandler": lambda: (
        isinstance(flower.urls.handlers, list)
        and flower.urls.handlers[-1][1] is NotFoundErrorHandler
    ),
    "flower.app.default_handlers, the same list as flower.urls.handlers": lambda: (
        flower.app.default_handlers is flower.urls.handlers
    ),
    "flower.command.settings, the dict flower.urls.settings without a template loader": lambda: (
        flower.command.settings is flower.urls.settings
        and isinstance(flower.urls.settings.get("template_loader", None), type(None) | OwnLoader)
    ),
    "flower.command.Flower, a subclass of flower.app.Flower": lambda: issubclass(
        flower.command.Flower, flower.app.Flower
    ),
    "flower.app.Flower: start, stop, workers and update_workers": lambda: _has(
        flower.app.Flower, "start", "stop", "workers", "update_workers"
    ),
    "flower.events.Events: on_event, run and is_alive": lambda: _has(
        flower.events.Events, "on_event", "run", "is_alive"
    ),
    "the health check in flower.urls.handlers": lambda: any(
        handler[0] == "/healthcheck" for handler in flower.urls.handlers if type(handler) is tuple
    ),
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


class OwnLoader:
    """Marks the template loader of Poolwise, which may already be installed."""
