"""docker-compose.yml and its entry point, as far as they can be read without an engine."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tasks.settings import LONGEST_TASK_S
from tests.paths import ROOT

COMPOSE = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
HEADER, _, BODY = COMPOSE.partition("\nname: ")
ENTRYPOINT = ROOT / "docker" / "entrypoint"

#: Passed on to Flower as they are.
PASSED_ON = set(re.findall(r"^ {6}(FLOWER_\w+):$", BODY, re.MULTILINE))
USED = set(re.findall(r"\$\{(\w+)", BODY)) | PASSED_ON
TOLD = set(re.findall(r"\b[A-Z]+(?:_[A-Z0-9]+)+\b", HEADER))


def test_the_header_tells_every_variable_and_no_other() -> None:
    assert USED == TOLD


def test_the_example_tells_no_unknown_variable() -> None:
    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    assert set(re.findall(r"^#?([A-Z_0-9]+)=", example, re.MULTILINE)) <= TOLD


def test_the_defaults_in_the_header_are_those_of_the_services() -> None:
    told = dict(re.findall(r"^# {3}([A-Z_]+) +([^\s(]\S*)", HEADER, re.MULTILINE))
    told.update(re.findall(r"^# {3}([A-Z_]+) +(\S+=\S+)$", HEADER, re.MULTILINE))
    used = dict(re.findall(r"\$\{(\w+):-([^}]+)\}", BODY))
    different = {name: (told.get(name), value) for name, value in used.items()}
    assert {
        name: pair for name, pair in different.items() if pair[0] != pair[1] != "/dev/null"
    } == {}


def test_a_worker_gets_longer_to_stop_than_its_longest_task_takes() -> None:
    worker = BODY.partition("x-worker:")[2].partition("\nservices:")[0]
    [grace_s] = re.findall(r"stop_grace_period: (\d+)s", worker)
    assert int(grace_s) > LONGEST_TASK_S


MACHINES = (ROOT / "compose.machines.yml").read_text(encoding="utf-8")
SERVICES = set(re.findall(r"^ {2}([a-z-]+):$", BODY.partition("\nservices:")[2], re.MULTILINE))
SHOWN = [
    (path.name, line.strip())
    for path in (ROOT / "README.md", *sorted(ROOT.glob("docs/*.md")))
    for line in path.read_text(encoding="utf-8").replace("\\\n", " ").splitlines()
    if re.match(r"\s*(?:[A-Z_]+=\S+ +)*docker compose ", line)
]


@pytest.mark.parametrize(("document", "line"), SHOWN, ids=[line for _, line in SHOWN])
def test_a_docker_command_of_the_documents_names_what_there_is(document: str, line: str) -> None:
    assert document
    before, _, after = line.partition("#")[0].partition("docker compose ")
    variables = set(re.findall(r"(?:^|\s)([A-Z_]+)=", before))
    assert variables <= TOLD | set(re.findall(r"\$\{(\w+)", MACHINES))
    files = re.findall(r"-f (\S+)", after)
    assert all((ROOT / file).exists() for file in files)
    service = r"worker(?:-\w+)?|redis|flower|producer|poolwise"
    named = re.findall(rf"(?:^|\s|=)({service})(?=[\s=]|$)", after)
    assert set(named) <= SERVICES


def enter(*command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(ENTRYPOINT), *command],
        env={"PATH": "/usr/bin:/bin", **variables},
        capture_output=True,
        text=True,
        check=False,
        timeout=10,
    )


def test_a_secret_is_taken_from_its_file(tmp_path: Path) -> None:
    secret = tmp_path / "url"
    secret.write_text("redis://:a b$c'd@hub:6379/0\n", encoding="utf-8")
    found = enter("printenv", "CELERY_BROKER_URL", CELERY_BROKER_URL_FILE=str(secret))
    assert found.stdout == "redis://:a b$c'd@hub:6379/0\n"


def test_an_empty_file_leaves_the_variable_as_it_is() -> None:
    found = enter(
        *("printenv", "CELERY_BROKER_URL"),
        CELERY_BROKER_URL="redis://there",
        CELERY_BROKER_URL_FILE="/dev/null",
    )
    assert found.stdout == "redis://there\n"


def test_a_file_that_is_not_there_is_told_in_one_line() -> None:
    found = enter("true", CELERY_BROKER_URL_FILE="/nowhere")
    assert found.returncode == 2
    assert found.stderr.startswith("error: CELERY_BROKER_URL_FILE names /nowhere")
    assert found.stderr.count("\n") == 1


@pytest.mark.parametrize("code", [0, 7])
def test_the_exit_code_is_that_of_the_command(code: int) -> None:
    assert enter("sh", "-c", f"exit {code}").returncode == code
