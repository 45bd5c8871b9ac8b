"""Preflight on whole command lines: what they lose when they shut down, wait or die."""

from __future__ import annotations

import shlex

import pytest

from tests.unit.worker.test_preflight import CORES, WARNING, every_pool, findings_for, found
from worker.command_line import options_from_argv
from worker.finding import Severity
from worker.options import Shutdown
from worker.pools import POOLS, Pool
from worker.preflight import check

#: A worker's line, and the findings about shutdown, redelivery and prefetch that it must have.
LINES: list[tuple[str, set[str]]] = [
    ("celery -A proj worker --time-limit 2 --soft-time-limit 6", {"limits-swapped"}),
    ("celery -A proj worker --time-limit 5 --soft-time-limit 5", {"limits-swapped"}),
    ("celery -A proj worker -P gevent -c 9 --time-limit 5 --soft-time-limit 4", set()),
    ("celery -b redis://h -A proj worker -c 1", {"waiting-redelivered", "eta-unlimited"}),
    (
        "celery -b redis://h -A proj worker -c 1 -- task.acks_late=0 worker.eta_task_limit=9",
        {"waiting-redelivered"},
    ),
    ("celery -b lease://h -A proj worker -c 1 --disable-prefetch", set()),
    (
        "CELERY_BROKER_URL=leases://h celery -A proj worker -c 4 -- "
        "task.acks_late=1 task.reject_on_worker_lost=1",
        set(),
    ),
    (
        "BROKER_URL=leasesentinel://h celery -A proj worker -c 4 -- task.acks_late=1 "
        "task.reject_on_worker_lost=1 broker.transport_options='(json){\"max_deliveries\": 0}'",
        {"lost-loops"},
    ),
    ("POOLWISE_TRANSPORT=lease celery -b redis://h -A tasks worker -c 1", set()),
    (
        "POOLWISE_TRANSPORT=stock celery -b redis://h -A tasks worker -c 1",
        {"waiting-redelivered", "eta-unlimited"},
    ),
    (
        "REMAP_SIGTERM=SIGQUIT celery -b lease://h -A proj worker -P gevent -c 9",
        {"cold-shutdown-unsupported"},
    ),
    ("celery -b amqp://h -A proj worker -c 1", {"eta-unlimited"}),
    (
        "celery -b amqp://h -A proj worker -c 1 --disable-prefetch",
        {"disable-prefetch-ignored", "eta-unlimited"},
    ),
    (
        "celery -b redis://h -A proj worker -P threads -c 4 -- "
        "worker.soft_shutdown_timeout=30 task.acks_late=1",
        {"cold-shutdown-unsupported", "eta-unlimited"},
    ),
    (
        "REMAP_SIGTERM=SIGQUIT celery -A proj worker -P gevent -c 9",
        {"cold-shutdown-unsupported"},
    ),
    ("REMAP_SIGTERM=SIGQUIT celery -A proj worker -P solo", {"cold-shutdown-unsupported"}),
    ("REMAP_SIGTERM=SIGQUIT celery -A proj worker -P prefork -c 2", set()),
    ("celery -A proj worker -c 2 --prefetch-multiplier 1", {"early-ack-spare"}),
    ("celery -A proj worker -c 2 --prefetch-multiplier 1 -- task.acks_late=1", {"late-ack-lost"}),
    ("celery -A proj worker -c 2 --prefetch-multiplier 1 --disable-prefetch", set()),
    (
        "celery -A proj worker -c 4 -- task.acks_late=1 task.reject_on_worker_lost=1",
        {"lost-loops"},
    ),
    (
        "celery -A proj worker -c 4 -- task.acks_late=1 task.retry_on_worker_lost=1",
        set(),
    ),
]
ABOUT = {
    "limits-swapped", "waiting-redelivered", "eta-unlimited", "disable-prefetch-ignored",
    "cold-shutdown-unsupported", "early-ack-spare", "late-ack-lost", "lost-loops",
}  # fmt: skip


@pytest.mark.parametrize(("line", "codes"), LINES, ids=[line for line, _ in LINES])
def test_what_a_line_loses_when_it_shuts_down_waits_or_dies(line: str, codes: set[str]) -> None:
    assert findings_for(line).keys() & ABOUT == codes


@pytest.mark.parametrize("multiplier", [1, 2])
@pytest.mark.parametrize("slots", [10, 100, 200, 1_000])
def test_advice_on_the_prefetch_multiplier_does_not_contradict_itself(
    multiplier: int, slots: int
) -> None:
    line = (
        f"celery -b redis://h -A proj worker -P gevent -c {slots} "
        f"--prefetch-multiplier {multiplier} -- task.acks_late=1"
    )
    advised = [
        finding.fix
        for finding in check(options_from_argv(shlex.split(line), cores=CORES))
        if "--prefetch-multiplier" in finding.fix
    ]
    best = POOLS["gevent"].prefetch_multiplier
    assert all(f"--prefetch-multiplier {best}" in fix for fix in advised)
    assert bool(advised) is (multiplier < best)


@every_pool
@pytest.mark.parametrize("flags", ["", "--prefetch-multiplier 1", "--disable-prefetch"])
def test_no_fix_names_an_option_that_the_broker_makes_useless(pool: Pool, flags: str) -> None:
    line = f"celery -b amqp://h -A proj worker -P {pool.name} -c 8 {flags}"
    fixes = [f.fix for f in check(options_from_argv(shlex.split(line), cores=CORES))]
    assert fixes
    assert not [fix for fix in fixes if "--disable-prefetch" in fix]


def test_the_advice_for_lost_tasks_leads_to_no_other_finding() -> None:
    line = "celery -A proj worker -c 2 -- task.acks_late=1"
    [lost] = [
        finding
        for finding in check(options_from_argv(shlex.split(line), cores=CORES))
        if finding.code == "late-ack-lost"
    ]
    advised = "task_retry_on_worker_lost"
    assert f"set {advised} = True, with max_retries" in lost.fix
    followed = findings_for(f"{line} {advised.replace('_', '.', 1)}=1").keys()
    assert not followed & {"late-ack-lost", "lost-loops"}


@pytest.mark.parametrize("name", ["prefork", "gevent"])
@pytest.mark.parametrize("variable", ["BROKER_URL", "CELERY_BROKER_URL"])
def test_the_broker_of_a_variable_is_known(variable: str, name: str) -> None:
    line = f"{variable}=redis://h/0 celery -A proj worker -P {name} -c 100 -- task.acks_late=1"
    options = options_from_argv(shlex.split(line), cores=CORES)
    assert options.delivery.redis is True


@pytest.mark.parametrize(
    ("usable", "chosen", "severity"), [(1, False, WARNING), (1, True, None), (CORES, False, None)]
)
@every_pool
def test_a_cpu_quota_that_celery_does_not_see_is_reported(
    pool: Pool, usable: int, chosen: bool, severity: Severity | None
) -> None:
    findings = found(pool, usable_cores=usable, concurrency_chosen=chosen)
    expected = severity if pool.parallel_python else None
    assert findings.get("quota-ignored") is expected


@every_pool
def test_a_pool_that_cannot_shut_down_cold_is_reported_only_if_it_would(pool: Pool) -> None:
    severity = None if pool.cold_shutdown == "requeues" else WARNING
    for shutdown in (Shutdown(cold_on_term=True), Shutdown(soft_timeout_s=5)):
        assert found(pool, shutdown=shutdown).get("cold-shutdown-unsupported") is severity
    assert "cold-shutdown-unsupported" not in found(pool)


@every_pool
def test_our_worker_code_returns_the_tasks_that_a_cold_shutdown_of_gevent_stops(
    pool: Pool,
) -> None:
    ours = found(pool, shutdown=Shutdown(cold_on_term=True, returns_stopped=True))
    returned = pool.cold_shutdown in {"requeues", "loses"}
    assert ("cold-shutdown-unsupported" in ours) is not returned
