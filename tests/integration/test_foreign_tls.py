"""`-A` also takes a project's certificate settings, and so connects as the project does."""

from __future__ import annotations

import os
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from cluster.local import LocalCluster
from tests.command import poolwise
from tests.paths import ROOT

PROJECT = """
import ssl
from celery import Celery
app = Celery("shop", broker="SCHEME://127.0.0.1:PORT/0")
app.conf.broker_use_ssl = SETTING
"""


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a certificate as the documentation says."""
    folder = tmp_path_factory.mktemp("tls") / "secrets"
    subprocess.run(
        [ROOT / "scripts" / "make-secrets", "127.0.0.1"],
        env={**os.environ, "SECRETS": str(folder)},
        check=True,
        capture_output=True,
        timeout=30,
    )
    return folder


@contextmanager
def tls_in_front_of(port: int, secrets: Path) -> Iterator[int]:
    """Serve TLS on a port of loopback, and pass everything on to the server at `port`."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(secrets / "redis.crt", secrets / "redis.key")
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=_serve, args=(server, context, port), daemon=True).start()
        yield int(server.getsockname()[1])
        server.shutdown(socket.SHUT_RDWR)


def _serve(server: socket.socket, context: ssl.SSLContext, port: int) -> None:
    while True:
        try:
            plain, _ = server.accept()
        except OSError:
            return
        threading.Thread(target=_pass_on, args=(plain, context, port), daemon=True).start()


def _pass_on(plain: socket.socket, context: ssl.SSLContext, port: int) -> None:
    # OSError: the client rejects the certificate, or one of both sides has gone.
    with (
        plain,
        suppress(OSError),
        context.wrap_socket(plain, server_side=True) as client,
        socket.create_connection(("127.0.0.1", port)) as behind,
    ):
        back = threading.Thread(target=_copy, args=(behind, client), daemon=True)
        back.start()
        _copy(client, behind)
        back.join()


def _copy(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65_536):
            sink.sendall(data)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize(
    ("scheme", "setting", "code"),
    [
        ("rediss", "{'ssl_cert_reqs': ssl.CERT_REQUIRED, 'ssl_ca_certs': 'CA'}", 4),
        ("redis", "{'ssl_cert_reqs': 'required', 'ssl_ca_certs': 'CA'}", 4),
        ("rediss", "{'ssl_cert_reqs': ssl.CERT_NONE, 'ssl_check_hostname': False}", 4),
        ("rediss", "None", 3),
        ("rediss", "True", 3),
    ],
)
def test_the_command_connects_with_the_projects_certificates(
    scheme: str, setting: str, code: int, secrets: Path, tmp_path: Path
) -> None:
    """Exit code 4 means that no worker answers, which is what the broker is asked for."""
    with LocalCluster(tmp_path) as cluster:
        port = urlsplit(cluster.broker_url).port
        assert port is not None
        with tls_in_front_of(port, secrets) as outside:
            text = PROJECT.replace("SCHEME", scheme).replace("PORT", str(outside))
            setting = setting.replace("'CA'", repr(str(secrets / "ca.pem")))
            (tmp_path / "shop.py").write_text(text.replace("SETTING", setting))
            done = poolwise("workers", "-A", "shop", cwd=tmp_path)
    assert done.returncode == code, done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert ("no worker answers at rediss://" if code == 4 else "certificate") in done.stderr
