"""Calls come from options or a file; every mistake gets one line that names the place."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.project.calls import from_file, from_options
from tasks.errors import UsageError


@pytest.mark.parametrize(
    ("args", "kwargs", "expected"),
    [
        ([], [], [((), {})]),
        (['["a"]', "[1, 2]"], [], [(("a",), {}), ((1, 2), {})]),
        (["[1]"], ['{"b": 1}', '{"b": 2}'], [((1,), {"b": 1}), ((1,), {"b": 2})]),
        (["[1]", "[2]"], ['{"b": 1}'], [((1,), {"b": 1}), ((2,), {"b": 1})]),
        (["[1]", "[2]"], ['{"b": 1}', "{}"], [((1,), {"b": 1}), ((2,), {})]),
    ],
)
def test_options_become_calls(args: list[str], kwargs: list[str], expected: list[object]) -> None:
    calls = from_options("t", args, kwargs)
    assert [(call.args, call.kwargs) for call in calls] == expected
    assert {call.task for call in calls} == {"t"}


@pytest.mark.parametrize(
    ("args", "kwargs"),
    [
        (["SKU-1"], []),
        (['{"a": 1}'], []),
        ([], ["[1]"]),
        (["[" * 100_000], []),
        (["[1]", "[2]"], ["{}", "{}", "{}"]),
    ],
)
def test_a_mistake_in_options_is_one_line(args: list[str], kwargs: list[str]) -> None:
    with pytest.raises(UsageError) as raised:
        from_options("t", args, kwargs)
    assert "\n" not in str(raised.value)
    assert "--args" in str(raised.value) or "--kwargs" in str(raised.value)


def test_a_file_has_a_call_per_line(tmp_path: Path) -> None:
    file = tmp_path / "calls.jsonl"
    file.write_text('{"args": [1]}\n\n{"task": "u", "kwargs": {"a": 2}}\n')
    assert [(call.task, call.args, dict(call.kwargs)) for call in from_file(file, "t")] == [
        ("t", (1,), {}),
        ("u", (), {"a": 2}),
    ]


@pytest.mark.parametrize(
    "text",
    [
        '\ufeff{"args": ["a"]}\n{"args": ["b"]}\n',
        '{"args": ["a"]}\r\n{"args": ["b"]}\r\n',
        '{"args": ["a\u2028\u2029\x85z"]}\n{"args": ["b"]}',
    ],
)
def test_a_file_from_any_editor_has_a_call_per_line(text: str, tmp_path: Path) -> None:
    file = tmp_path / "calls.jsonl"
    file.write_bytes(text.encode())
    first, second = from_file(file, "t")
    assert first.args[0] in {"a", "a\u2028\u2029\x85z"}
    assert second.args == ("b",)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "0 calls"),
        ("{}", "names no task"),
        ('{"task": "t"}\nnot json', "line 2"),
        ('{"task": "t", "arg": []}', "'arg'"),
        ('{"task": "t", "args": {}}', "must be a list"),
        ("[]", "line 1"),
        ('{"task": "t"}\n' * 1_001, "1,001 calls"),
    ],
)
def test_a_mistake_in_a_file_names_the_place(text: str, reason: str, tmp_path: Path) -> None:
    file = tmp_path / "calls.jsonl"
    file.write_text(text)
    with pytest.raises(UsageError, match=reason):
        from_file(file)


def test_a_file_that_cannot_be_read_is_reported(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        from_file(tmp_path / "missing.jsonl")
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError, match="UTF-8"):
        from_file(tmp_path / "binary")
