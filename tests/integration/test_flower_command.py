"""`poolwise flower` shows the workers of a project that knows nothing of Poolwise."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from kombu import Connection, Exchange, Queue

from cluster.process import Child
from cluster.reaper import Reaper
from tests.command import RunningCommand, poolwise, running
from tests.hostile.real_server import real
from tests.tls import make_secrets

PASSWORD = "hunter2"  # noqa: S105 - of the test's own server
PROJECT = """
from celery import Celery

app = Celery("shop", broker={url!r})

@app.task(name="shop.price")
def price():
    return 1
"""
CELERY = (sys.executable, "-m", "celery", "-A", "shop")


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[str]:
    """Run a worker of a small project on a broker with a password; return the broker's URL."""
    with real(tmp_path, "--requirepass", PASSWORD) as port:
        url = f"redis://:{PASSWORD}@127.0.0.1:{port}/0"
        (tmp_path / "shop.py").write_text(PROJECT.format(url=url))
        reaper = Reaper()
        worker = Child(
            "worker",
            [*CELERY, "worker", "-P", "threads", "-c", "2", "-E"],
            log=tmp_path / "worker.log",
            registry=reaper,
            env={"PYTHONPATH": str(tmp_path)},
        )
        try:
            yield url
        finally:
            worker.stop()
            reaper.close()


def data(flower: RunningCommand) -> dict[str, Any]:
    """Return what the Throughput page shows, or nothing if Flower does not answer yet."""
    charts = [one.split()[1] for one in flower.output().splitlines() if one.startswith("charts")]
    if not charts:
        return {}
    try:
        with urllib.request.urlopen(f"{charts[0]}/data", timeout=5) as reply:  # noqa: S310
            found: dict[str, Any] = json.load(reply)
            return found
    except OSError:
        return {}


def test_the_page_counts_the_tasks_of_a_foreign_project(shop: str, tmp_path: Path) -> None:
    env = {"POOLWISE_BROKER": shop}
    with running("flower", "--port", "0", folder=tmp_path, env=env) as flower:
        flower.until(lambda: data(flower).get("recent", {}).get("workers"))
        subprocess.run(
            [*CELERY, "call", "shop.price"], cwd=tmp_path, env=dict(os.environ), check=True
        )
        flower.until(lambda: data(flower)["finished"] == 1)
        assert data(flower)["choices"]["tasks"] == ["shop.price"]
        assert set(data(flower)["queues"]) == {"celery"}
        assert PASSWORD not in flower.output()
        assert PASSWORD not in " ".join(psutil.Process(flower.process.pid).cmdline())
        flower.signal(signal.SIGINT)
        assert flower.ended() == 0
        assert "Traceback" not in flower.output()


@pytest.mark.parametrize(
    "variables",
    [
        {"FLOWER_URL_PREFIX": "/status/"},
        {"FLOWER_CERTFILE": "redis.crt", "FLOWER_KEYFILE": "redis.key"},
        {"FLOWER_UNIX_SOCKET": "flower.sock"},
    ],
    ids=" ".join,
)
def test_flowers_variables_apply_and_the_printed_address_is_right(
    variables: dict[str, str], tmp_path: Path
) -> None:
    secrets = make_secrets(tmp_path / "secrets", "127.0.0.1")
    paths = {
        name: str(secrets / value) if "URL" not in name else value
        for name, value in variables.items()
    }
    with real(tmp_path) as port:
        env = {"POOLWISE_BROKER": f"redis://127.0.0.1:{port}/0", **paths}
        with running("flower", "--port", "0", folder=tmp_path, env=env) as flower:
            flower.until(lambda: "able to read records" in flower.output())
            place, charts = re.findall(r"^(?:Flower|charts) +(.*)$", flower.output(), re.MULTILINE)
            options = ["--cacert", str(secrets / "ca.pem")]
            if socket := paths.get("FLOWER_UNIX_SOCKET"):
                assert place == f"/ on the Unix socket {socket}"
                options = ["--unix-socket", socket]
                charts = f"http://here{charts.removesuffix(' there')}"
            done = subprocess.run(
                ["curl", "-sS", "--noproxy", "*", *options, charts],
                capture_output=True,
                text=True,
                check=False,
            )
    assert "Throughput" in done.stdout, done.stderr


def declare(url: str, prefix: str) -> None:
    """Declare a queue as a worker or a client of a project with a key prefix does."""
    options = {"global_keyprefix": prefix}
    with Connection(url, transport_options=options) as connection:
        Queue("celery", Exchange("celery"), routing_key="celery")(connection).declare()


@pytest.mark.parametrize(
    ("prefixes", "options", "shown"),
    [
        (("shop:",), {}, ["shop:"]),
        (("shop:", "blog:"), {}, ["blog:", "shop:"]),
        (("shop:",), {"global_keyprefix": "shop:"}, []),
        (("shop:", ""), {}, []),
        ((), {}, []),
    ],
)
def test_queues_that_all_have_a_key_prefix_are_reported(
    prefixes: tuple[str, ...], options: dict[str, str], shown: list[str], tmp_path: Path
) -> None:
    with real(tmp_path) as port:
        url = f"redis://127.0.0.1:{port}/0"
        for prefix in prefixes:
            declare(url, prefix)
        arguments = ("--port", "0", "--transport-options", json.dumps(options))
        env = {"POOLWISE_BROKER": url}
        with running("flower", *arguments, folder=tmp_path, env=env) as flower:
            flower.until(lambda: {0.0} & set(data(flower).get("queues", {}).get("celery", ())))
            assert data(flower)["source"]["key_prefixes"] == shown


@pytest.mark.parametrize(
    ("arguments", "code", "advice"),
    [
        (("--broker", "redis://127.0.0.1:1/0"), 3, "--broker"),
        (("--broker", "amqp://127.0.0.1//"), 2, "redis://"),
        (("--port", "99999"), 2, "65535"),
    ],
)
def test_a_mistake_gets_one_line_and_no_flower(
    arguments: tuple[str, ...], code: int, advice: str
) -> None:
    done = poolwise("flower", *arguments)
    assert (done.returncode, done.stdout) == (code, "")
    assert advice in done.stderr


#: Flower listens on every address.
PUBLIC = ("flower", "--port", "0", "--address", "0.0.0.0")  # noqa: S104 - refused


@pytest.mark.parametrize("variables", [{}, {"FLOWER_BASIC_AUTH": ""}], ids=str)
def test_an_address_that_others_can_reach_needs_a_login(
    variables: dict[str, str], shop: str
) -> None:
    done = poolwise(*PUBLIC, env={"POOLWISE_BROKER": shop, **variables})
    assert (done.returncode, done.stdout) == (2, "")
    assert "FLOWER_BASIC_AUTH=user:password" in done.stderr


@pytest.mark.parametrize("value", ["ada:hunter2,", "ada:hunter2,word", "ada:hunter2\u00e9"])
@pytest.mark.parametrize("arguments", [PUBLIC, PUBLIC[:3]], ids=["public", "loopback"])
def test_a_malformed_login_is_refused_on_every_address(
    arguments: tuple[str, ...], value: str
) -> None:
    done = poolwise(*arguments, env={"FLOWER_BASIC_AUTH": value})
    assert (done.returncode, done.stdout) == (2, "")
    assert "every entry must be user:password" in done.stderr
    assert done.stderr.count("\n") == 1
    assert "hunter2" not in done.stderr
