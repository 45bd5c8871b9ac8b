"""A worker's command line is rewritten for another pool, however it was spelled."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from celery import _find_option_with_arg
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.errors import UsageError
from worker.celery_cli import parse_line
from worker.pools import POOLS, pool_named
from worker.rewriting import Change, rewritten, without_twins

BEFORE = ("/venv/bin/python", "-X", "dev", "-m", "celery")

#: Ways to type each option, as lists of words; the values are those of the gevent row.
POOL = [["--pool", "gevent"], ["--pool=gevent"], ["-P", "gevent"], ["-Pgevent"], ["-EP", "gevent"]]
CONCURRENCY = [["--concurrency", "9"], ["--concurrency=9"], ["-c", "9"], ["-c9"], ["-Ec9"], []]
PREFETCH = [["--prefetch-multiplier", "2"], ["--prefetch-multiplier=2"], []]
AUTOSCALE = [["--autoscale", "10,3"], ["--autoscale=10,3"], []]
ONCE = [["--purge"], ["--discard"], []]
#: Options that belong to no pool, and stay.
OTHERS = [
    ["-Q", "cpu,io"],
    ["-Qcpu"],
    ["--queues=io"],
    ["-l", "info"],
    ["-linfo"],
    ["-n", "P@pool"],
    ["--hostname=-P@c"],
    ["-I", "worker.probe,worker.startup"],
    ["--without-gossip"],
    ["--time-limit", "30"],
    ["--max-tasks-per-child=100"],
    ["--logfile", "/tmp/pool"],  # noqa: S108 - a name only
]
SETTINGS = [[], ["task.acks_late=1"], ["--", "worker.pool_restarts=1"]]


def change(name: str, concurrency: int = 7, queues: tuple[str, ...] = ()) -> Change:
    return Change(
        old=pool_named("gevent"),
        new=pool_named(name),
        spelling=name,
        concurrency=concurrency,
        queues=queues,
    )


def joined(parts: Sequence[Sequence[str]]) -> list[str]:
    return [word for part in parts for word in part]


@st.composite
def worker_words(draw: st.DrawFn) -> list[str]:
    """Draw the words after `worker`, in any order, options before settings."""
    parts = [draw(st.sampled_from(ways)) for ways in (POOL, CONCURRENCY, PREFETCH, AUTOSCALE, ONCE)]
    parts += draw(st.lists(st.sampled_from(OTHERS), max_size=4, unique_by=lambda o: o[0][:3]))
    return [*joined(draw(st.permutations(parts))), *draw(st.sampled_from(SETTINGS))]


@settings(max_examples=150)
@given(words=worker_words(), name=st.sampled_from(sorted(POOLS)))
def test_only_the_flags_of_the_pool_change(words: list[str], name: str) -> None:
    before = [*BEFORE, "-A", "proj", "worker", *words]
    after = rewritten(before, change(name), "/here")
    old, new = parse_line(before), parse_line(after)
    assert after[:7] == before[:7]
    assert new.options["pool"] == name
    assert new.options["concurrency"] == "7"
    assert new.options["autoscale"] is None
    assert not new.options["purge"]
    multiplier = pool_named(name).prefetch_multiplier
    assert new.options["prefetch_multiplier"] == (None if multiplier == 1 else multiplier)
    changed = {"pool", "concurrency", "autoscale", "purge", "prefetch_multiplier"}
    assert {k: v for k, v in new.options.items() if k not in changed} == {
        k: v for k, v in old.options.items() if k not in changed
    }
    assert new.settings == old.settings


@settings(max_examples=100)
@given(words=worker_words())
def test_celery_finds_the_pool_to_patch_for(words: list[str]) -> None:
    after = rewritten([*BEFORE, "-A", "proj", "worker", *words], change("gevent"), "/here")
    assert _find_option_with_arg(after, ["-P"], ["--pool"]) == "gevent"  # type: ignore[arg-type]


@settings(max_examples=100)
@given(words=worker_words(), name=st.sampled_from(sorted(POOLS)))
def test_rewriting_twice_is_rewriting_once(words: list[str], name: str) -> None:
    once = rewritten([*BEFORE, "-A", "proj", "worker", *words], change(name), "/here")
    again = Change(old=pool_named(name), new=pool_named(name), spelling=name, concurrency=7)
    assert rewritten(once, again, "/here") == once


def test_a_multiplier_that_a_person_chose_stays() -> None:
    line = [*BEFORE, "-A", "p", "worker", "-P", "gevent", "--prefetch-multiplier", "5"]
    after = rewritten(line, change("threads"), "/here")
    assert after[-2:] == ["--prefetch-multiplier", "5"]
    assert parse_line(after).options["prefetch_multiplier"] == 5


def test_queues_changed_by_remote_control_are_named() -> None:
    line = [*BEFORE, "-A", "p", "worker", "-Pgevent", "-Q", "a,b", "-X", "c", "--loglevel", "info"]
    after = rewritten(line, change("threads", queues=("a", "new")), "/here")
    options = parse_line(after).options
    assert options["queues"] == ["a", "new"]
    assert not options["exclude_queues"]


def test_a_folder_that_was_entered_is_not_entered_again() -> None:
    line = [*BEFORE, "--workdir", "sub", "-Ap", "worker", "-Pgevent"]
    assert rewritten(line, change("solo", 1), "/here/sub") == [
        *BEFORE,
        *("--workdir", "/here/sub", "-A", "p"),
        *("worker", "--pool", "solo", "--concurrency", "1"),
    ]


@pytest.mark.parametrize(
    "line",
    [
        ["python", "-m", "gunicorn", "worker"],
        ["python", "manage.py", "runworker"],
        ["celery", "-A", "p", "beat"],
        ["celery", "-A", "p"],
    ],
    ids=" ".join,
)
def test_what_is_no_worker_is_refused(line: list[str]) -> None:
    with pytest.raises(UsageError, match=r"^not a celery worker's command line"):
        rewritten(line, change("threads"), "/here")


def test_variables_that_stand_for_exchanged_options_go() -> None:
    environ = {
        "CELERY_WORKER_POOL": "gevent",
        "CELERY_WORKER_AUTOSCALE": "9,1",
        "CELERY_WORKER_PURGE": "1",
        "CELERY_WORKER_QUEUES": "a",
        "CELERY_BROKER_URL": "redis://here",
        "PATH": "/bin",
    }
    kept = without_twins(environ, change("threads"))
    assert set(kept) == {"CELERY_WORKER_QUEUES", "CELERY_BROKER_URL", "PATH"}
    assert "CELERY_WORKER_QUEUES" not in without_twins(environ, change("threads", queues=("b",)))
