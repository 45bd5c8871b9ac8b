"""Options are read from a worker that was created but not started."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from celery import Celery
from celery.worker import WorkController

import kombu_lease  # noqa: F401  registers lease://
from worker import startup
from worker.controller import options_from_worker
from worker.options import WorkerOptions
from worker.pools import POOLS


def idle() -> None:
    """Do nothing, as the body of the tasks."""


def made(
    *,
    argv: list[str] | None = None,
    settings: Any = None,
    broker: str = "redis://127.0.0.1:1/0",
    **flags: Any,
) -> WorkerOptions:
    app = Celery("made", broker=broker, set_as_current=False)
    app.conf.update(settings or {})
    app.task(name="made.plain")(idle)
    app.task(name="made.late", acks_late=True, time_limit=9)(idle)
    return options_from_worker(WorkController(app=app, **flags), argv=argv or [])


@pytest.mark.parametrize("name", POOLS)
def test_the_pool_is_identified_by_its_class(name: str) -> None:
    assert made(pool=name, concurrency=3).pool is POOLS[name]


def test_flags_and_settings_give_the_same_options() -> None:
    flags = made(pool="threads", concurrency=3, time_limit=5, max_tasks_per_child=7)
    settings = made(
        settings={
            "worker_pool": "threads",
            "worker_concurrency": 3,
            "task_time_limit": 5,
            "worker_max_tasks_per_child": 7,
        }
    )
    assert (flags.limits.hard_s, flags.recycling.max_tasks_per_child) == (5, 7)
    assert (settings.limits.hard_s, settings.recycling.max_tasks_per_child) == (5, 7)
    assert flags.concurrency == settings.concurrency == 3


def test_limits_and_late_acks_of_single_tasks_are_read() -> None:
    options = made(pool="threads")
    assert options.limits.hard_tasks == ("made.late",)
    assert options.delivery.acks_late is True
    assert options.delivery.requeues_lost is False


def test_transport_options_are_read_from_the_connection() -> None:
    delivery = made(
        pool="threads",
        settings={"broker_transport_options": {"max_connections": 77, "visibility_timeout": 5}},
    ).delivery
    assert (delivery.redis, delivery.max_connections) == (True, 77)
    assert delivery.visibility_timeout_s == 5


@pytest.mark.parametrize(
    ("broker", "setting", "lease"),
    [
        ("redis://127.0.0.1:1/0", None, False),
        ("lease://127.0.0.1:1/0", None, True),
        ("leases://127.0.0.1:1/0", None, True),
        ("leasesentinel://127.0.0.1:1/0", None, True),
        ("redis://127.0.0.1:1/0", "lease", True),
        ("redis://127.0.0.1:1/0", "kombu_lease.transport:Transport", True),
    ],
)
def test_the_lease_transport_is_recognized(broker: str, setting: str | None, lease: bool) -> None:
    options = {"max_deliveries": 3, "master_name": "made"}
    settings = {"broker_transport": setting, "broker_transport_options": options}
    delivery = made(broker=broker, pool="threads", settings=settings).delivery
    assert (delivery.redis, delivery.lease, delivery.max_deliveries) == (True, lease, 3)


@pytest.mark.parametrize("scheme", ["redis", "lease", "amqp"])
def test_our_worker_code_returns_what_a_cold_shutdown_stops_with_every_transport(
    scheme: str,
) -> None:
    assert made(broker=f"{scheme}://127.0.0.1:1/0", pool="gevent").shutdown.returns_stopped


def test_gevent_without_monkey_patching_is_detected() -> None:
    assert not made(pool="gevent").monkey_patched
    assert made(pool="threads").monkey_patched


@pytest.mark.parametrize(
    ("argv", "typed"),
    [
        (["celery", "-A", "made", "worker", "-P", "prefork"], "prefork"),
        (["celery", "-A", "made", "worker"], ""),
        (["pytest", "-P", "prefork"], ""),
    ],
)
def test_the_typed_pool_is_read_from_the_command_line(argv: list[str], typed: str) -> None:
    assert made(pool="threads", argv=argv).pool_flag == typed


def test_a_chosen_concurrency_is_distinguished_from_the_default() -> None:
    cores = made(pool="threads").cores
    assert not made(pool="threads").concurrency_chosen
    assert made(pool="threads", concurrency=cores + 1).concurrency_chosen
    assert made(pool="threads", settings={"worker_concurrency": cores}).concurrency_chosen


@pytest.mark.parametrize(("typed", "chosen"), [([], False), (["-c"], True)])
def test_a_concurrency_equal_to_the_cores_is_chosen_if_it_was_typed(
    typed: list[str], chosen: bool
) -> None:
    cores = made(pool="threads").cores
    argv = ["celery", "-A", "made", "worker", *typed, *(str(cores) for _ in typed)]
    assert made(pool="threads", concurrency=cores, argv=argv).concurrency_chosen is chosen


@pytest.mark.parametrize("setting", ["task_reject_on_worker_lost", "task_retry_on_worker_lost"])
def test_either_setting_requeues_lost_tasks(setting: str) -> None:
    assert made(pool="prefork", settings={setting: True}).delivery.requeues_lost


def test_the_maximum_of_autoscale_is_read() -> None:
    assert made(pool="threads", autoscale=(5, 2)).autoscale_max == 5


def test_findings_are_logged_at_the_level_of_their_severity(
    caplog: pytest.LogCaptureFixture,
) -> None:
    app = Celery("made", broker="redis://127.0.0.1:1/0", set_as_current=False)
    worker = WorkController(app=app, pool="threads", concurrency=3, time_limit=5)
    with caplog.at_level("INFO", logger="celery.worker"):
        startup.log_findings(SimpleNamespace(controller=worker))
    levels = {r.getMessage().split("[")[1].split("]")[0]: r.levelname for r in caplog.records}
    assert levels["time-limit-ignored"] == "WARNING"
    assert levels["terminate-unsupported"] == "INFO"
