"""Types in a task message that Celery takes for granted."""

from __future__ import annotations

from typing import Any

import pytest

from worker.delivery.validity import fault

SOUND: dict[str, Any] = {"id": "a", "task": "io.sleep"}
BODY: tuple[Any, ...] = ([], {}, {})


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"retries": 0, "timelimit": [None, None], "stamped_headers": None, "stamps": {}},
        {"timelimit": (1.5, 3), "stamped_headers": ["a"], "stamps": {"a": "b"}},
    ],
)
def test_a_sound_message_has_no_fault(more: dict[str, Any]) -> None:
    assert fault({**SOUND, **more}, BODY) == ""
    assert fault({**SOUND, **more}, ((), {}, None)) == ""


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("id", None),
        ("id", [1]),
        ("task", 5),
        ("retries", "x"),
        ("timelimit", "ab"),
        ("timelimit", [1]),
        ("timelimit", [1, "2"]),
        ("stamped_headers", 5),
        ("stamps", ["a"]),
    ],
)
def test_a_header_of_the_wrong_type_is_named(header: str, value: Any) -> None:
    assert header in fault({**SOUND, header: value}, BODY)


@pytest.mark.parametrize(
    ("body", "named"),
    [(("ab", {}, {}), "args"), (([], [], {}), "kwargs"), (([], {}, []), "third part")],
)
def test_a_part_of_the_body_of_the_wrong_type_is_named(body: Any, named: str) -> None:
    assert named in fault(SOUND, body)
