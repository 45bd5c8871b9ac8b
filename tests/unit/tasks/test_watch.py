"""A stack tells which Celery task it belongs to, and at which line of ours it stands."""

from __future__ import annotations

import sys
from collections import Counter
from typing import Any

from celery import Celery

from tasks.lessons.watch import _most, running

#: An app of this test's own: to run a task eagerly makes its app's result backend, once for all.
app = Celery("made", backend="cache+memory://", set_as_current=False)


@app.task(name="tests.watch.look")
def look() -> tuple[str, str]:
    return running(sys._getframe())


def test_a_task_is_told_by_its_id() -> None:
    eager: Any = look.apply(task_id="4711")
    # Not get(): in a process where a test has made a pool, that says that a task must not wait.
    assert eager.result == ("4711", "")


def test_a_line_of_ours_is_named_by_file_number_and_function() -> None:
    body = "import sys\ndef inner():\n    return sys._getframe()\nframe = inner()\n"
    module: dict[str, Any] = {"__name__": "tasks.made"}
    exec(compile(body, "/somewhere/made.py", "exec"), module)  # noqa: S102 - a module by hand
    assert running(module["frame"]) == ("", "made.py:3 inner")


def test_a_stack_without_a_task_names_nobody() -> None:
    assert running(sys._getframe()) == ("", "")


def test_of_all_looks_the_task_found_most_often_counts() -> None:
    found = Counter({("a", "x:1 f"): 3, ("a", "x:2 f"): 4, ("", ""): 1, ("b", "y:1 g"): 5})
    assert _most(found) == ("a", "x:2 f", 7, 13)
