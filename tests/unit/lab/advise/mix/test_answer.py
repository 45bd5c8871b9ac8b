"""A mix is split only if that is really faster; the answer then has everything to deploy."""

from __future__ import annotations

import ast
from io import StringIO

import pytest
from rich.console import Console

from lab.advise.table import show
from lab.format import deployment
from lab.report.advice import render
from lab.results.advice import MixResult
from tests.unit.lab.advise import sample as plain
from tests.unit.lab.advise.mix.sample import mix, result, split
from tests.unit.lab.report.reading import read

SINGLE = (
    plain.candidate("threads", 20, [100, 101, 99]),
    plain.candidate("prefork", 8, [60, 61, 59]),
)
FASTER = split([150, 152, 151])


@pytest.mark.parametrize(
    ("of", "is_split", "text"),
    [
        (mix(FASTER), True, "1.51 times the throughput of one group, threads ×20"),
        (mix(split([102, 103, 101])), False, "no real difference, and one group is simpler"),
        (mix(split([103.5, 103.6, 103.7])), False, "not much more, and one group is simpler"),
        (mix(split([80, 81, 79])), False, "the tasks reach 80.0/s: less"),
        (mix(split([150], rejected="a worker died")), False, "no split could be measured"),
        (mix(split([90, 91, 89], slots=8), FASTER), True, "threads ×64"),
        (
            mix(why_no_split="all tasks wait"),
            False,
            "all tasks stay in one group, because all tasks wait",
        ),
    ],
)
def test_the_mix_is_split_only_if_that_is_really_faster(
    of: MixResult, is_split: bool, text: str
) -> None:
    found = result(of, SINGLE).answer
    assert found is not None
    assert bool(found.groups) is is_split
    assert (found.pool == "split") is is_split
    assert text in found.sentence


def test_a_split_must_beat_the_fastest_single_group_and_not_only_the_simplest() -> None:
    noisy = (
        plain.candidate("prefork", 32, [120, 150, 180], memory_bytes=900_000_000),
        plain.candidate("threads", 20, [138, 140, 139]),
    )
    found = result(mix(FASTER), noisy).answer
    assert found is not None
    assert (found.pool, found.groups) == ("threads", ())
    assert "the tasks reach 151/s: no real difference, and one group is simpler" in found.sentence


def test_a_split_is_recommended_if_one_group_cannot_run_all() -> None:
    unsafe = (plain.candidate("threads", 20, [100], rejected="unsafe"),)
    found = result(mix(FASTER), unsafe).answer
    assert found is not None
    assert (found.pool, found.confidence) == ("split", "low")
    assert result(mix(), unsafe).answer is None


def test_the_terminal_shows_both_commands_and_the_routes() -> None:
    console = Console(file=StringIO(), width=160)
    show(result(mix(FASTER), SINGLE), console)
    assert isinstance(console.file, StringIO)
    text = console.file.getvalue()
    for line in (
        "cpu: prefork ×2 + io: 2 workers of threads ×64",
        "← recommended",
        "--pool prefork --concurrency 2 --queues cpu --hostname worker-cpu@%h",
        "--pool threads --concurrency 64 --queues io --hostname worker-io1@%h",
        "# Run 2 of these workers, with the names worker-io1@%h to worker-io2@%h.",
        '"shop.parse": {"queue": "cpu"},',
        '"shop.fetch": {"queue": "io"},',
        "A whole mix is 10 tasks: 1 × shop.parse, 9 × shop.fetch",
    ):
        assert line in text
    assert text.count("← recommended") == 1


def test_the_texts_to_paste_have_both_groups_and_the_routes() -> None:
    texts = deployment.of_result(result(mix(FASTER), SINGLE))
    assert texts is not None
    assert [line for line in texts.compose.splitlines() if line.endswith(":")] == [
        "services:",
        "  worker-cpu:",
        "  worker-io:",
    ]
    assert "--queues cpu --hostname worker-cpu@%h" in texts.compose
    assert texts.compose.count("replicas: 2") == 1
    assert texts.kubernetes.count("kind: Deployment") == 2
    assert texts.kubernetes.count("\n---\n") == 1
    assert "celery-worker-cpu.service" in texts.systemd
    assert "celery-worker-io@1 celery-worker-io@2" in texts.systemd
    for text in (texts.compose, texts.systemd, texts.kubernetes):
        assert "192M" in text.upper()  # 100 MiB in one worker, with headroom
        assert "128M" in text.upper()  # in each of two
    assert ast.literal_eval(texts.routes.partition("task_routes = ")[2]) == {
        "shop.parse": {"queue": "cpu"},
        "shop.fetch": {"queue": "io"},
    }


def test_the_page_shows_the_split_with_its_tasks_and_what_to_paste() -> None:
    text = read(render(result(mix(FASTER), SINGLE))).plain()
    for line in (
        "Which pool for shop.fetch, shop.parse?",
        "--pool threads --concurrency 64 --queues io",
        "cpu: prefork ×2 + io: 2 workers of threads ×64",
        "shop.parse alone: 55.0 ms per run",
        "Your app's settings",
        "worker-cpu:",
    ):
        assert line in text


def test_without_a_split_the_result_has_no_routes() -> None:
    texts = deployment.of_result(result(mix(split([80, 81, 79])), SINGLE))
    assert texts is not None
    assert (texts.routes, "Your app's settings" in deployment.titled(texts)) == ("", False)
