"""Each illness is found in planted records, with its evidence, and a healthy cluster has none."""

from __future__ import annotations

from dataclasses import replace

import pytest

from producer.observation.findings import findings
from producer.observation.seen import Attempt, Seen
from tests.unit.producer.observation.made import attempt, sample, samples, seen, worker

DEEP = [(float(second), 200) for second in range(10)]
SHRINKS = [(float(second), 200 - second) for second in range(10)]
IDLE = worker("b@x", samples=samples(10))
HOARDS = worker("a@x", samples=samples(10, busy=2, waiting=6), long_tasks=("shop.export",))


#: Tasks that start every 100 ms, and during which nothing else happens.
BLOCKING = tuple(attempt(0.1 * number, 0.1 * number + 0.3) for number in range(95))
#: Tasks that end every 10 ms, in the same worker.
MEANWHILE = tuple(attempt(0.01 * n, 0.01 * n + 0.05, task="shop.mail") for n in range(950))


BLOCKED = worker(
    "g@x",
    "gevent",
    samples=samples(10, slots=100, busy=4, cpu_s=lambda second: 0.05 * second),
    attempts=BLOCKING,
)
COMPUTES = worker(
    "t@x", "threads", samples=samples(10, slots=4, busy=4, cpu_s=lambda second: 0.97 * second)
)
GROWS = worker(
    samples=samples(60, memory_bytes=lambda second: 100_000_000 + 1_000_000 * second),
    attempts=tuple(attempt(second, second + 0.5) for second in range(50)),
)
FULL = worker(samples=samples(10, busy=2))


def ended(number: int, outcome: str = "succeeded", **known: object) -> tuple[Attempt, ...]:
    return tuple(
        attempt(0.1 * one, 0.1 * one + 0.05, outcome=outcome, **known) for one in range(number)
    )


TWICE = worker(
    attempts=(
        attempt(0.0, 8.0, task_id="one"),
        attempt(5.0, 9.0, task_id="one", redelivered=True),
    ),
    visibility_timeout_s=5.0,
)

#: An illness, what was seen of it, and words of its evidence and of its fix.
SICK: dict[str, tuple[Seen, str, str]] = {
    "prefetch-hoarding": (
        seen(HOARDS, IDLE),
        "a@x ran shop.export and reserved up to 6 messages for 9.00 s, while b@x had a free",
        "set --prefetch-multiplier 1 and task_acks_late",
    ),
    "gevent-blocked": (
        seen(BLOCKED, depths={"celery": DEEP}),
        "started and ended no other task for 100 ms",
        "--pool threads for shop.pay, or a client library that yields",
    ),
    "gevent-blocked, inspected": (
        seen(
            replace(BLOCKED, source="inspection", attempts=(), started={"shop.pay": 90}),
            depths={"celery": DEEP},
        ),
        "tasks started: 90, one every 100 ms. In 10 of 10 samples, messages waited (up to 200)",
        "load the probe (-I worker.probe) to rule out a slow broker",
    ),
    "gevent-blocked, few samples": (
        seen(
            replace(BLOCKED, source="events", samples=BLOCKED.samples[:1]), depths={"celery": DEEP}
        ),
        "In 10 of 10 samples",
        "--pool threads for shop.pay",
    ),
    "one-core": (
        seen(COMPUTES),
        "0.97 cores were busy while 4.0 slots ran a task: the worker's CPU time was 24 % of",
        "--pool prefork",
    ),
    "one-core, its own work": (
        seen(
            replace(COMPUTES, pool_name="gevent", source="inspection", started={"shop.pay": 3_000})
        ),
        "CPU time was 24 % of the tasks' run time, 3.23 ms per task",
        "start several of these workers",
    ),
    "one-core, most attempts dropped": (
        seen(
            replace(
                COMPUTES,
                pool_name="gevent",
                attempts=tuple(attempt(9.0 + n / 300, 9.1 + n / 300) for n in range(270)),
                attempts_from_s=9.0,
            )
        ),
        "3.59 ms per task",
        "start several of these workers",
    ),
    "gevent-blocked, most attempts dropped": (
        seen(
            replace(BLOCKED, attempts=BLOCKING[-40:], attempts_from_s=5.5), depths={"celery": DEEP}
        ),
        "In 4 of 4 samples",
        "--pool threads for shop.pay",
    ),
    "one-core, machine without a free core": (
        seen(
            replace(
                COMPUTES,
                samples=samples(
                    10, slots=4, busy=4, machine_percent=99.0, cpu_s=lambda second: 0.5 * second
                ),
            )
        ),
        "the worker's machine was 99 % busy",
        "--pool prefork",
    ),
    "memory-grows": (
        seen(GROWS, span_s=60.0),
        "from 110 MB to 150 MB within 59.0 s, 1.2 MB per task",
        "--max-memory-per-child",
    ),
    "slots-full": (
        seen(FULL, depths={"celery": DEEP}),
        "no slot was free in any of 10 samples; messages in celery: 200 at the start",
        "start more workers",
    ),
    "failures": (
        seen(worker(attempts=(*ended(20), *ended(5, "failed")))),
        "5 of 25 attempts ended with: failed",
        "the traceback or the reason of each",
    ),
    "retries": (
        seen(worker(attempts=(*ended(20), *ended(5, "retried")))),
        "5 of 25 attempts ended with a retry",
        "retry_backoff",
    ),
    "redeliveries": (
        seen(worker(attempts=(*ended(20), *ended(5, redelivered=True)))),
        "5 of 25 attempts ran a message",
        "visibility_timeout",
    ),
    "ran-twice": (
        seen(TWICE),
        "once, the same task id ran twice at the same time, for up to 8.00 s; the visibility "
        "timeout of kombu's own transport is 5.00 s",
        "visibility_timeout",
    ),
}


@pytest.mark.parametrize("name", SICK)
def test_an_illness_is_named_with_its_evidence_and_its_fix(name: str) -> None:
    what, evidence, fix = SICK[name]
    [found] = findings(what)
    assert found.name == name.partition(",")[0]
    assert evidence in found.evidence
    assert fix in found.fix


HEALTHY: dict[str, Seen] = {
    "no worker": seen(),
    "idle": seen(IDLE),
    "no other worker is idle": seen(HOARDS, worker("b@x", samples=samples(10, busy=2))),
    "the idle worker has other queues": seen(HOARDS, replace(IDLE, queues=("mail",))),
    "the idle worker lacks one of its queues": seen(replace(HOARDS, queues=("celery", "x")), IDLE),
    "it held messages for a moment": seen(
        worker(samples=samples(10, busy=2, waiting=lambda second: 6 if second % 3 else 0)), IDLE
    ),
    "the idle worker was last seen long ago": seen(HOARDS, replace(IDLE, samples=(sample(0.0),))),
    "nothing is known about what it holds": seen(
        worker(samples=samples(10, busy=2, waiting=None)), IDLE
    ),
    "gevent, nothing waits": seen(BLOCKED),
    "gevent, inspected, with many starts": seen(
        replace(BLOCKED, source="inspection", attempts=(), started={"shop.pay": 9_000}),
        depths={"celery": DEEP},
    ),
    "gevent, inspected, nothing waits": seen(
        replace(BLOCKED, source="inspection", attempts=(), started={"shop.pay": 90})
    ),
    "gevent, all slots busy": seen(
        replace(BLOCKED, samples=samples(10, slots=4, busy=4)),
        depths={"celery": SHRINKS},
    ),
    "gevent, it does something else meanwhile": seen(
        replace(BLOCKED, attempts=(*BLOCKING, *MEANWHILE)), depths={"celery": DEEP}
    ),
    "gevent, it had free slots while the dropped attempts ran": seen(
        replace(
            BLOCKED,
            samples=samples(10, slots=4, busy=lambda second: 0 if second < 8 else 4),
            attempts_from_s=7.5,
        ),
        depths={"celery": DEEP},
    ),
    "gevent, only a few tasks": seen(
        replace(BLOCKED, attempts=BLOCKING[:4]), depths={"celery": DEEP}
    ),
    "threads do not block each other": seen(
        replace(BLOCKED, pool_name="threads"), depths={"celery": DEEP}
    ),
    "threads that wait": seen(
        replace(COMPUTES, samples=samples(10, slots=4, busy=4, cpu_s=lambda second: 0.2 * second))
    ),
    "many tasks that wait, on a machine without a free core": seen(
        replace(
            COMPUTES,
            pool_name="gevent",
            samples=samples(
                10, slots=50, busy=49, machine_percent=99.0, cpu_s=lambda second: 0.6 * second
            ),
            attempts=tuple(attempt(0.005 * n, 0.005 * n + 0.25) for n in range(1_900)),
        )
    ),
    "threads that release the GIL": seen(
        replace(COMPUTES, samples=samples(10, slots=4, busy=4, cpu_s=lambda second: 1.9 * second))
    ),
    "one thread that computes": seen(
        replace(COMPUTES, samples=samples(10, slots=4, busy=1, cpu_s=lambda second: 0.97 * second))
    ),
    "processes that compute": seen(replace(COMPUTES, pool_name="prefork")),
    "memory that stops growing": seen(
        worker(
            samples=samples(60, memory_bytes=lambda second: 100_000_000 + 10**6 * min(second, 15))
        ),
        span_s=60.0,
    ),
    "memory of a short observation": seen(
        worker(samples=samples(20, memory_bytes=lambda second: 10**8 + 10**7 * second)), span_s=20
    ),
    "memory that grows a little": seen(
        worker(samples=samples(60, memory_bytes=lambda second: 10**8 + 100_000 * second)),
        span_s=60.0,
    ),
    "full, and its queue gets shorter": seen(FULL, depths={"celery": SHRINKS}),
    "full, and nothing waits": seen(FULL, depths={"celery": [(0.0, 0), (4.0, 0), (8.0, 0)]}),
    "a few failures": seen(worker(attempts=(*ended(60), *ended(5, "failed")))),
    "tasks that end as wanted": seen(
        worker(attempts=(*ended(20), *ended(10, "ignored"), *ended(10, "revoked")))
    ),
    "a few retries": seen(worker(attempts=(*ended(2), *ended(4, "retried")))),
    "a retry with the same id": seen(
        worker(
            attempts=(
                attempt(0.0, 1.0, task_id="one", outcome="retried"),
                attempt(2.0, 3.0, task_id="one"),
            )
        )
    ),
}


@pytest.mark.parametrize("name", HEALTHY)
def test_nothing_is_found_in_a_healthy_cluster(name: str) -> None:
    assert findings(HEALTHY[name]) == ()


def test_the_cause_comes_before_its_consequences() -> None:
    sick = seen(
        replace(BLOCKED, samples=samples(10, slots=100, busy=4, waiting=6)),
        IDLE,
        worker("c@x", attempts=ended(9, "failed", task="shop.mail")),
        depths={"celery": DEEP},
    )
    assert [one.name for one in findings(sick)] == [
        "gevent-blocked",
        "prefetch-hoarding",
        "failures",
    ]


def test_a_kind_is_named_once_with_all_its_workers() -> None:
    [found] = findings(seen(HOARDS, replace(HOARDS, node="c@x"), IDLE))
    assert found.worker == "a@x"
    assert found.evidence.endswith("the same on c@x")


@pytest.mark.parametrize(
    ("pool", "fetched", "fix"),
    [
        ("prefork", 8, "--prefetch-multiplier 1"),
        ("gevent", 8, "--prefetch-multiplier 2"),
        ("prefork", 0, "--prefetch-multiplier 1"),
        ("prefork", None, "--prefetch-multiplier 1"),
        ("prefork", 2, "start it with --disable-prefetch"),
        ("gevent", 4, "start it with --disable-prefetch"),
    ],
)
def test_the_advice_on_prefetch_fits_the_pool_and_what_is_set(
    pool: str, fetched: int | None, fix: str
) -> None:
    hoards = replace(HOARDS, pool_name=pool, prefetch_count=fetched)
    assert fix in findings(seen(hoards, IDLE))[0].fix


def test_a_gevent_task_that_computes_goes_to_processes() -> None:
    burns = replace(
        BLOCKED, samples=samples(10, slots=100, busy=4, cpu_s=lambda second: 0.97 * second)
    )
    [found] = findings(seen(burns, depths={"celery": DEEP}))
    assert found.name == "gevent-blocked"
    assert "--pool prefork" in found.fix


@pytest.mark.parametrize(("cores", "partly"), [(0.5, True), (0.95, False)])
def test_on_a_full_machine_less_than_one_core_is_said_to_be_less(
    cores: float, partly: bool
) -> None:
    full = samples(10, slots=4, busy=4, machine_percent=99.0, cpu_s=lambda second: cores * second)
    [found] = findings(seen(replace(COMPUTES, samples=full)))
    assert ("it gets only part of that core" in found.text) is partly
