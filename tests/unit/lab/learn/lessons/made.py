"""Tasks of scenes, made by hand."""

from __future__ import annotations

from typing import Any

from lab.learn.engine.play import Act, Note, Played


def act(label: str, started_s: float, finished_s: float, value: Any = None, **more: Any) -> Act:
    """Make a task that has one note, which lasts as long as it ran."""
    note = Note(doing="waits", what=label, started_s=started_s, finished_s=finished_s)
    told: dict[str, Any] = {
        "task_id": f"id of {label}",
        "node": "gevent@here",
        "slot": "11#1",
        "received_s": started_s,
        "notes": (note,),
        **more,
    }
    return Act(label=label, started_s=started_s, finished_s=finished_s, value=value, **told)


def played(*acts: Act) -> Played:
    return Played(title="a scene", acts=acts)
