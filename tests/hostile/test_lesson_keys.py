"""Whenever a lesson's task is cut off, each key that it wrote to Redis expires by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from types import SimpleNamespace

import pytest
import redis

from tasks.lessons import gil, shared, submit
from tasks.lessons.coroutines import hub_watch, waiting
from tasks.lessons.deadlock.observed_locks import InRedis
from tasks.lessons.deadlock.two_locks import barrier
from tasks.lessons.notebook import Notebook
from tests.hostile.real_server import real
from tests.hostile.resp_server import Act, serving

KEY = "poolwise:lesson:poolwise-run.name:key"


def mark() -> None:
    submit.errback_in_slot(SimpleNamespace(id="id"), ValueError(), None, key=KEY, pause_s=0)


#: What writes a key, each as the first to write it: its lesson may have ended long ago.
WRITES: dict[str, Callable[[], object]] = {
    "gil, GET and SET": lambda: gil.SHARED_METHODS["GET, SET"](Notebook(), KEY, 0),
    "gil, DECR": lambda: gil.SHARED_METHODS["DECR"](Notebook(), KEY, 0),
    "gil, lock": lambda: gil.SHARED_METHODS["lock"](Notebook(), KEY, 0),
    "coroutines, tick": lambda: waiting.tick(KEY, 0, 0),
    "coroutines, wait": lambda: waiting.wait(KEY, 0),
    "coroutines, watch": lambda: hub_watch.watch(KEY, 0),
    "deadlock, barrier": lambda: barrier(KEY, 1),
    "deadlock, locks": lambda: InRedis(KEY, ["a"]).take("a", "who", 1),
    "submit, errback": mark,
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[redis.Redis]:
    """Run a real server."""
    with real(tmp_path_factory.mktemp("server")) as port, redis.Redis(port=port) as client:
        yield client


@pytest.mark.parametrize("cut", [None, b"EXPIRE", b"HDEL"], ids=["never", "at EXPIRE", "at HDEL"])
@pytest.mark.parametrize("name", WRITES)
def test_no_key_stays_for_good(
    name: str, cut: bytes | None, server: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    for key in server.scan_iter():
        server.delete(key)
    if name in {"gil, GET and SET", "gil, lock"}:
        server.set(KEY, 5, ex=120)

    def script(_number: int, words: list[bytes]) -> Act:
        return Act.CLOSE if words[0] == cut else Act.FORWARD

    port = server.connection_pool.connection_kwargs["port"]
    with serving(script, port) as proxy, redis.Redis.from_url(proxy.url, retry=None) as client:
        backend = SimpleNamespace(client=client)
        monkeypatch.setattr(shared, "app", SimpleNamespace(backend=backend))
        with suppress(redis.ConnectionError):
            WRITES[name]()
    left = {key.decode(): server.ttl(key) for key in server.scan_iter()}
    assert all(0 < ttl_s <= 120 for ttl_s in left.values()), left
    assert cut or left or name == "deadlock, locks"
