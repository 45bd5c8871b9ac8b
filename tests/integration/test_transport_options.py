"""Queues are found where an app's transport options put them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from celery import Celery

from cluster.discovery import RemoteControl
from cluster.local import LocalCluster, WorkerSpec
from cluster.wait import wait_until
from producer import broker
from producer.queues import depths, drain, remove

OPTIONS: dict[str, dict[str, Any]] = {
    "none": {},
    "prefix": {"global_keyprefix": "shop:"},
    "steps": {"priority_steps": list(range(10))},
    "separator": {"sep": ":", "priority_steps": [0, 5, 9]},
    "all": {"global_keyprefix": "shop:", "sep": "/", "priority_steps": list(range(10))},
}
MESSAGES = 20


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCluster]:
    with LocalCluster(tmp_path_factory.mktemp("options")) as running:
        yield running


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_messages_of_every_priority_are_counted_drained_and_removed(
    cluster: LocalCluster, options: dict[str, Any]
) -> None:
    app = Celery("shop", broker=cluster.broker_url, set_as_current=False)
    app.conf.broker_transport_options = options
    full, removed = f"full-{uuid4()}", f"removed-{uuid4()}"
    sent = [
        app.send_task("shop.pay", queue=queue, priority=number % 10).id
        for queue in (full, removed)
        for number in range(MESSAGES)
    ]
    with broker.connection(app) as connection:
        assert depths(connection, [full, removed, "missing"]) == {
            full: MESSAGES,
            removed: MESSAGES,
            "missing": 0,
        }
        assert sorted(drain(connection, full)) == sorted(sent[:MESSAGES])
        remove(connection, [full, removed])
        assert depths(connection, [full, removed]) == {full: 0, removed: 0}
    app.close()
    assert not [key for key in cluster.redis.keys("*") if removed.encode() in key]


@pytest.mark.parametrize("transport", ["memory://", "filesystem://"])
def test_depths_need_no_redis(transport: str, tmp_path: Any) -> None:
    app = Celery("shop", broker=transport, set_as_current=False)
    app.conf.broker_transport_options = {
        "data_folder_in": str(tmp_path),
        "data_folder_out": str(tmp_path),
        "control_folder": str(tmp_path),
    }
    app.send_task("shop.pay", queue="full")
    with app.connection_for_read() as connection:
        assert depths(connection, ["full", "missing"]) == {"full": 1, "missing": 0}
    app.close()


def test_asking_workers_never_redelivers_what_they_run(cluster: LocalCluster) -> None:
    """A client that waits for replies also does kombu's restoring, by its own timeout."""
    [worker] = cluster.start_workers(
        [
            WorkerSpec(
                name="slow",
                pool="threads",
                concurrency=1,
                queues=("slow",),
                broker_url=cluster.broker_url,
                # Without `worker.startup`, which would give it keys of its own.
                include=("worker.probe",),
            )
        ]
    )
    impatient = Celery("impatient", broker=cluster.broker_url, set_as_current=False)
    impatient.conf.broker_transport_options = {
        "visibility_timeout": 0,
        "unacked_key": "poolwise:unacked",
        "unacked_index_key": "poolwise:unacked_index",
        "unacked_restore_throttle": 1,
    }
    impatient.send_task("io.sleep", args=(30,), queue="slow")  # longer than all that follows

    def held() -> bool:
        return int(cluster.redis.hlen("poolwise:unacked")) == 1

    wait_until(held, 10, lambda: AssertionError(worker.child.log_tail()))
    with RemoteControl(impatient, cluster.broker_url) as remote:
        for _ in range(3):
            assert remote.ask("ping")
    assert held()
    impatient.close()
