"""Flower's page is asked directly, whatever proxy the environment names."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from cluster import flower
from cluster.flower import start_flower
from cluster.ports import LOOPBACK, free_port


class Page(BaseHTTPRequestHandler):
    """Answers Flower's health check."""

    def do_GET(self) -> None:
        self.send_response(200 if self.path in {"/healthcheck", "/f/healthcheck"} else 404)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Keep the output of the tests clean."""


@pytest.fixture
def port() -> Iterator[int]:
    """Answer as Flower would, and return the port."""
    with HTTPServer((LOOPBACK, 0), Page) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


class Started:
    """A child process that runs."""

    alive = True

    def __init__(self, *_: Any, **__: Any) -> None:
        pass

    def failed_start(self, _seconds: float) -> str:
        return "it did not answer"


@pytest.mark.parametrize("prefix", ["", "f"])
def test_flower_is_found_without_the_proxy_of_the_environment(
    prefix: str, port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, f"http://{LOOPBACK}:{free_port()}")
    monkeypatch.setattr(flower, "Child", Started)
    monkeypatch.setattr(flower, "START_S", 5.0)
    _, url = start_flower(tmp_path, None, "redis://", port, prefix=prefix)  # type: ignore[arg-type]
    assert url == f"http://{LOOPBACK}:{port}" + ("/f" if prefix else "")
