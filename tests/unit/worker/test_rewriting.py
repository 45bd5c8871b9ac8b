"""A worker's command line is rewritten for another pool, whatever its spelling."""

from __future__ import annotations

import click
import pytest
from celery import _find_option_with_arg
from celery.bin.worker import AUTOSCALE
from celery.bin.worker import worker as real_worker
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.errors import UsageError
from worker.celery_cli import parse_line
from worker.pools import POOLS, pool_named
from worker.rewriting import (
    PoolChange,
    check_line,
    rewritten,
    with_full_path,
    without_replaced_variables,
)

BEFORE = ("/venv/bin/python", "-X", "dev", "-m", "celery")
POOL_OPTIONS = {"pool", "concurrency", "prefetch_multiplier", "autoscale", "purge"}
#: Values of options that accept any text; some look like options.
TEXTS = ["plain", "a,b", "P@pool", "-P", "-c9", "--pool=solo", "--", "a=b"]
SETTINGS = [[], ["task.acks_late=1"], ["--", "worker.pool_restarts=1"]]

OPTIONS = [param for param in real_worker.params if isinstance(param, click.Option)]
FLAG_LETTERS = [
    opt[1]
    for option in OPTIONS
    for opt in option.opts
    if option.is_flag and not opt.startswith("--")
]


def values(option: click.Option) -> list[str]:
    """Return values that Celery accepts for the option."""
    special = {"pool": ["gevent"], "concurrency": ["9"], "prefetch_multiplier": ["2"]}
    if option.name in special:
        return special[option.name]
    if isinstance(option.type, click.Choice):
        return [str(choice) for choice in option.type.choices]
    numbers = {"integer": ["3"], "float": ["1.5"], AUTOSCALE.name: ["10,3", "7"]}
    return numbers.get(option.type.name, TEXTS)


@st.composite
def typed(draw: st.DrawFn, option: click.Option) -> list[str]:
    """Draw one way to type the option, as words."""
    spelling = draw(st.sampled_from(option.opts))
    cluster = "".join(draw(st.lists(st.sampled_from(FLAG_LETTERS), max_size=2)))
    if option.is_flag:
        return [spelling] if spelling.startswith("--") else [f"-{cluster}{spelling[1]}"]
    value = draw(st.sampled_from(values(option)))
    if spelling.startswith("--"):
        return draw(st.sampled_from([[spelling, value], [f"{spelling}={value}"]]))
    short = f"-{cluster}{spelling[1]}"
    return draw(st.sampled_from([[short, value], [f"{short}{value}"]]))


def change(name: str, concurrency: int = 7, queues: tuple[str, ...] = ()) -> PoolChange:
    return PoolChange(
        old=pool_named("gevent"),
        new=pool_named(name),
        spelling=name,
        concurrency=concurrency,
        queues=queues,
    )


@st.composite
def worker_words(draw: st.DrawFn) -> list[str]:
    """Draw the words after `worker`: options in any order and spelling, and settings."""
    others = [option for option in OPTIONS if option.name != "pool"]
    chosen = draw(st.lists(st.sampled_from(others), max_size=7))
    pool = next(option for option in OPTIONS if option.name == "pool")
    parts = [draw(typed(option)) for option in draw(st.permutations([pool, *chosen]))]
    between = draw(st.sampled_from([[], ["worker.pool_restarts=0"]]))
    at = draw(st.integers(0, len(parts)))
    parts = [*parts[:at], between, *parts[at:], draw(st.sampled_from(SETTINGS))]
    return [word for part in parts for word in part]


@settings(max_examples=150)
@given(words=worker_words(), name=st.sampled_from(sorted(POOLS)))
def test_only_the_pool_flags_change(words: list[str], name: str) -> None:
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
    assert {k: v for k, v in new.options.items() if k not in POOL_OPTIONS} == {
        k: v for k, v in old.options.items() if k not in POOL_OPTIONS
    }
    assert new.settings == old.settings


@settings(max_examples=100)
@given(words=worker_words())
def test_celery_finds_the_pool_that_needs_monkey_patching(words: list[str]) -> None:
    after = rewritten([*BEFORE, "-A", "proj", "worker", *words], change("gevent"), "/here")
    assert _find_option_with_arg(after, ["-P"], ["--pool"]) == "gevent"  # type: ignore[arg-type]


@settings(max_examples=100)
@given(words=worker_words(), name=st.sampled_from(sorted(POOLS)))
def test_rewriting_twice_equals_rewriting_once(words: list[str], name: str) -> None:
    once = rewritten([*BEFORE, "-A", "proj", "worker", *words], change(name), "/here")
    again = PoolChange(old=pool_named(name), new=pool_named(name), spelling=name, concurrency=7)
    assert rewritten(once, again, "/here") == once


def test_a_prefetch_multiplier_that_the_user_chose_is_kept() -> None:
    line = [*BEFORE, "-A", "p", "worker", "-P", "gevent", "--prefetch-multiplier", "5"]
    after = rewritten(line, change("threads"), "/here")
    assert after[-2:] == ["--prefetch-multiplier", "5"]
    assert parse_line(after).options["prefetch_multiplier"] == 5


def test_queues_changed_by_remote_control_are_on_the_new_line() -> None:
    line = [*BEFORE, "-A", "p", "worker", "-Pgevent", "-Q", "a,b", "-X", "c", "--loglevel", "info"]
    after = rewritten(line, change("threads", queues=("a", "new")), "/here")
    options = parse_line(after).options
    assert options["queues"] == ["a", "new"]
    assert not options["exclude_queues"]


def test_workdir_is_replaced_by_the_current_folder() -> None:
    line = [*BEFORE, "--workdir", "sub", "-Ap", "worker", "-EPgevent"]
    assert rewritten(line, change("solo", 1), "/here/sub") == [
        *BEFORE,
        *("--workdir", "/here/sub", "-Ap"),
        *("worker", "--pool", "solo", "--concurrency", "1", "-E"),
    ]


@pytest.mark.parametrize(
    ("line", "script", "kept"),
    [
        (["python", "bin/celery", "worker"], "/here/bin/celery", "/here/bin/celery"),
        (["python", "-m", "celery", "worker"], "/lib/celery/__main__.py", "celery"),
        (["python", "launcher.py", "celery", "worker"], "/here/launcher.py", "celery"),
        (["python", "-c", "...", "celery", "worker"], "", "celery"),
    ],
)
def test_a_script_gets_its_full_path(line: list[str], script: str, kept: str) -> None:
    assert with_full_path(line, script) == [*line[:-2], kept, "worker"]


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
def test_a_line_that_does_not_start_a_worker_is_rejected(line: list[str]) -> None:
    with pytest.raises(UsageError, match=r"^not a celery worker's command line"):
        rewritten(line, change("threads"), "/here")


def test_a_rejected_line_is_shown_without_its_addresses() -> None:
    line = ["python", "run.py", "--broker=redis://:secret@host/0"]
    with pytest.raises(UsageError) as rejected:
        check_line(line)
    assert str(rejected.value).endswith("command line: python run.py (an address)")


def test_variables_of_replaced_options_are_removed() -> None:
    environ = {
        "CELERY_WORKER_POOL": "gevent",
        "CELERY_WORKER_AUTOSCALE": "9,1",
        "CELERY_WORKER_PURGE": "1",
        "CELERY_WORKER_QUEUES": "a",
        "CELERY_BROKER_URL": "redis://here",
        "PATH": "/bin",
    }
    kept = without_replaced_variables(environ, change("threads"))
    assert set(kept) == {"CELERY_WORKER_QUEUES", "CELERY_BROKER_URL", "PATH"}
    assert "CELERY_WORKER_QUEUES" not in without_replaced_variables(
        environ, change("threads", queues=("b",))
    )
