"""A mistake gets a one-line error that names the fix, with the exit code of its kind."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cluster.broker import server_program
from cluster.ports import LOOPBACK, free_port, is_listening
from cluster.process import Child
from cluster.reaper import Reaper
from cluster.wait import wait_until
from tests.command import poolwise


def refused(*arguments: str, cwd: Path, code: int, env: dict[str, str] | None = None) -> str:
    """Run a command that must fail, and return its one-line error."""
    done = poolwise(*arguments, cwd=cwd, env=env)
    assert done.returncode == code, done.stderr + done.stdout
    assert "Traceback" not in done.stderr
    last = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert len(last) == 1, done.stderr
    assert not done.stdout
    return last[0]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("--pools", "prefork,gevnt"), 2, "did you mean gevent?"),
        (("--concurrency", "prefork=1000000"), 6, "lower it with --concurrency"),
        (("--broker", "amqp://localhost"), 2, "redis://, rediss://, lease:// or leases://"),
        (("--broker", "redis://localhost:port/0"), 2, "not a valid broker URL"),
        (("--broker", "redis://no-such-host.invalid:6379/0"), 3, "name not known"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_a_mistake_gets_a_one_line_error_that_names_the_fix(
    arguments: tuple[str, ...], code: int, words: str, tmp_path: Path
) -> None:
    assert words in refused("race", *arguments, cwd=tmp_path, code=code)
    assert list(tmp_path.iterdir()) == []


def test_a_broker_that_refuses_connections(tmp_path: Path) -> None:
    url = f"redis://:hidden@{LOOPBACK}:{free_port()}/0"
    line = refused("race", "--broker", url, cwd=tmp_path, code=3)
    assert "connection refused" in line
    assert "hidden" not in line
    assert "Leave --broker out" in line


@pytest.mark.parametrize("command", [("race",), ("learn", "gil")], ids=" ".join)
def test_running_workers_need_the_name_of_their_broker(
    command: tuple[str, ...], tmp_path: Path
) -> None:
    url = f"redis://{LOOPBACK}:{free_port()}/0"
    line = refused(*command, "--on-running", "--broker", url, cwd=tmp_path, code=3)
    assert "Check that --broker names the broker of your workers" in line
    assert "--on-new" in line
    assert "embedded" not in line


def test_a_broker_that_needs_a_password(tmp_path: Path) -> None:
    port, reaper = free_port(), Reaper()
    command = [server_program(), "--port", str(port), "--bind", LOOPBACK, "--requirepass", "s3"]
    server = Child("server", command, log=tmp_path / "log", registry=reaper)
    try:
        wait_until(lambda: is_listening(port), 10, lambda: AssertionError(server.log_tail()))
        url = f"redis://{LOOPBACK}:{port}/0"
        assert "requires a password" in refused("race", "--broker", url, cwd=tmp_path, code=3)
        wrong = f"redis://:wrong@{LOOPBACK}:{port}/0"
        line = refused("race", "--broker", wrong, cwd=tmp_path, code=3)
        assert "password" in line
        assert "wrong" not in line
    finally:
        server.kill()
        reaper.close()


@contextmanager
def listener(answer: Callable[[socket.socket], None]) -> Iterator[int]:
    """Listen on loopback and call `answer` with every connection."""
    with socket.create_server((LOOPBACK, 0)) as server:
        server.settimeout(0.1)
        done = threading.Event()

        def serve() -> None:
            held = []
            while not done.is_set():
                try:
                    connection, _ = server.accept()
                except TimeoutError:
                    continue
                held.append(connection)
                answer(connection)
            for connection in held:
                connection.close()

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            done.set()
            thread.join()


def _web_page(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (_web_page, "does not speak Redis"),
        (lambda connection: connection.close(), "closed the connection"),
        (lambda _connection: None, "no answer within"),
    ],
    ids=["web server", "closes", "silent"],
)
def test_a_server_that_is_not_redis(
    answer: Callable[[socket.socket], None], words: str, tmp_path: Path
) -> None:
    with listener(answer) as port:
        url = f"redis://{LOOPBACK}:{port}/0"
        assert words in refused("race", "--broker", url, cwd=tmp_path, code=3)


def test_a_port_in_use(tmp_path: Path) -> None:
    with listener(lambda _connection: None) as port:
        line = refused("up", "--port", str(port), "--flower-port", "0", cwd=tmp_path, code=2)
        assert f"port {port}" in line
        line = refused("up", "--flower-port", str(port), "--port", "0", cwd=tmp_path, code=2)
        assert "Flower" in line


def _hide(module: str, folder: Path) -> dict[str, str]:
    """Hide a module behind one that fails to import."""
    (folder / "hidden").mkdir()
    (folder / "hidden" / f"{module}.py").write_text(f"raise ImportError('no {module} here')\n")
    return {"PYTHONPATH": str(folder / "hidden")}


def test_gevent_that_cannot_be_imported(tmp_path: Path) -> None:
    env = _hide("gevent", tmp_path)
    line = refused("race", "--quick", cwd=tmp_path, code=4, env=env)
    assert "gevent" in line
    assert "--pools" in line


def test_a_worker_that_fails_to_start_shows_the_end_of_its_log(tmp_path: Path) -> None:
    env = {"CELERY_CUSTOM_WORKER_POOL": "no.such:Pool", **_hide("billiard", tmp_path)}
    done = poolwise(
        "race", "--quick", "--pools", "threads", "--workloads", "burn", cwd=tmp_path, env=env
    )
    assert done.returncode != 0
    assert "no billiard here" in done.stderr


def test_a_full_disk_behind_standard_output(tmp_path: Path) -> None:
    with Path("/dev/full").open("w") as full:
        done = poolwise("learn", cwd=tmp_path, stdout=full)
    assert done.returncode == 5
    assert done.stderr.startswith("error: the disk is full")


@pytest.mark.parametrize("content", ["", "{", "[]", '{"schema_version": 99}'])
def test_a_file_that_is_not_a_result(content: str, tmp_path: Path) -> None:
    (tmp_path / "r.json").write_text(content)
    assert "r.json" in refused("report", "r.json", cwd=tmp_path, code=5)
    assert not (tmp_path / "report.html").exists()
