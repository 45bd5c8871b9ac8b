"""A cluster of child processes on this machine that always stops as a whole."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import redis

from cluster.broker import start_broker
from cluster.delay import start_delay_server
from cluster.echo import start_echo_server
from cluster.flower import start_flower
from cluster.process import GRACE_S, Child
from cluster.reaper import Reaper
from cluster.shortage import check_open_files
from cluster.workers import RunningWorker, WorkerSpec, start_workers
from producer import broker
from tasks.errors import BrokerError, WorkerError

#: Seconds that children get to stop by themselves if their broker stops with them, or has failed.
GRACE_EMBEDDED_S = 0.5
#: Seconds, on a busy machine, between losing a connection to a dying process and its end.
DYING_S = 1.0


class LocalCluster:
    """A context manager that stops all of its processes on exit.

    Their logs go to `folder`. With `broker_url`, that broker is used and left running; without it,
    an embedded broker is started on `port` (0: any free one). `advice` is what to do if the broker
    does not answer, as a sentence.

    Raises MachineError if no processes can be started.
    """

    def __init__(
        self,
        folder: Path,
        broker_url: str | None = None,
        port: int = 0,
        *,
        advice: str = broker.EMBEDDED,
    ) -> None:
        self.folder = folder
        self.embedded = broker_url is None
        self.broker_url = broker_url or ""
        self._port = port
        self._advice = advice
        self._broker_failed = False
        self._children: list[Child] = []
        self._servers: list[Child] = []  # those without which nothing works on
        check_open_files()
        self.reaper = Reaper()
        self.redis: redis.Redis

    def __enter__(self) -> Self:
        """Start the embedded broker or connect to the given one.

        Raises BrokerError or UsageError if there is no usable broker.
        """
        try:
            if self.embedded:
                child, self.broker_url = start_broker(self.folder, self.reaper, self._port)
                self._adopt_server(child)
            self.redis = broker.connect(self.broker_url, self._advice)
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop everything, the last started first."""
        self.close()

    @property
    def grace_s(self) -> float:
        """Seconds that children get to stop by themselves."""
        return GRACE_EMBEDDED_S if self.embedded or self._broker_failed else GRACE_S

    def adopt(self, child: Child) -> None:
        """Add a child, to be stopped with the others."""
        self._children.append(child)

    def _adopt_server(self, child: Child) -> None:
        self.adopt(child)
        self._servers.append(child)

    def check(self, others: Iterable[Child] = (), dying_s: float = 0.0) -> None:
        """Raise if a server or one of `others` has died, or dies within `dying_s` seconds.

        Raises BrokerError for the embedded broker, WorkerError for another process.
        """
        until_s = time.monotonic() + dying_s
        for child in (*self._servers, *others):
            if child.ends_within(max(0.0, until_s - time.monotonic())):
                is_broker = self.embedded and child is self._servers[0]
                raise (BrokerError if is_broker else WorkerError)(child.failure())

    @contextmanager
    def blamed(self) -> Iterator[None]:
        """If the block fails because a server has died, raise what `check` raises instead.

        If its broker has failed, the workers do not get time to return their messages to it.
        """
        try:
            yield
        except Exception as error:
            self._broker_failed = broker.is_broker_fault(error)
            self.check(dying_s=DYING_S)
            raise

    def start_workers(
        self, specs: Sequence[WorkerSpec], progress: Callable[[int], None] = lambda _ready: None
    ) -> list[RunningWorker]:
        """Start workers in parallel; see `cluster.workers.start_workers`."""
        return start_workers(
            specs, self.folder, self.reaper, self.redis, adopt=self.adopt, progress=progress
        )

    def start_delay_server(self) -> int:
        """Start the server that `io.fetch` connects to and return its port."""
        child, port = start_delay_server(self.folder, self.reaper)
        self._adopt_server(child)
        return port

    def start_echo_server(self, kind: str) -> tuple[Child, int]:
        """Start an echo server and return it with its port; see `cluster.echo`."""
        child, port = start_echo_server(kind, self.folder, self.reaper)
        self._adopt_server(child)
        return child, port

    def start_flower(
        self, port: int, *, prefix: str = "", env: Mapping[str, str] | None = None
    ) -> tuple[Child, str]:
        """Start Flower on `port`; see `cluster.flower.start_flower`."""
        child, url = start_flower(
            self.folder, self.reaper, self.broker_url, port, prefix=prefix, env=env
        )
        self._adopt_server(child)
        return child, url

    def start_program(self, name: str, command: Sequence[str], folder: Path) -> Child:
        """Start a program in `folder`, which logs to `NAME.log`; the caller must stop it."""
        log = self.folder / f"{name}.log"
        return Child(name, command, log=log, registry=self.reaper, cwd=folder)

    def stop(self, children: Sequence[Child], grace_s: float) -> None:
        """Stop these children in parallel; kill those still alive after `grace_s` seconds."""
        for child in children:
            child.ask_to_stop()
        for child in children:
            child.stop(grace_s)
            self._children.remove(child)
            if child in self._servers:
                self._servers.remove(child)

    def stop_all_but_broker(self) -> None:
        """Stop the children that use the broker, including those that are still starting.

        With an embedded broker nothing outlives the cluster, so they get little time.
        """
        brokers = 1 if self.embedded else 0
        self.stop(self._children[brokers:], self.grace_s)

    def close(self) -> None:
        """Stop all children, the embedded broker last, so that workers can disconnect from it."""
        try:
            self.stop_all_but_broker()
            self.stop(self._children[:], self.grace_s)
        finally:
            self.reaper.close()


__all__ = ["LocalCluster", "RunningWorker", "WorkerSpec"]
