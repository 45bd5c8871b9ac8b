"""Brokers and workers for the tests of kombu_lease: started, killed and restarted at will."""

from __future__ import annotations

import os
import signal
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import redis
from celery import Celery

import kombu_lease  # noqa: F401  registers lease://
from cluster.broker import server_program
from cluster.ports import LOOPBACK, free_port
from cluster.process import Child
from cluster.reaper import Reaper
from cluster.wait import wait_until

#: Flags of each pool; two slots each.
POOLS = {
    "prefork": ("--pool", "prefork", "-c", "2"),
    "threads": ("--pool", "threads", "-c", "2"),
    "gevent": ("--pool", "gevent", "-c", "2"),
    "solo": ("--pool", "solo"),
}
#: The scheme of a transport, if it is not its name.
SCHEMES = {"stock": "redis"}
#: The server's program; `make test-lease SERVER=/usr/bin/redis-server` tests with another one.
SERVER = os.environ.get("POOLWISE_TEST_SERVER") or server_program()
FOLDER = Path(__file__).parents[2]


class Server:
    """A Redis server that can be killed and started again on the same port and files."""

    def __init__(self, folder: Path, reaper: Reaper, **options: str) -> None:
        self.port = free_port()
        self._folder = folder
        self._reaper = reaper
        self.options = {"bind": LOOPBACK, "port": str(self.port), "dir": str(folder), **options}
        self.options.setdefault("save", "")
        folder.mkdir(parents=True, exist_ok=True)
        self.client = redis.Redis(port=self.port, socket_timeout=5, socket_connect_timeout=5)
        self.start()

    @property
    def url(self) -> str:
        """Its address for stock kombu."""
        return f"redis://{LOOPBACK}:{self.port}/0"

    def start(self) -> None:
        """Start the server and wait until it answers."""
        words = [word for name, value in self.options.items() for word in (f"--{name}", value)]
        self.child = Child(
            "server",
            [SERVER, *words],
            log=self._folder / "server.log",
            registry=self._reaper,
        )
        wait_until(self._answers, 20, lambda: AssertionError(self.child.failure("did not start")))

    def kill(self) -> None:
        """Kill it without notice."""
        self.child.kill()

    def _answers(self) -> bool:
        with suppress(redis.RedisError, OSError):
            return bool(self.client.ping())
        return False


class Farm:
    """A broker, another server for notes, and workers."""

    def __init__(self, folder: Path, **broker_options: str) -> None:
        self.folder = folder
        self.reaper = Reaper()
        self.workers: list[Child] = []
        self._apps: list[Celery] = []
        self._servers: list[Server] = []
        self._count = 0
        try:
            self.broker = self.server("broker", **broker_options)
            #: What workers and producers find after the scheme of the broker's URL.
            self.place = f"{LOOPBACK}:{self.broker.port}/0"
            self.notes_server = self.server("notes")
            self.notes = self.notes_server.client
            #: The interpreter of the workers.
            self.python = sys.executable
        except BaseException:
            self.close()
            raise

    def server(self, name: str, **options: str) -> Server:
        """Start another server."""
        server = Server(self.folder / name, self.reaper, **options)
        self._servers.append(server)
        return server

    def url(self, transport: str = "lease") -> str:
        """Return the broker's URL for a transport, or for the scheme of one."""
        return f"{SCHEMES.get(transport, transport)}://{self.place}"

    def worker(
        self,
        pool: str = "prefork",
        transport: str = "lease",
        *flags: str,
        ready: bool = True,
        alone: bool = True,
        **settings: Any,
    ) -> Child:
        """Start a worker; wait until it consumes. If it is not `alone`, it looks for others."""
        self._count += 1
        name = f"w{self._count}-{pool}"
        command = (
            *(self.python, "-m", "celery", "-A", "tests.lease.shop", "worker"),
            *(*POOLS[pool], "-n", f"{name}@farm", "-l", "INFO"),
            *(("--without-mingle", "--without-gossip") if alone else ()),
            *flags,
        )
        child = Child(
            name,
            command,
            log=self.folder / f"{name}.log",
            registry=self.reaper,
            env=self._environment(transport, settings),
            cwd=FOLDER,
        )
        self.workers.append(child)
        if ready:
            self.until(lambda: f"{name}@farm ready" in child.log.read_text(), 60, child)
        return child

    def app(self, transport: str = "lease", prefix: str = "", **options: Any) -> Celery:
        """Return a producer; `options` are the transport's."""
        app = Celery("producer", broker=self.url(transport), set_as_current=False)
        common = {"global_keyprefix": prefix, "master_name": "shop"}
        app.conf.broker_transport_options = common | options
        self._apps.append(app)
        return app

    def send(self, app: Celery, name: str, count: int, *args: Any, **options: Any) -> None:
        """Send `count` tasks whose first argument is their number."""
        for mark in range(count):
            app.send_task(f"tests.lease.shop.{name}", (mark, *args), **options)

    def ran(self, key: str = "ran") -> Counter[int]:
        """Return how often each task ran, or did what `key` names."""
        noted: Any = self.notes.lrange(key, 0, -1)
        return Counter(int(mark) for mark in noted)

    def held(self, prefix: str = "") -> dict[str, bytes]:
        """Return all messages in flight under leases."""
        found: dict[str, bytes] = {}
        for key in self.broker.client.scan_iter(f"{prefix}_kombu.lease.held.*"):
            values: Any = self.broker.client.hgetall(key)
            found |= {f.decode(): v for f, v in values.items() if not f.startswith(b"@")}
        return found

    def until(
        self, condition: Callable[[], Any], timeout_s: float, *children: Child, what: str = ""
    ) -> None:
        """Wait for a condition; if it does not come true, show what the workers logged."""

        def failure() -> AssertionError:
            tails = "\n".join(f"{c.name}:\n{c.log_tail()}" for c in children or self.workers)
            return AssertionError(f"{what or 'not in time'}\nran: {self.ran()}\n{tails}")

        wait_until(condition, timeout_s, failure)

    def until_ran(self, count: int, timeout_s: float = 60, *, but: int = 0) -> None:
        """Wait until tasks 0 to `count` - 1 have run, all `but` so many of them."""
        every = set(range(count))
        self.until(
            lambda: len(every - self.ran().keys()) <= but, timeout_s, what="tasks are missing"
        )

    def until_more_ran(self, count: int, timeout_s: float = 40) -> None:
        """Wait until more than `count` further tasks have run."""
        had = len(self.ran())
        self.until(lambda: len(self.ran()) > had + count, timeout_s, what="no more tasks ran")

    def until_began(self, times: int, timeout_s: float = 20) -> None:
        """Wait until task 0 has begun so many times."""
        self.until(lambda: self.ran("began")[0] == times, timeout_s, what="it did not begin")

    def close(self) -> None:
        """Stop everything."""
        for app in self._apps:
            app.close()
        for child in self.workers:
            child.stop(0.1)
        for server in self._servers:
            server.client.close()
            server.kill()
        self.reaper.close()

    def _environment(self, transport: str, settings: Mapping[str, Any]) -> dict[str, str]:
        chosen = {f"SHOP_{name.upper()}": str(value) for name, value in settings.items()}
        notes_url = f"redis://{LOOPBACK}:{self.notes.get_connection_kwargs()['port']}/0"
        return {"SHOP_BROKER": self.url(transport), "SHOP_NOTES": notes_url, **chosen}


def kill(worker: Child) -> None:
    """Kill a worker's main process and its children without notice."""
    worker.kill()


def pause(worker: Child) -> None:
    """Stop a worker and its children without their notice."""
    os.killpg(worker.pid, signal.SIGSTOP)


def resume(worker: Child) -> None:
    """Continue a stopped worker."""
    os.killpg(worker.pid, signal.SIGCONT)
