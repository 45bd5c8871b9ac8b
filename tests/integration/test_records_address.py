"""The probe writes to every kind of Redis that Celery can use, and explains why if it cannot."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
import redis

from cluster.ports import LOOPBACK
from cluster.process import Child
from cluster.reaper import Reaper
from cluster.wait import wait_until
from monitor.reading.record_follower import RecordFollower
from monitor.storing.history_keeper import PREFIX
from producer.records import RecordReader
from tests.hostile.real_server import real
from tests.hostile.resp_server import Act, serving
from tests.paths import ROOT
from worker.probe import STREAM, URL_VARIABLE, place_at

PROJECT = """
import json, os
from celery import Celery

app = Celery("shop", broker=json.loads(os.environ["SHOP_BROKER"]))
app.conf.update(json.loads(os.environ["SHOP_SETTINGS"]))
"""
#: A port on which nothing listens.
DEAD = f"redis://{LOOPBACK}:1/0"
#: Seconds that a worker may take to start and to write.
LIMIT_S = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """The addresses of a worker; {port}, {socket} and {sentinel} are those of real servers."""

    broker: str | list[str]
    records: str = ""
    options: dict[str, str] = field(default_factory=dict)


ADDRESSES = {
    "one": Where(broker="redis://:sesame@127.0.0.1:{port}/0"),
    "socket": Where(broker="redis+socket://:sesame@{socket}"),
    "sentinel": Where(
        broker="sentinel://:sesame@127.0.0.1:{sentinel}/0", options={"master_name": "shop"}
    ),
    "sentinels, one of them dead": Where(
        broker="sentinel://:sesame@127.0.0.1:1/0;sentinel://:sesame@127.0.0.1:{sentinel}/0",
        options={"master_name": "shop"},
    ),
    "list, the first dead": Where(broker=DEAD + ";redis://:sesame@127.0.0.1:{port}/0"),
    "Python list": Where(broker=[DEAD, "redis://:sesame@127.0.0.1:{port}/0"]),
    "records at a socket": Where(broker="memory://", records="unix://:sesame@{socket}"),
    "records at kombu's form of a socket": Where(
        broker="memory://", records="redis+socket://:sesame@{socket}"
    ),
    "records behind a Sentinel": Where(
        broker="memory://",
        records="sentinel://:sesame@127.0.0.1:{sentinel}/0?master_name=shop",
    ),
    "records in a list": Where(
        broker="memory://", records=DEAD + ";redis://:sesame@127.0.0.1:{port}/0"
    ),
}


@dataclass(frozen=True, slots=True)
class Servers:
    """A Redis with the password sesame, which also listens at a socket, and its Sentinel."""

    port: int
    socket: Path
    sentinel: int

    def fill(self, text: str) -> str:
        """Return an address with those of the servers in place."""
        return text.format(port=self.port, socket=self.socket, sentinel=self.sentinel)


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """Run the servers."""
    folder = tmp_path_factory.mktemp("servers")
    socket, config = folder / "redis.sock", folder / "sentinel.conf"
    secret = ("--requirepass", "sesame", "--unixsocket", str(socket))
    (folder / "watching").mkdir()
    with real(folder, *secret) as port:
        config.write_text(
            f"sentinel monitor shop {LOOPBACK} {port} 1\nsentinel auth-pass shop sesame\n"
        )
        with real(folder / "watching", "--sentinel", config=config) as sentinel:
            yield Servers(port, socket, sentinel)


@contextmanager
def worker(
    folder: Path, broker: str | list[str], records: str = "", **options: object
) -> Iterator[Child]:
    """Run a worker of another project, with the probe as its only file of Poolwise."""
    (folder / "shop.py").write_text(PROJECT)
    (folder / "injected_probe.py").write_text((ROOT / "worker" / "probe.py").read_text())
    env = {
        "PYTHONPATH": str(folder),
        "SHOP_BROKER": json.dumps(broker),
        "SHOP_SETTINGS": json.dumps({"broker_transport_options": options}),
        URL_VARIABLE: records,
    }
    flags = ["-P", "solo", "-n", "w@shop", "-I", "injected_probe"]
    command = [sys.executable, "-m", "celery", "-A", "shop", "worker", *flags]
    reaper = Reaper()
    child = Child("worker", command, log=folder / "log", registry=reaper, env=env)
    try:
        yield child
    finally:
        child.stop()
        reaper.close()


@contextmanager
def client(url: str) -> Iterator[Any]:
    """Open a client that waits for a few seconds at most."""
    server = place_at(url).client(timeout_s=5)
    try:
        yield server
    finally:
        server.connection_pool.disconnect()  # which `close` leaves open: the pool is not its own


def records(server: redis.Redis, child: Child, more_than: int = 0) -> int:
    """Wait until the stream has more than so many entries, and return how many it has."""

    def written() -> int:
        count: int = server.xlen(STREAM)
        return count if count > more_than else 0

    return wait_until(written, LIMIT_S, lambda: AssertionError(child.log_tail()))


def logged(child: Child, text: str) -> str:
    """Wait until the worker's log has a line with `text`, and return the line."""

    def found() -> str:
        return next((line for line in child.log.read_text().splitlines() if text in line), "")

    return wait_until(found, LIMIT_S, lambda: AssertionError(child.log_tail()))


@pytest.mark.parametrize("case", ADDRESSES)
def test_records_arrive_wherever_the_worker_can_connect(
    case: str, servers: Servers, tmp_path: Path
) -> None:
    where = ADDRESSES[case]
    broker = where.broker
    filled = servers.fill(broker) if isinstance(broker, str) else list(map(servers.fill, broker))
    with client(servers.fill("redis://:sesame@127.0.0.1:{port}/0")) as server:
        server.delete(STREAM)
        with worker(tmp_path, filled, servers.fill(where.records), **where.options) as child:
            records(server, child)
        assert "sesame" not in child.log.read_text()


def test_records_and_their_reader_follow_the_worker_to_its_next_broker(tmp_path: Path) -> None:
    with ExitStack() as running:
        folders = [tmp_path / "first", tmp_path / "second"]
        for folder in folders:
            folder.mkdir()
        first = running.enter_context(ExitStack())
        urls = [
            f"redis://{LOOPBACK}:{stack.enter_context(real(folder))}/0"
            for stack, folder in zip((first, running), folders, strict=True)
        ]
        heard: list[str] = []
        follower = RecordFollower(
            [place_at(url) for url in urls],
            lambda batches, _: heard.extend(map(str, batches)),
            lambda _now_s, _oldest_s: None,
        )
        with follower_thread(follower), worker(tmp_path, ";".join(urls)) as child:
            with client(urls[0]) as server:
                records(server, child)
            await_heard(heard, follower, urls[0], child)
            first.close()
            with client(urls[1]) as server:
                records(server, child)
            heard.clear()
            await_heard(heard, follower, urls[1], child)


@contextmanager
def follower_thread(follower: RecordFollower) -> Iterator[None]:
    """Run a follower, and run it again whenever its server is gone, as Flower does."""
    stop = Event()

    def run() -> None:
        while not stop.is_set():
            try:
                follower.follow(stop, lambda: None)
            except (redis.RedisError, OSError):
                continue

    thread = Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def await_heard(heard: list[str], follower: RecordFollower, url: str, child: Child) -> None:
    """Wait until the follower has read something at `url`."""
    wait_until(
        lambda: heard and follower.place.name == url,
        LIMIT_S,
        lambda: AssertionError(f"{follower.place.name}\n{child.log_tail()}"),
    )


#: The address for the records, and what the log must say if there can be none.
REFUSED = {
    "": "the broker is not Redis and POOLWISE_RECORDS_URL is not set",
    "http://:sesame@127.0.0.1/0": "POOLWISE_RECORDS_URL must start with redis://, rediss://, "
    "unix://, redis+socket:// or sentinel://",
    "redis://:sesame/x@127.0.0.1/0": "POOLWISE_RECORDS_URL is not the address of a Redis",
    "sentinel://:sesame@127.0.0.1/0": "sentinel:// needs the transport option master_name",
}


@pytest.mark.parametrize("address", REFUSED, ids=["none", "scheme", "malformed", "no-master"])
def test_the_true_reason_is_logged_if_there_can_be_no_records(address: str, tmp_path: Path) -> None:
    with worker(tmp_path, "memory://", address) as child:
        assert logged(child, "poolwise probe:").endswith(f"disabled, because {REFUSED[address]}")
        assert "sesame" not in child.log.read_text()


def test_the_advice_for_a_user_limited_to_a_prefix_helps(tmp_path: Path) -> None:
    with real(tmp_path) as port, client(f"redis://{LOOPBACK}:{port}/0") as server:
        keys = ("~celery*", "~_kombu*", "~unacked*", "~*.pidbox*")
        server.execute_command("ACL", "SETUSER", "shop", "on", ">sesame", *keys, "&*", "+@all")
        with worker(tmp_path, f"redis://shop:sesame@{LOOPBACK}:{port}/0") as child:
            line = logged(child, "poolwise probe:")
            assert "ACL" in line
            assert URL_VARIABLE in line
            assert not server.exists(STREAM)
            advised = line.partition("add the rules ")[2].partition(",")[0].split()
            server.execute_command("ACL", "SETUSER", "shop", *advised)
            records(server, child)


def test_the_rights_in_the_docs_are_enough_to_read_the_records_and_keep_the_history(
    tmp_path: Path,
) -> None:
    text = (ROOT / "docs" / "measuring.md").read_text(encoding="utf-8")
    sentence = text.partition("Flower's user needs")[2].partition("to keep the history")[0]
    rules = [rule for part in re.findall(r"`([^`]+)`", sentence) for rule in part.split()]
    with real(tmp_path) as port, client(f"redis://{LOOPBACK}:{port}/0") as server:
        server.execute_command("ACL", "SETUSER", "flower", "on", ">sesame", *rules)
        server.xadd(STREAM, {"x": "1"})
        with client(f"redis://flower:sesame@{LOOPBACK}:{port}/0") as limited:
            reader = RecordReader(limited, back_s=60)
            assert reader.read(0.1) == []
            assert reader.unreadable == 1  # so it was read
            oldest_s, _ = reader.oldest_s()
            assert oldest_s is not None
            reader.resume()
            key = f"{PREFIX}1"
            assert limited.set(key, b"step", ex=60)
            assert (limited.exists(key), limited.getrange(key, 0, 9)) == (1, b"step")


#: How servers answer XADD with MINID if they do not know it: Redis 6.0, and others.
UNKNOWN_MINID = (
    b"-ERR Invalid stream ID specified as stream command argument\r\n",
    b"-ERR syntax error\r\n",
)


@pytest.mark.parametrize("answer", UNKNOWN_MINID, ids=["redis-6.0", "other"])
def test_an_older_server_keeps_a_number_of_entries_instead_of_an_age(
    answer: bytes, tmp_path: Path
) -> None:
    def script(_number: int, words: list[bytes]) -> bytes | Act:
        return answer if b"MINID" in words else Act.FORWARD

    with real(tmp_path) as port, serving(script, port) as proxy:
        address = f"redis://{LOOPBACK}:{port}/0"
        with worker(tmp_path, "memory://", proxy.url) as child, client(address) as server:
            records(server, child, more_than=2)
        lines = [line for line in child.log.read_text().splitlines() if "poolwise probe" in line]
        assert len(lines) == 1
        assert "is older than 6.2, so it keeps" in lines[0]
