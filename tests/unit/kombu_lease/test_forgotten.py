"""What is dropped from Celery's table of tasks."""

from __future__ import annotations

from typing import Any

from kombu_lease.forgotten import drop_unreferenced


class Task:
    pass


def test_only_what_something_else_refers_to_stays_in_the_table() -> None:
    runs = Task()
    table: dict[str, Any] = {"forgotten": Task(), "runs": runs}
    drop_unreferenced(table)
    assert table == {"runs": runs}
