"""Hand-made tasks and scenes."""

from __future__ import annotations

from typing import Any

from lab.learn.engine.scene_run import Note, SceneRun, TaskRun


def task(
    label: str, started_s: float, finished_s: float, value: Any = None, **more: Any
) -> TaskRun:
    """Return a task with one note that lasts as long as the task ran."""
    note = Note(doing="waits", what=label, started_s=started_s, finished_s=finished_s)
    fields: dict[str, Any] = {
        "task_id": f"id of {label}",
        "node": "gevent@here",
        "slot": "11#1",
        "received_s": started_s,
        "notes": (note,),
        **more,
    }
    return TaskRun(label=label, started_s=started_s, finished_s=finished_s, value=value, **fields)


def ran(*tasks: TaskRun) -> SceneRun:
    return SceneRun(title="a scene", tasks=tasks)
