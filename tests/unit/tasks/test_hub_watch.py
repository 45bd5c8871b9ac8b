"""A stack shows which Celery task it belongs to, and which of our lines is running."""

from __future__ import annotations

import sys
from collections import Counter
from typing import Any

from celery import Celery

from tasks.lessons.coroutines.hub_watch import _most_sampled, place

#: This test needs its own app: running a task eagerly fixes the result backend of its app.
app = Celery("made", backend="cache+memory://", set_as_current=False)


@app.task(name="tests.watch.look")
def look() -> tuple[str, str]:
    return place(sys._getframe())


def test_a_stack_shows_the_id_of_its_task() -> None:
    eager: Any = look.apply(task_id="4711")
    # Not get(): it refuses to wait inside a task if another test has created a pool.
    assert eager.result == ("4711", "")


def test_a_line_is_named_by_file_number_and_function() -> None:
    body = "import sys\ndef inner():\n    return sys._getframe()\nframe = inner()\n"
    module: dict[str, Any] = {"__name__": "tasks.made"}
    exec(compile(body, "/somewhere/made.py", "exec"), module)  # noqa: S102 - a hand-made module
    assert place(module["frame"]) == ("", "made.py:3 inner")


def test_a_stack_without_a_task_names_none() -> None:
    assert place(sys._getframe()) == ("", "")


def test_the_task_sampled_most_often_is_named() -> None:
    places = Counter({("a", "x:1 f"): 3, ("a", "x:2 f"): 4, ("", ""): 1, ("b", "y:1 g"): 5})
    assert _most_sampled(places) == ("a", "x:2 f", 7, 13)
