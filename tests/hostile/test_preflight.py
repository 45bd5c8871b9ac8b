"""A worker command line that Celery itself rejects gets one line, and never means a finding."""

from __future__ import annotations

import shlex

import pytest

from tests.hostile.in_process import run
from tests.hostile.trial import assert_clean_end

WORKER = "celery -A proj worker"
LONG = "9" * 5_000

REJECTED = (
    "--autoscale a,b",
    "--autoscale a",
    "--autoscale 1,2,3",
    "--autoscale ''",
    "--autoscale ,",
    "--autoscale",
    "-c x",
    "-c 1.5",
    "-c -1",
    f"-c {LONG}",
    "-c",
    "--concurrency=two",
    "-P gevnt",
    "-P ''",
    "-P",
    "--time-limit soon",
    "--soft-time-limit soon",
    "--max-tasks-per-child many",
    "--max-memory-per-child 1GB",
    f"--max-tasks-per-child {LONG}x",
    "--prefetch-multiplier x",
    "--loglevel LOUD",
    "-O fairest",
    "--pool-start-method thread",
    "--no-such-option",
    "-Z",
    "--hostname",
    "=",
    "=x",
    "_=1",
    "word",
    "task.acks_late=maybe",
    "task.no_such=1",
    "no_such.setting=1",
    "worker.concurrency=x",
    "worker.concurrency='(json)[1]'",
    "worker.prefetch_multiplier='(json)[]'",
    "worker.prefetch_multiplier='(float)nan'",
    "worker.prefetch_multiplier='(string)x'",
    "worker.prefetch_multiplier='(nothing)1'",
    "worker.max_tasks_per_child='(json)[]'",
    "worker.pool_start_method='(json)1'",
    "task.time_limit='(string)x'",
    "task.soft_time_limit='(json){}'",
    "broker.transport_options='(json)[1]'",
    "broker.transport_options='(json){'",
    'broker.transport_options=\'(json){"max_connections": "x"}\'',
    "broker.transport_options='(json){\"visibility_timeout\": null}'",
    f"broker.transport_options='(json){'[' * 100_000}'",
)


@pytest.mark.parametrize("typed", REJECTED, ids=lambda typed: typed[:60])
@pytest.mark.parametrize("options", [(), ("--json",)], ids=["lines", "json"])
def test_what_celery_rejects_is_wrong_use(options: tuple[str, ...], typed: str) -> None:
    words = shlex.split(f"{WORKER} {typed}")
    line = assert_clean_end(run("preflight", *options, "--", *words), codes={2})
    assert len(line) < 600


@pytest.mark.parametrize(
    "variables",
    ["CELERY_WORKER_AUTOSCALE=a,b", "CELERY_WORKER_CONCURRENCY=x", "CELERY_WORKER_POOL=gevnt"],
)
def test_what_celery_rejects_from_the_environment_is_wrong_use(variables: str) -> None:
    words = shlex.split(f"{variables} {WORKER}")
    assert_clean_end(run("preflight", "--", *words), codes={2})


@pytest.mark.parametrize("words", ["", "worker", "celery", "celery -A", "celery multi", "python x"])
def test_what_is_no_worker_command_is_wrong_use(words: str) -> None:
    assert_clean_end(run("preflight", "--", *shlex.split(words)), codes={2})
