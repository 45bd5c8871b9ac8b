"""The app's settings do not lose tasks and route them as documented."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tasks import settings
from tasks.celery import app, use_broker, using_broker


def test_only_json_is_accepted() -> None:
    assert app.conf.accept_content == ["json"]
    assert app.conf.result_accept_content == ["json"]
    assert app.conf.task_serializer == app.conf.result_serializer == "json"


def test_tasks_are_acknowledged_after_they_have_run() -> None:
    assert app.conf.task_acks_late
    assert app.conf.task_reject_on_worker_lost


def test_the_visibility_timeout_exceeds_the_longest_task() -> None:
    assert settings.broker_transport_options["visibility_timeout"] > settings.LONGEST_TASK_S


@pytest.mark.parametrize("name", ["cpu", "io"])
def test_each_queue_is_bound_to_its_own_exchange(name: str) -> None:
    queue = app.amqp.queues[name]
    assert (queue.exchange.name, queue.routing_key) == (name, name)


@pytest.mark.parametrize(
    ("task", "queue"),
    [("cpu.burn", "cpu"), ("cpu.digest", "cpu"), ("io.fetch", "io"), ("mixed.work", "io")],
)
def test_cpu_bound_and_io_bound_tasks_go_to_their_own_queues(task: str, queue: str) -> None:
    assert app.amqp.router.route({}, task)["queue"].name == queue


def test_a_process_that_changes_its_broker_drops_all_connections_to_the_old_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(app, "backend_cls", app.backend_cls)
    monkeypatch.setitem(app.conf, "broker_write_url", app.conf.broker_write_url)
    for port in (1, 2):
        use_broker(f"redis://127.0.0.1:{port}/0")
        assert app.backend.as_uri() == f"redis://127.0.0.1:{port}/0"
        assert app.producer_pool.connections.connection.info()["port"] == port


def test_a_broker_that_is_used_for_a_while_gives_way_to_the_one_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(app, "backend_cls", app.backend_cls)
    monkeypatch.setitem(app.conf, "broker_write_url", app.conf.broker_write_url)
    use_broker("redis://127.0.0.1:1/1")
    with using_broker("redis://127.0.0.1:1/2"):
        assert app.conf.broker_write_url == app.backend_cls == "redis://127.0.0.1:1/2"
    assert app.conf.broker_write_url == app.backend_cls == "redis://127.0.0.1:1/1"


def test_a_variable_of_the_shell_does_not_lead_tasks_to_another_broker(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(app, "backend_cls", app.backend_cls)
    monkeypatch.setitem(app.conf, "broker_write_url", app.conf.broker_write_url)
    monkeypatch.setenv("CELERY_BROKER_WRITE_URL", "redis://127.0.0.1:1/0")
    with using_broker("redis://127.0.0.1:2/0"):
        assert app.producer_pool.connections.connection.info()["port"] == 2
    assert app.conf.broker_write_url == "redis://127.0.0.1:1/0"


@pytest.mark.parametrize(
    ("broker", "results"),
    [
        ("redis://host:1/2", "redis://host:1/2"),
        ("lease://:secret@host:1/2", "redis://:secret@host:1/2"),
        ("leases://host:1/2?ssl_cert_reqs=none", "rediss://host:1/2?ssl_cert_reqs=none"),
    ],
)
def test_results_go_to_the_redis_that_the_broker_names(broker: str, results: str) -> None:
    environ = {name: value for name, value in os.environ.items() if "CELERY" not in name}
    code = "from tasks import settings; print(settings.result_backend)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**environ, "CELERY_BROKER_URL": broker},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == results
