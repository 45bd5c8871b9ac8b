"""Tasks of scenes, made by hand."""

from __future__ import annotations

from typing import Any

from lab.learn.engine.scene_run import Note, SceneRun, TaskRun


def task(
    label: str, started_s: float, finished_s: float, value: Any = None, **more: Any
) -> TaskRun:
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
    return TaskRun(label=label, started_s=started_s, finished_s=finished_s, value=value, **told)


def ran(*tasks: TaskRun) -> SceneRun:
    return SceneRun(title="a scene", tasks=tasks)
