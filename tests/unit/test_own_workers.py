"""The workers that Poolwise starts and shows follow its own advice on the prefetch multiplier."""

from __future__ import annotations

import re
import shlex

import pytest

from tasks import settings
from tests.documented import commands_shown
from tests.paths import ROOT
from worker.command_line import options_from_argv
from worker.preflight import check

DOCUMENTS = (ROOT / "README.md", *sorted(ROOT.glob("docs/*.md")))
#: What the app of these workers sets, as words of the command line.
SETTINGS = (
    f"task.acks_late={int(settings.task_acks_late)} "
    f"worker.prefetch_multiplier={settings.worker_prefetch_multiplier}"
)


def compose_lines() -> list[str]:
    """Return the command lines of the workers in docker-compose.yml, with their default values."""
    text = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    commands = re.findall(r"command: >-\n((?: {6}\S.*\n)+)", text)
    lines = [" ".join(command.split()) for command in commands]
    return [re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", line) for line in lines if " worker " in line]


def documented_lines() -> list[str]:
    """Return the command lines of workers of Poolwise that the documents show."""
    shown = [
        " ".join(one.words)
        for document in DOCUMENTS
        for one in commands_shown(document, programs=frozenset({"celery"}))
    ]
    return [line for line in shown if line.startswith("celery -A tasks worker")]


LINES = [*compose_lines(), *documented_lines()]


@pytest.mark.parametrize("line", LINES, ids=LINES)
def test_no_worker_of_ours_is_told_to_change_its_prefetch_multiplier(line: str) -> None:
    words = shlex.split(f"CELERY_BROKER_URL=redis://h {line} -- {SETTINGS}")
    fixes = [finding.fix for finding in check(options_from_argv(words, cores=2))]
    assert not [fix for fix in fixes if "--prefetch-multiplier" in fix]


def test_the_workers_are_found() -> None:
    assert len(compose_lines()) == 4
    assert any("--prefetch-multiplier" in line for line in documented_lines())
