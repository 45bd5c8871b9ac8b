"""A real Flower survives every record, every request and the loss of its broker."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import redis

from cluster.broker import start_broker
from cluster.local import LocalCluster
from cluster.ports import free_port
from cluster.process import Child
from cluster.reaper import Reaper
from cluster.wait import wait_until
from tests.hostile.test_records import SHAPES, entry, microseconds, row
from worker.probe import STREAM

BOUND_S = 30.0
DATA = "/throughput/data"


@dataclass(slots=True)
class Watched:
    """A broker and a Flower."""

    broker: Child
    broker_port: int
    url: str

    def get(self, path: str) -> tuple[int, str]:
        """Return the status and the body of a reply."""
        try:
            with urllib.request.urlopen(f"{self.url}{path}", timeout=10) as reply:  # noqa: S310
                return reply.status, reply.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def data(self, query: str = "") -> dict[str, Any]:
        """Return the page's data."""
        status, body = self.get(f"{DATA}?{query}")
        assert status == 200, body
        found: dict[str, Any] = json.loads(body)
        return found

    def source(self) -> dict[str, Any]:
        """Return where the data come from, and the trouble with that."""
        found: dict[str, Any] = self.data("range_s=60")["source"]
        return found

    def until(self, *troubles: bool) -> None:
        """Wait until there is trouble with the records and with the queues, or none."""
        wait_until(
            lambda: tuple(bool(self.source()[name]) for name in NAMES) == troubles,
            BOUND_S,
            lambda: AssertionError(f"{self.source()}"),
        )


NAMES = ("trouble", "queues_trouble")


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    """Start a broker and a Flower, whose API needs no login; stop both at the end."""
    folder: Path = tmp_path_factory.mktemp("watched")
    registry, port = Reaper(), free_port()
    broker, url = start_broker(folder, registry, port)
    try:
        with LocalCluster(folder, url) as cluster:
            _, flower_url = cluster.start_flower(
                free_port(), env={"FLOWER_UNAUTHENTICATED_API": "true"}
            )
            found = Watched(broker=broker, broker_port=port, url=flower_url)
            yield found
            found.broker.kill()
    finally:
        registry.close()


def server(watched: Watched) -> redis.Redis:
    return redis.Redis(port=watched.broker_port)


def test_every_shape_of_record_leaves_the_page_running(watched: Watched) -> None:
    watched.until(False, False)
    stream = server(watched)
    for number, shape in enumerate(SHAPES):
        # Flower counts only what ended since it follows the records.
        ended = dict.fromkeys(("received", "started", "finished"), microseconds())
        good = entry(node="after@here", seq=number, rows=[row(**ended)])
        stream.xadd(STREAM, {"b": shape.body})
        stream.xadd(STREAM, {"b": json.dumps(good)})
    stream.xadd(STREAM, {"other": "field"})
    stream.close()
    query = "range_s=60&by=worker&worker=after@here"
    wait_until(
        lambda: watched.data(query)["finished"] == len(SHAPES),
        BOUND_S,
        lambda: AssertionError(f"{watched.data(query)['finished']} of {len(SHAPES)}"),
    )
    source = watched.source()
    assert source["unreadable_entries"] >= sum(not shape.fits for shape in SHAPES) + 1
    assert source["faults"] == 0
    assert watched.get("/healthcheck") == (200, "OK")


LONG = "9" * 5_000
ODD = (
    *("x", "0", "-1", "7", "1e3", "900.0", "\u0666\u0660", "6\n0", "a b", "[]", "{}"),
    *(LONG, "x" * 5_000),
)
CURSORS = (
    "0-0-0",
    f"0123abcd-{LONG}-1",
    f"0123abcd-1-{LONG}",
    "0123abcd--1-1",
    "0123abcd-1",
    "---",
)
#: Parameters with values that are rejected, already quoted.
REJECTED = [
    *(f"range_s={quote(value)}" for value in (*ODD, "", "61")),
    *(f"by={quote(value)}" for value in (*ODD, "", "POOL")),
    *(f"since={quote(value)}" for value in (*ODD, *CURSORS)),
    *(f"{name}=%ff" for name in ("range_s", "by", "since", "pool", "worker", "task")),
    "range_s=60&range_s=7",
]
ACCEPTED = [
    *(f"{name}={quote(value)}" for name in ("pool", "worker", "task") for value in ("", *ODD)),
    *("since=", "since=0123abcd-1-1", "since=0123abcd-1-999999999999999", "pool=a&pool=b"),
    *("unknown=1", f"unknown={LONG}", "", "&&&", "=", "pool[]=x", "range_s=7&range_s=60"),
    *("pool=__proto__", "worker=%3C%2Fscript%3E", "task=%27%20OR%201"),
]


@pytest.mark.parametrize("path", [DATA, "/api/throughput"])
@pytest.mark.parametrize("query", REJECTED, ids=lambda query: query[:40])
def test_a_bad_parameter_is_rejected_in_one_line(watched: Watched, path: str, query: str) -> None:
    status, body = watched.get(f"{path}?{query}")
    assert status == 400
    assert body
    assert body.count("\n") == 0
    assert len(body) < 200


@pytest.mark.parametrize("path", [DATA, "/api/throughput"])
@pytest.mark.parametrize("rest", [f"1-{LONG}", f"{LONG}-1", f"{LONG}-{LONG}", "1-", "-1-1", "1-x"])
def test_a_cursor_of_this_flower_is_checked_too(watched: Watched, path: str, rest: str) -> None:
    epoch = watched.data()["cursor"].partition("-")[0]
    status, body = watched.get(f"{path}?since={epoch}-{rest}")
    assert (status, body.count("\n")) == (400, 0)
    assert 0 < len(body) < 200


@pytest.mark.parametrize("query", ACCEPTED, ids=lambda query: query[:40])
def test_any_name_and_any_cursor_is_answered(watched: Watched, query: str) -> None:
    assert watched.data(query)["whole"]


@pytest.mark.parametrize("path", ["/throughput", "/healthcheck", "/throughput/assets/words.js"])
@pytest.mark.parametrize("query", ["", "pool=%ff", f"since={LONG}", "range_s=%00", "by=x&by=y"])
def test_a_page_without_parameters_ignores_them(watched: Watched, path: str, query: str) -> None:
    assert watched.get(f"{path}?{query}")[0] == 200


@pytest.mark.parametrize(
    "name", ["", "..", "%2e%2e", "x", "%ff", "%00", LONG, "words.js/", "a.b.c"]
)
def test_a_file_that_does_not_exist_is_not_found(watched: Watched, name: str) -> None:
    assert watched.get(f"/throughput/assets/{name}")[0] in {400, 404}


def test_a_stream_of_another_type_is_trouble_until_it_is_gone(watched: Watched) -> None:
    with server(watched) as client:
        client.delete(STREAM)
        client.set(STREAM, "x")
        watched.until(True, False)
        assert watched.get("/healthcheck") == (200, "OK")
        client.delete(STREAM)
    watched.until(False, False)
    assert watched.source()["faults"] == 0


def test_a_broker_that_was_away_is_followed_again(watched: Watched, tmp_path: Path) -> None:
    watched.broker.kill()
    watched.until(True, True)
    recent = watched.data()["recent"]
    assert watched.get("/healthcheck") == (200, "OK")
    assert all(not one["workers"] or one["finished_per_s"] is not None for one in recent["pools"])
    registry = Reaper()
    try:
        watched.broker, _ = start_broker(tmp_path, registry, watched.broker_port)
        watched.until(False, False)
        assert watched.source()["faults"] == 0
        assert watched.data()["recent"]["waiting"] == 0
        watched.broker.kill()
    finally:
        registry.close()
