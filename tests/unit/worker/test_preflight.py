"""Every preflight rule reports exactly the pools and options that it should."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.command_line import options_from_argv
from worker.options import Delivery, Recycling, TimeLimits, WorkerOptions
from worker.pools import POOLS, Pool
from worker.preflight import Finding, Severity, check, lines, warnings_of
from worker.rule import pools_where

CORES = 2
WARNING, NOTE = Severity.WARNING, Severity.NOTE

every_pool = pytest.mark.parametrize("pool", POOLS.values(), ids=POOLS.keys())


def findings_for(line: str) -> dict[str, Severity]:
    options = options_from_argv(shlex.split(line), cores=CORES)
    return severities(check(options))


def severities(findings: tuple[Finding, ...]) -> dict[str, Severity]:
    return {finding.code: finding.severity for finding in findings}


def bare(pool: Pool, **changes: object) -> WorkerOptions:
    plain = WorkerOptions(
        pool=pool, pool_name=pool.name, cores=CORES, concurrency=CORES, concurrency_chosen=True
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


def found(pool: Pool, **changes: object) -> dict[str, Severity]:
    return severities(check(bare(pool, **changes)))


#: Spellings of a flag, its warning, and the capability of the pools that get no warning.
FLAGS: list[tuple[tuple[str, ...], str, Callable[[Pool], bool]]] = [
    (("--time-limit 5", "--time-limit=5"), "time-limit-ignored", lambda p: p.hard_time_limit),
    (
        ("--soft-time-limit 5", "--soft-time-limit=5", "-- task.soft_time_limit=5"),
        "soft-time-limit-ignored",
        lambda p: p.soft_time_limit,
    ),
    (
        ("--max-tasks-per-child 5", "--max-tasks-per-child=5"),
        "max-tasks-ignored",
        lambda p: p.max_tasks_per_child,
    ),
    (
        ("--max-memory-per-child 90000", "--max-memory-per-child=90000"),
        "max-memory-ignored",
        lambda p: p.max_memory_per_child,
    ),
    (("--pool-start-method=spawn",), "start-method-ignored", lambda p: p.start_method),
    (("--autoscale 4,2", "--autoscale=4"), "autoscale-unsupported", lambda p: p.autoscale),
    (("-B", "--beat"), "beat-refused", lambda p: p.embeds_beat),
]


@every_pool
@pytest.mark.parametrize(
    ("flag", "code", "able"),
    [(spelling, code, able) for spellings, code, able in FLAGS for spelling in spellings],
)
def test_a_flag_causes_a_warning_exactly_if_the_pool_ignores_it(
    pool: Pool, flag: str, code: str, able: Callable[[Pool], bool]
) -> None:
    assert code not in findings_for(f"celery -A proj worker -P {pool.name}")
    with_flag = findings_for(f"celery -A proj worker -P {pool.name} {flag}")
    assert with_flag.get(code) is (None if able(pool) else WARNING)


@every_pool
@pytest.mark.parametrize(
    ("code", "able"),
    [
        ("terminate-unsupported", lambda p: p.terminate),
        ("resize-unsupported", lambda p: p.grow_shrink),
        ("control-blocked", lambda p: p.answers_while_busy),
        ("revoke-too-late", lambda p: p.revokes_fetched),
    ],
)
def test_a_missing_capability_is_noted(pool: Pool, code: str, able: Callable[[Pool], bool]) -> None:
    assert found(pool).get(code) is (None if able(pool) else NOTE)


def test_a_time_limit_without_preemption_is_noted() -> None:
    cooperative = {
        name
        for name in POOLS
        if "time-limit-cooperative"
        in findings_for(f"celery -A proj worker -P {name} --time-limit 5")
    }
    assert cooperative == {"gevent"}


@every_pool
def test_limits_of_single_tasks_cause_the_same_warnings(pool: Pool) -> None:
    limits = TimeLimits(hard_tasks=("shop.pay", "shop.send"), soft_tasks=("shop.pay",))
    findings = {f.code: f for f in check(bare(pool, limits=limits))}
    assert ("time-limit-ignored" in findings) is not pool.hard_time_limit
    assert ("soft-time-limit-ignored" in findings) is not pool.soft_time_limit
    if not pool.hard_time_limit:
        assert "of shop.pay and 1 more" in findings["time-limit-ignored"].message


@pytest.mark.parametrize("spelling", ["-Pgevent", "-EP gevent", "-P solo -P gevent"])
def test_gevent_without_monkey_patching_causes_a_warning(spelling: str) -> None:
    assert findings_for(f"celery -A proj worker {spelling}")["not-monkey-patched"] is WARNING
    assert "not-monkey-patched" not in findings_for("celery -A proj worker -P gevent")


def test_a_missing_module_causes_a_warning() -> None:
    assert found(POOLS["gevent"], module_missing=True)["pool-module-missing"] is WARNING


def test_a_setting_that_overrides_a_typed_prefork_causes_a_warning() -> None:
    assert found(POOLS["threads"], pool_flag="prefork")["pool-overridden"] is WARNING
    assert "pool-overridden" not in found(POOLS["prefork"], pool_flag="processes")
    assert "pool-overridden" not in found(POOLS["threads"], pool_flag="")


def test_solo_with_many_slots_causes_a_warning() -> None:
    assert findings_for("celery -A proj worker -P solo -c 8")["concurrency-ignored"] is WARNING
    assert "concurrency-ignored" not in findings_for("celery -A proj worker -P solo")
    assert "concurrency-ignored" not in findings_for("celery -A proj worker -P solo -c 1")
    assert "concurrency-ignored" not in findings_for("celery -A proj worker -P threads -c 8")


def test_concurrency_with_autoscale_causes_a_warning() -> None:
    line = "celery -A proj worker --autoscale 4,1"
    assert findings_for(f"{line} -c 3")["concurrency-overridden"] is WARNING
    assert "concurrency-overridden" not in findings_for(line)


def test_the_default_concurrency_of_threads_and_gevent_is_noted() -> None:
    unsized = {n for n in POOLS if "concurrency-default" in findings_for(f"celery worker -P {n}")}
    assert unsized == {"threads", "gevent"}
    assert "concurrency-default" not in findings_for("celery worker -P threads -c 2")


@pytest.mark.parametrize(("slots", "noted"), [(8, False), (9, True)])
def test_many_processes_per_core_are_noted(slots: int, noted: bool) -> None:
    assert ("many-processes" in findings_for(f"celery worker -c {slots}")) is noted
    assert "many-processes" not in findings_for(f"celery worker -P threads -c {slots}")


@every_pool
def test_embedded_beat_is_noted_if_the_pool_allows_it(pool: Pool) -> None:
    assert ("beat-embedded" in found(pool, beat=True)) is pool.embeds_beat


def test_fair_is_noted_as_the_default() -> None:
    assert findings_for("celery worker -O fair")["fair-is-default"] is NOTE
    assert "fair-is-default" not in findings_for("celery worker -O default")


@every_pool
@pytest.mark.parametrize("late", [True, False, None])
@pytest.mark.parametrize("redis", [True, False, None])
@pytest.mark.parametrize("slots", [10, 11])
def test_more_late_acks_than_broker_connections_are_reported(
    pool: Pool, late: bool | None, redis: bool | None, slots: int
) -> None:
    delivery = Delivery(redis=redis, acks_late=late)
    severity = found(pool, concurrency=slots, delivery=delivery).get("broker-connections")
    if not pool.acks_from_slots or slots <= 10 or late is False or redis is False:
        assert severity is None
    else:
        assert severity is (WARNING if late and redis else NOTE)


@given(slots=st.integers(min_value=11, max_value=5_000))
def test_following_the_advice_on_broker_connections_removes_the_finding(slots: int) -> None:
    pool = POOLS["gevent"]
    delivery = Delivery(redis=True, acks_late=True)
    options = bare(pool, concurrency=slots, delivery=delivery)
    [finding] = [f for f in check(options) if f.code == "broker-connections"]
    advised = int(finding.fix.rpartition(" ")[2])
    followed = replace(options, delivery=replace(delivery, max_connections=advised))
    assert "broker-connections" not in severities(check(followed))


@every_pool
def test_late_acks_lost_with_a_dead_process_cause_a_warning(pool: Pool) -> None:
    late = Delivery(acks_late=True)
    severity = WARNING if pool.survives_task_death else None
    assert found(pool, delivery=late).get("late-ack-lost") is severity
    assert "late-ack-lost" not in found(pool, delivery=replace(late, rejects_lost=True))
    assert "late-ack-lost" not in found(pool, delivery=Delivery(acks_late=False))


@pytest.mark.parametrize(
    ("name", "limit_s", "severity"),
    [
        ("prefork", 60, None),
        ("prefork", 600, WARNING),
        ("prefork", 700, WARNING),
        ("prefork", None, NOTE),
        ("threads", 60, NOTE),  # threads ignores the limit
    ],
)
def test_tasks_longer_than_the_visibility_timeout_are_reported(
    name: str, limit_s: float | None, severity: Severity | None
) -> None:
    delivery = Delivery(redis=True, acks_late=True, visibility_timeout_s=600)
    limits = TimeLimits(hard_s=limit_s)
    options = found(POOLS[name], limits=limits, delivery=delivery)
    assert options.get("visibility-timeout") is severity


def test_a_typed_prefetch_multiplier_of_zero_causes_a_warning() -> None:
    assert findings_for("celery worker --prefetch-multiplier 0")["prefetch-zero-dropped"] is WARNING
    assert "prefetch-zero-dropped" not in findings_for("celery worker --prefetch-multiplier 1")


@pytest.mark.parametrize(
    ("line", "noted"),
    [
        ("-P threads -c 100", True),
        ("-P threads -c 100 --prefetch-multiplier 1", False),
        ("-P threads -c 100 --disable-prefetch", False),
        ("-P threads -c 3", False),
        ("-P threads -c 3 -- worker.prefetch_multiplier=0", True),
        ("-P prefork --autoscale 60,1", True),
    ],
)
def test_fetching_far_more_than_the_slots_is_noted(line: str, noted: bool) -> None:
    assert ("prefetch-hoards" in findings_for(f"celery worker {line}")) is noted


@pytest.mark.parametrize(
    "flags", ["--disable-prefetch", "--prefetch-multiplier 1 -- task.acks_late=1"]
)
def test_revoke_works_if_nothing_is_fetched_ahead(flags: str) -> None:
    assert "revoke-too-late" not in findings_for(f"celery worker -P threads -c 3 {flags}")


def test_several_pools_are_listed_with_commas() -> None:
    assert pools_where(lambda p: p.revokes_fetched) == "prefork, gevent or solo"


def test_cancelling_on_connection_loss_needs_a_pool_that_terminates() -> None:
    delivery = Delivery(cancels_on_connection_loss=True)
    lossy = {n for n, p in POOLS.items() if "cancel-unsupported" in found(p, delivery=delivery)}
    assert lossy == {"threads", "solo"}


def test_an_unknown_pool_is_the_only_finding() -> None:
    assert findings_for("celery worker -P eventlet --time-limit 5") == {"pool-unknown": NOTE}


def test_a_plain_worker_has_no_findings() -> None:
    assert findings_for("celery -A proj worker") == {}
    limited = "--time-limit 5 --soft-time-limit 4 --max-tasks-per-child 9 --autoscale 4,2"
    assert findings_for(f"celery -A proj worker {limited}") == {}


options_of_any_kind = st.builds(
    WorkerOptions,
    pool=st.sampled_from([*POOLS.values(), None]),
    pool_name=st.just("some"),
    monkey_patched=st.booleans(),
    cores=st.integers(1, 64),
    concurrency=st.integers(1, 1_000),
    concurrency_chosen=st.booleans(),
    autoscale_max=st.none() | st.integers(1, 100),
    beat=st.booleans(),
    fair=st.booleans(),
    limits=st.builds(TimeLimits, hard_s=st.none() | st.floats(0.1, 9_999)),
    recycling=st.builds(Recycling, max_tasks_per_child=st.none() | st.integers(1, 99)),
    delivery=st.builds(
        Delivery,
        redis=st.none() | st.booleans(),
        acks_late=st.none() | st.booleans(),
        prefetch_multiplier=st.integers(0, 10),
    ),
)


@given(options=options_of_any_kind)
def test_findings_are_unique_single_lines_with_warnings_first(options: WorkerOptions) -> None:
    findings = check(options)
    assert len({f.code for f in findings}) == len(findings)
    assert [f.severity for f in findings] == sorted((f.severity for f in findings), reverse=True)
    for text in (text for f in findings for text in (f.message, f.fix)):
        assert text
        assert "\n" not in text
    assert warnings_of(findings) == tuple(f for f in findings if f.severity is WARNING)


def test_lines_show_the_problem_and_then_the_fix() -> None:
    findings = check(
        options_from_argv(["celery", "worker", "-P", "threads", "-c2", "--time-limit", "5"])
    )
    assert lines(findings)[:2] == [
        "warning: threads ignores the time limit of 5 s: a stuck task blocks its thread forever "
        "[time-limit-ignored]",
        "    use --pool prefork or gevent (gevent enforces a limit only when the task next waits), "
        "or timeouts inside the task",
    ]
    assert lines(()) == []


@every_pool
def test_a_worker_that_sleeps_when_full_causes_a_warning(pool: Pool) -> None:
    stingy = Delivery(redis=True, acks_late=True, prefetch_multiplier=1)
    sleeps = pool.prefetch_multiplier > 1
    assert found(pool, delivery=stingy).get("sleeps-when-full") is (WARNING if sleeps else None)
    unseen = replace(stingy, redis=None)
    assert found(pool, delivery=unseen).get("sleeps-when-full") is (NOTE if sleeps else None)


@every_pool
@pytest.mark.parametrize(
    "change", [{"prefetch_multiplier": 2}, {"acks_late": False}, {"redis": False}]
)
def test_a_worker_that_never_sleeps_causes_no_warning(
    pool: Pool, change: dict[str, object]
) -> None:
    stingy = Delivery(redis=True, acks_late=True, prefetch_multiplier=1)
    awake = replace(stingy, **change)  # type: ignore[arg-type]
    assert "sleeps-when-full" not in found(pool, delivery=awake)
