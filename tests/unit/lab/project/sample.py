"""A small project that exists only as a description."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lab.project.description import Description
from lab.project.project import Project


def description(**changed: Any) -> Description:
    """Return what is known of the app, except for `changed` fields."""
    usual: dict[str, Any] = {
        "celery": "5.7.0", "python": "3.11.7", "name": "shop", "has_gevent": True, "missing": (),
        "urls": ("redis://there/0",), "scheduled": 0, "accepts": ("json",),
        "stores_results": False, "settings": {}, "tasks": {}, "versions": {"kombu": "5.7.1"},
    }  # fmt: skip
    return Description(**(usual | changed))


def project(tools: Path, **changed: Any) -> Project:
    """Return the project, whose files are all in `tools`."""
    return Project(
        app="shop",
        folder=tools,
        python=Path("python"),
        tools=tools,
        description=description(**changed),
    )
