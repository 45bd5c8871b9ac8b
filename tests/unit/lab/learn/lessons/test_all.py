"""Every lesson is complete, and refers only to tasks, commands and options that exist."""

from __future__ import annotations

import re
import shlex

import pytest
from click.testing import CliRunner

from lab.commands.cli import cli
from lab.learn.engine.learn_options import check
from lab.learn.engine.lesson import Lesson
from lab.learn.registry import LESSONS, lesson_named
from tasks.celery import app
from tasks.errors import UsageError
from tests.paths import ROOT
from worker.pools import POOLS

EVERY = [pytest.param(lesson, id=name) for name, lesson in LESSONS.items()]


@pytest.mark.parametrize("lesson", EVERY)
def test_a_lesson_is_complete(lesson: Lesson) -> None:
    assert 2 <= len(lesson.question.choices) <= 4
    assert 0 <= lesson.question.right < len(lesson.question.choices)
    assert lesson.question.text.endswith("?")
    assert lesson.setting.endswith(".")
    assert not lesson.title.endswith(".")
    assert lesson.turn_next
    assert lesson.needs <= lesson.workers.keys() <= POOLS.keys()
    assert all(dial.low <= dial.default <= dial.high for dial in lesson.dials)
    assert all(dial.help.endswith(".") for dial in lesson.dials)


@pytest.mark.parametrize("lesson", EVERY)
def test_a_lesson_names_its_tasks_and_they_exist(lesson: Lesson) -> None:
    app.loader.import_default_modules()
    assert lesson.tasks <= set(app.tasks)
    if lesson.workers:
        prefix = f"lessons.{lesson.name.replace('-', '_')}."
        assert {task for task in app.tasks if task.startswith(prefix)} <= lesson.tasks


@pytest.mark.parametrize("lesson", EVERY)
def test_the_suggested_commands_parse(lesson: Lesson) -> None:
    for line in lesson.turn_next:
        program, *words = shlex.split(line)
        assert program == "poolwise"
        result = CliRunner().invoke(cli, [*words, "--help"])
        assert result.exit_code == 0, f"{line}: {result.output}"
        options = {word.partition("=")[0] for word in words if word.startswith("--")}
        assert options <= set(re.findall(r"--[a-z][a-z-]*", result.output)), line


@pytest.mark.parametrize("lesson", EVERY)
def test_the_help_shows_an_example(lesson: Lesson) -> None:
    shown = CliRunner().invoke(cli, ["learn", lesson.name, "--help"]).output
    assert f"poolwise learn {lesson.name}" in shown


def test_all_lessons_are_listed_if_none_is_named() -> None:
    listed = CliRunner().invoke(cli, ["learn"]).output
    for lesson in LESSONS.values():
        assert lesson.name in listed


def test_an_unknown_lesson_gets_the_closest_name() -> None:
    with pytest.raises(UsageError, match="did you mean gil"):
        lesson_named("gli")


def test_a_pool_that_the_lesson_does_not_use_is_rejected() -> None:
    with pytest.raises(UsageError, match="gil does not use solo"):
        check(LESSONS["gil"], ["solo"])


@pytest.mark.parametrize("lesson", EVERY)
def test_the_documentation_covers_each_lesson(lesson: Lesson) -> None:
    text = (ROOT / "docs" / "lessons.md").read_text(encoding="utf-8")
    assert f"\n| `{lesson.name}` | " in text
    assert f"\n**{lesson.name}.** " in text
