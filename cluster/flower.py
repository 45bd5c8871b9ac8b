"""Starts Flower as a child process on loopback."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from cluster.celery_variables import celery_variables
from cluster.ports import LOOPBACK
from cluster.process import Child, ChildRegistry
from cluster.wait import wait_until
from tasks.errors import WorkerError
from worker.probe import URL_VARIABLE

#: Seconds that Flower may take until its page answers.
START_S = 30.0


def start_flower(
    folder: Path,
    registry: ChildRegistry,
    broker_url: str,
    port: int,
    *,
    prefix: str = "",
    env: Mapping[str, str] | None = None,
) -> tuple[Child, str]:
    """Start Flower on `port` and return it with its URL once its page answers.

    `prefix` is the URL prefix of its pages, such as "flower".
    Raises WorkerError, with the tail of its log, if it does not start.
    """
    path = f"/{prefix}" if prefix else ""
    command = [
        sys.executable,
        *("-m", "celery", "--app", "tasks", "flower"),
        *("--conf=" + str(config_file()), f"--address={LOOPBACK}", f"--port={port}"),
        # Also if they are empty, because variables such as FLOWER_URL_PREFIX set them otherwise.
        *(f"--url_prefix={prefix}", "--unix_socket=", "--certfile=", "--keyfile="),
    ]
    child = Child(
        "Flower server",
        command,
        log=folder / "flower.log",
        registry=registry,
        env={**celery_variables(broker_url), URL_VARIABLE: "", **(env or {})},
        cwd=folder,  # Celery looks for `tasks` in the current folder first
    )

    def failure() -> WorkerError:
        return WorkerError(child.failed_start(START_S))

    wait_until(lambda: _answers(port, f"{path}/healthcheck") or not child.alive, START_S, failure)
    if not child.alive:
        raise failure()
    return child, f"http://{LOOPBACK}:{port}{path}"


def config_file() -> Path:
    """Return the path of Flower's configuration, in the package next to this one."""
    return Path(__file__).resolve().parent.parent / "monitor" / "flowerconfig.py"


def _answers(port: int, path: str) -> bool:
    """Ask directly: urllib would send the request to the proxy of the environment, if any."""
    connection = HTTPConnection(LOOPBACK, port, timeout=1)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == HTTPStatus.OK
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()
