"""What a user should know before tasks of their project run: pure text."""

from __future__ import annotations

from pathlib import Path

from lab.project.description import Description


def consent(found: Description, python: Path, runs: str) -> list[str]:
    """Say what will run, how often, and where; `runs` says how often."""
    return [
        f"project  {found.name}: Celery {found.celery}, Python {found.python}, {python}",
        f"runs     {runs}",
        "broker   a private one; your own broker and result backend are not contacted",
    ]
