"""A worker that stores results, with a producer that waits for them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from celery import Celery, Signature
from celery.result import AsyncResult

from cluster.ports import LOOPBACK
from cluster.process import Child
from tests.lease.farm import Farm, Server

#: Seconds that a test waits for a result at most.
WAIT_S = 40
TASKS = "tests.lease.result_tasks"


class Site:
    """A broker, a server for results, one worker and a producer."""

    def __init__(
        self, folder: Path, pool: str, results: str, extended: bool = False, **settings: Any
    ) -> None:
        self.results = results
        self.extended = extended
        self.farm = Farm(folder)
        self._apps: list[Celery] = []
        try:
            self.app = self.producer(results)
            self.worker = self.start_worker(pool, **settings)
        except BaseException:
            self.close()
            raise

    @property
    def address(self) -> str:
        """Where results are, without the scheme: not at the broker, so that only one may fail."""
        return f"{LOOPBACK}:{self.store.port}/1"

    @property
    def store(self) -> Server:
        """The server that keeps the results, and the notes."""
        return self.farm.notes_server

    def start_worker(self, pool: str, *flags: str, **settings: Any) -> Child:
        """Start a worker that stores results."""
        settings |= {"results": f"{self.results}://{self.address}"}
        if self.extended:
            settings["result_extended"] = "1"
        return self.farm.worker(pool, "lease", "-I", TASKS, *flags, **settings)

    def producer(self, results: str) -> Celery:
        """Return an app that reads results with a backend."""
        backend = f"{results}://{self.address}"
        app = Celery("results", broker=self.farm.url(), backend=backend, set_as_current=False)
        app.conf.result_extended = self.extended
        self._apps.append(app)
        return app

    def task(self, name: str, *args: Any, **options: Any) -> Signature[Any]:
        """Return a signature of one of `result_tasks`."""
        return self.app.signature(f"{TASKS}.{name}", args=args, **options)

    def send(self, name: str, *args: Any, **options: Any) -> AsyncResult[Any]:
        """Send one of `result_tasks`."""
        return self.task(name, *args).apply_async(**options)

    def meta(self, task_id: str) -> dict[str, Any]:
        """Return what is stored for a task, as it is in Redis."""
        client: Any = self.app.backend.client  # type: ignore[attr-defined]
        text = client.get(f"celery-task-meta-{task_id}")
        found: dict[str, Any] = json.loads(text) if text else {}
        return found

    def until(self, condition: Callable[[], Any], what: str) -> None:
        """Wait for a condition."""
        self.farm.until(condition, WAIT_S, self.worker, what=what)

    def until_state(self, result: AsyncResult[Any], state: str) -> None:
        """Wait until a task is in a state."""
        self.until(lambda: self.meta(result.id).get("status") == state, f"not {state}")

    def release(self, key: str) -> None:
        """Let a task that waits go on."""
        self.farm.notes.rpush(key, 1)

    def close(self) -> None:
        """Stop everything."""
        for app in self._apps:
            backend: Any = app.backend
            backend.result_consumer.stop()
            backend.result_consumer.subscribed_to.clear()  # or it would connect again
            getattr(backend, "close", backend.client.connection_pool.disconnect)()
            app.close()
        self.farm.close()
