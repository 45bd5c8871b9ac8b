"""Command lines are read as Celery reads them."""

from __future__ import annotations

import os
import shlex
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.errors import UsageError
from worker import modules
from worker.celery_cli import parse_line
from worker.command_line import options_from_argv, options_from_line
from worker.options import WorkerOptions
from worker.pools import POOLS


def read(line: str) -> WorkerOptions:
    return options_from_argv(shlex.split(line), cores=2)


POOL_SPELLINGS = ("-P {}", "-P{}", "--pool {}", "--pool={}", "-EP {}", "-EP{}")
BEGINNINGS = (
    "celery -A proj worker",
    "celery --app=proj worker",
    "python -m celery -A proj worker",
    "/srv/venv/bin/celery -A proj worker",
    "FOO=1 BAR='a b' celery -A proj worker",
    "env FOO=1 poetry run celery -A proj worker",
    "celery -b redis://localhost/0 -A proj worker",
)


@pytest.mark.parametrize("beginning", BEGINNINGS)
@pytest.mark.parametrize("spelling", POOL_SPELLINGS)
@pytest.mark.parametrize("name", POOLS)
def test_every_spelling_names_the_pool(beginning: str, spelling: str, name: str) -> None:
    options = read(f"{beginning} {spelling.format(name)}")
    assert options.pool is POOLS[name]
    assert options.pool_flag == name


def test_without_a_flag_the_pool_is_celerys_default_and_not_typed() -> None:
    options = read("celery -A proj worker")
    assert options.pool is POOLS["prefork"]
    assert options.pool_flag == ""


@given(
    slots=st.integers(min_value=1, max_value=100_000),
    spelling=st.sampled_from(["-c {}", "-c{}", "--concurrency {}", "--concurrency={}"]),
)
def test_every_spelling_sets_the_concurrency(slots: int, spelling: str) -> None:
    options = read(f"celery -A proj worker {spelling.format(slots)}")
    assert (options.concurrency, options.concurrency_chosen) == (slots, True)


@pytest.mark.parametrize(("typed", "chosen"), [("", False), ("-c 0", False), ("-c auto", True)])
def test_concurrency_defaults_to_the_number_of_cores(typed: str, chosen: bool) -> None:
    options = read(f"celery -A proj worker {typed}")
    assert (options.concurrency, options.concurrency_chosen) == (2, chosen)


def test_limits_are_read_with_their_units() -> None:
    options = read(
        "celery -A proj worker --time-limit=5.5 --soft-time-limit 4 "
        "--max-tasks-per-child 10 --max-memory-per-child=200000 --pool-start-method spawn"
    )
    assert (options.limits.hard_s, options.limits.soft_s) == (5.5, 4.0)
    assert options.recycling.max_tasks_per_child == 10
    assert options.recycling.max_memory_per_child_kib == 200_000
    assert options.recycling.start_method == "spawn"


@pytest.mark.parametrize(("typed", "most"), [("10,3", 10), ("3,10", 10), ("7", 7)])
def test_autoscale_is_read_in_any_order(typed: str, most: int) -> None:
    options = read(f"celery -A proj worker --autoscale {typed}")
    assert (options.autoscale_max, options.slots) == (most, most)


@pytest.mark.parametrize(
    ("line", "patched"),
    [
        ("celery -A proj worker -P gevent", True),
        ("celery -A proj worker --pool gevent", True),
        ("celery -A proj worker --pool=gevent", True),
        ("celery -A proj worker -Pgevent", False),
        ("celery -A proj worker -EP gevent", False),
        ("celery -A proj worker -P threads -P gevent", False),
        ("celery -A proj worker -P gevent -P gevent", True),
        ("CELERY_WORKER_POOL=gevent celery -A proj worker", False),
    ],
)
def test_celery_monkey_patches_only_for_some_spellings(line: str, patched: bool) -> None:
    options = read(line)
    assert options.pool is POOLS["gevent"]
    assert options.monkey_patched is patched


@pytest.mark.parametrize("name", [n for n, pool in POOLS.items() if not pool.needs_monkey_patching])
def test_a_pool_without_greenlets_needs_no_monkey_patching(name: str) -> None:
    assert read(f"celery -A proj worker -P{name}").monkey_patched


def test_variables_before_the_command_are_read_and_flags_override_them() -> None:
    beginning = "CELERY_WORKER_POOL=threads CELERY_WORKER_CONCURRENCY=7 celery -A proj worker"
    options = read(beginning)
    assert (options.pool_name, options.concurrency) == ("threads", 7)
    assert options.pool_flag == ""
    assert read(f"{beginning} -P solo").pool_name == "solo"


def test_settings_at_the_end_of_the_line_are_read() -> None:
    options = read("celery -A proj worker -- task.acks_late=1 worker.prefetch_multiplier=2")
    assert options.delivery.acks_late is True
    assert options.delivery.prefetch_multiplier == 2


@pytest.mark.parametrize(
    ("beginning", "redis", "lease"),
    [
        ("celery", None, False),
        ("celery -b redis://h/0", True, False),
        ("celery -b amqp://h", False, False),
        ("celery -b lease://h/0", True, True),
        ("CELERY_BROKER_URL=leases://h/0 celery", True, True),
        ("POOLWISE_TRANSPORT=lease celery", True, True),
        ("POOLWISE_TRANSPORT=stock celery -b lease://h/0", True, True),
    ],
)
def test_the_transport_is_known_from_the_variable_or_the_url(
    beginning: str, redis: bool | None, lease: bool
) -> None:
    delivery = read(f"{beginning} -A proj worker").delivery
    assert (delivery.redis, delivery.lease) == (redis, lease)


def test_an_unknown_transport_is_refused() -> None:
    with pytest.raises(UsageError, match="POOLWISE_TRANSPORT must be stock or lease"):
        read("POOLWISE_TRANSPORT=leas celery -A tasks worker")


@pytest.mark.parametrize("setting", ["reject_on_worker_lost", "retry_on_worker_lost"])
def test_either_setting_on_the_line_requeues_lost_tasks(setting: str) -> None:
    assert read(f"celery -A proj worker -- task.{setting}=1").delivery.requeues_lost


def test_options_missing_from_the_line_are_unknown() -> None:
    delivery = read("celery -A proj worker").delivery
    assert (delivery.redis, delivery.acks_late) == (None, None)


@pytest.mark.parametrize(
    ("url", "redis"), [("redis://h/0", True), ("rediss://h", True), ("amqp://h", False)]
)
def test_the_broker_type_is_read_from_its_url(url: str, redis: bool) -> None:
    assert read(f"celery -b {url} worker").delivery.redis is redis
    assert read(f"CELERY_BROKER_URL={url} celery worker").delivery.redis is redis


def test_a_celery_pool_missing_from_the_table_is_not_an_error() -> None:
    options = read("celery -A proj worker -P eventlet")
    assert (options.pool, options.pool_name) == (None, "eventlet")


def test_a_missing_module_is_detected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(modules, "find_spec", lambda _name: None)
    assert read("celery -A proj worker -P gevent").module_missing
    assert not read("celery -A proj worker -P threads").module_missing


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("celery -A proj worker -P gevnt", "did you mean gevent?"),
        ("celery -A proj worker --concurency 3", "--concurrency"),
        ("celery -A proj worker -c many", "must be a number of slots or auto"),
        ("celery -A proj worker --time-limit soon", "time-limit"),
        ("celery -A proj worker --autoscale 1,2,3", "autoscale"),
        ("celery -A proj worker -P", "requires an argument"),
        ("celery worker -A proj", "-A goes before the word worker"),
        ("celery -A proj beat", "preflight checks only celery worker, not celery beat"),
        ("celery multi start w1 -A proj -P threads", "only celery worker, not celery multi"),
        ("celery", "celery needs a command: add the word worker"),
        ("celery -A proj", "celery needs a command: add the word worker"),
        ("'celery -A proj worker -P solo'", "leave out the quotes around it, as in celery -A proj"),
        ("X=1 '/srv/bin/celery -A proj worker'", "as in X=1 /srv/bin/celery -A proj worker"),
        ("celery -A proj worker stray", "not a valid setting: 'stray'"),
        ("proj worker -P threads", "not a celery command"),
        ("", "not a celery command"),
    ],
)
def test_a_line_that_celery_rejects_gives_a_one_line_error(line: str, says: str) -> None:
    with pytest.raises(UsageError) as refused:
        read(line)
    assert says in str(refused.value)
    assert "\n" not in str(refused.value)


def test_reading_a_line_has_no_side_effects() -> None:
    before = (dict(os.environ), os.getcwd(), "proj" in sys.modules)  # noqa: PTH109
    first = read("FOO=1 celery -A proj --workdir /nowhere worker -P threads")
    again = read("FOO=1 celery -A proj --workdir /nowhere worker -P threads")
    assert first == again
    assert before == (dict(os.environ), os.getcwd(), "proj" in sys.modules)  # noqa: PTH109


@pytest.mark.parametrize(
    ("line", "settings", "name", "slots"),
    [
        ("", {"worker_concurrency": 16}, "prefork", 16),
        ("", {"worker_concurrency": "16"}, "prefork", 16),
        ("", {"worker_concurrency": None, "worker_pool": None}, "prefork", 2),
        ("-c 3", {"worker_concurrency": 16}, "prefork", 3),
        ("-c 0", {"worker_concurrency": 16}, "prefork", 16),
        ("worker.concurrency=3", {"worker_concurrency": 16}, "prefork", 16),
        ("", {"worker_pool": "threads"}, "threads", 2),
        ("-P prefork", {"worker_pool": "threads"}, "threads", 2),
        ("-P processes", {"worker_pool": "threads"}, "prefork", 2),
        ("-P gevent", {"worker_pool": "threads"}, "gevent", 2),
        ("", {"worker_pool": "celery.concurrency.thread:TaskPool"}, "threads", 2),
    ],
)
def test_the_settings_of_a_project_choose_the_pool_and_its_size(
    line: str, settings: dict[str, object], name: str, slots: int
) -> None:
    parsed = parse_line(shlex.split(f"celery -A proj worker {line}"))
    options = options_from_line(parsed, cores=2, settings=settings)
    assert options.pool is POOLS[name]
    assert options.slots == slots
