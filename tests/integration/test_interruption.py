"""A command that is interrupted or gets no reply in time is neither confused nor repeated."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest
import redis

from cluster.discovery import RemoteControl
from cluster.local import LocalCluster, WorkerSpec
from producer import broker, queues
from producer.pause import WANTED, LoadPause
from producer.plan import Work
from producer.submit import SubmitOptions, stamping
from tasks.celery import app


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCluster]:
    with LocalCluster(tmp_path_factory.mktemp("interrupted")) as started:
        app.loader.import_default_modules()
        url = started.broker_url
        started.start_workers(
            [WorkerSpec(name="t", pool="threads", concurrency=1, queues=("q",), broker_url=url)]
        )
        yield started


@pytest.fixture
def interrupt_next_reply(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Return what makes the next command end as a signal ends it that arrives once it is sent."""
    return ending_next_reply(monkeypatch, KeyboardInterrupt())


def ending_next_reply(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> Callable[[], None]:
    """Return what makes the next command end with an error instead of a reply."""
    read = redis.Connection.read_response
    left: list[BaseException] = []

    def read_response(connection: redis.Connection, *arguments: Any, **options: Any) -> Any:
        if left:
            raise left.pop()
        return read(connection, *arguments, **options)

    monkeypatch.setattr(redis.Connection, "read_response", read_response)
    return lambda: left.append(error)


def pause_ends(cluster: LocalCluster, interrupt: Callable[[], None]) -> None:
    client = broker.connect(cluster.broker_url)
    pause = LoadPause(client, "run")
    pause.renew()
    try:
        interrupt()
        client.time()
    finally:
        pause.end()
        assert not cluster.redis.exists(WANTED)


def pipeline_is_read(cluster: LocalCluster, interrupt: Callable[[], None]) -> None:
    client = broker.connect(cluster.broker_url)
    key = uuid4().hex
    client.set(key, "kept", ex=60)
    try:
        with client.pipeline() as pipe:
            pipe.time()
            interrupt()
            pipe.execute()
    finally:
        assert client.get(key) == b"kept"


def queue_is_removed(cluster: LocalCluster, interrupt: Callable[[], None]) -> None:
    queue = uuid4().hex
    with broker.connection(app, cluster.broker_url) as connection:
        app.send_task("none", queue=queue, connection=connection, ignore_result=True)
        assert queues.depths(connection, [queue]) == {queue: 1}
        try:
            interrupt()
            queues.depths(connection, [queue])
        finally:
            queues.remove(connection, [queue])
            assert not cluster.redis.exists(queue)


def queue_is_read(cluster: LocalCluster, interrupt: Callable[[], None]) -> None:
    queue = uuid4().hex
    with broker.connection(app, cluster.broker_url) as connection:
        app.send_task("none", queue=queue, connection=connection, ignore_result=True)
        try:
            interrupt()
            queues.depths(connection, [queue])
        finally:
            assert queues.depths(connection, [queue]) == {queue: 1}
            assert len(queues.drain(connection, queue)) == 1


def worker_replies(cluster: LocalCluster, interrupt: Callable[[], None]) -> None:
    with RemoteControl(app, cluster.broker_url) as remote:
        assert remote.ask("ping")
        try:
            interrupt()
            remote.ask("ping")
        finally:
            [reply] = remote.ask("ping").values()
            assert reply == {"ok": "pong"}


@pytest.mark.parametrize(
    "clean_up", [pause_ends, pipeline_is_read, queue_is_read, queue_is_removed, worker_replies]
)
def test_an_interrupted_command_does_not_confuse_the_clean_up(
    clean_up: Callable[[LocalCluster, Callable[[], None]], None],
    cluster: LocalCluster,
    interrupt_next_reply: Callable[[], None],
) -> None:
    with pytest.raises(KeyboardInterrupt):
        clean_up(cluster, interrupt_next_reply)


def test_a_command_without_a_reply_in_time_is_not_sent_again(
    cluster: LocalCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(broker, "PATIENCE_S", 0.4)
    monkeypatch.setitem(app.conf, "broker_transport_options", {"retry_on_timeout": True})
    queue = uuid4().hex
    try:
        with broker.connection(app, cluster.broker_url) as connection:
            options = SubmitOptions(run="run", queue=queue)
            send = stamping(app, connection, Work(task="cpu.burn", args=(1,)), options)
            cluster.redis.client_pause(600)
            with pytest.raises(connection.connection_errors):
                send(["one"], [0.0], 0.0)
        assert cluster.redis.ping()  # once the pause is over
        assert cluster.redis.llen(queue) <= 1
    finally:
        cluster.redis.delete(queue)


def test_a_connection_lost_while_messages_are_made_is_the_brokers_fault(
    cluster: LocalCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue = uuid4().hex
    lose = ending_next_reply(monkeypatch, redis.ConnectionError("lost"))
    with broker.connection(app, cluster.broker_url) as connection:
        assert queues.depths(connection, [queue]) == {queue: 0}
        options = SubmitOptions(run="run", queue=queue)
        lose()
        with pytest.raises(Exception, match="lost") as caught:
            stamping(app, connection, Work(task="cpu.burn", args=(1,)), options)
        assert broker.is_broker_fault(caught.value)
    assert not cluster.redis.exists(queue)
