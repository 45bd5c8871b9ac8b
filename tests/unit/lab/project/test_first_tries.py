"""An error is shown as Python writes it, with or without a traceback."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest

from lab.project.first_tries import stored


class Records(dict[str, bytes]):
    """The keys of a result backend."""


@pytest.mark.parametrize(
    ("meta", "expected"),
    [
        ({"status": "SUCCESS", "result": 5}, (5, "")),
        ({"status": "FAILURE", "traceback": "Trace\nValueError"}, (None, "Trace\nValueError")),
        (
            {"status": "FAILURE", "result": {"exc_type": "TimeLimitExceeded", "exc_message": [1]}},
            (None, "TimeLimitExceeded: 1"),
        ),
        ({"status": "FAILURE", "result": "gone"}, (None, "gone")),
        ({}, (None, "")),
    ],
)
def test_a_result_or_an_error_is_read(meta: dict[str, Any], expected: tuple[Any, str]) -> None:
    session: Any = SimpleNamespace(
        records=Records({"celery-task-meta-1": json.dumps(meta).encode()})
    )
    assert stored(session, "1") == expected
