"""The `poolwise` command with canned answers, for trials of how it prints what it has.

`python -m tests.hostile.canned COMMAND …` behaves like `poolwise COMMAND …`, but race, learn,
workers and switch have their results at once.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType
from typing import Any

from cluster.discovery import DiscoveredWorker
from lab.commands import broker_options, race_run
from lab.commands.start import run
from lab.race.run import Raced
from tests.unit.lab.learn.engine import sample as lesson_sample
from tests.unit.lab.report import sample as race_sample

#: A page takes most of a second to render, and is not printed.
PAGE = "<p>a page</p>"
RACE = race_sample.race()
LESSON = lesson_sample.result()
WORKERS = [
    DiscoveredWorker(
        node="gevent@bücher", pool="gevent", concurrency=200, queues=("gevent", "io"), pid=7,
        host="bücher", here=False, probe=True, switchable=True, tasks=frozenset(),
    )
]  # fmt: skip


@contextmanager
def _no_broker(_url: str) -> Iterator[None]:
    yield None


def can(command: str) -> None:
    """Give a command its results."""
    module: Any = import_module(f"lab.commands.{command}")
    broker_options.remote_control = _no_broker  # type: ignore[assignment]
    running: Any = race_run
    running.run_race = lambda *_arguments: Raced(result=RACE)
    running.render = lambda _results: PAGE
    module.run_lessons = lambda *_arguments: (result for result in [LESSON])
    module.discover_workers = lambda _remote: WORKERS
    page: Any = ModuleType("lab.report.lesson")
    page.render = lambda _result: PAGE
    sys.modules["lab.report.lesson"] = page


if __name__ == "__main__":
    can(sys.argv[1])
    run()
