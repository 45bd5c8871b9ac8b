"""Key prefixes in a broker are reported only if that is certain, and without asking for much."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from kombu import Connection
from redis import Redis

from monitor.reading.key_prefixes import KEYS_PER_SCAN, MAX_SCANS, hidden_prefixes
from tests.hostile.real_server import real

BINDING = "shop:_kombu.binding.celery"


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    """Start a broker with a queue of a project with a key prefix; return its port."""
    with real(tmp_path) as found:
        Redis(port=found).sadd(BINDING, "celery")
        yield found


def found_at(port: int, userinfo: str = "", **options: str) -> list[str]:
    address = f"redis://{userinfo}127.0.0.1:{port}/0"
    with Connection(address, transport_options=options) as connection:
        return hidden_prefixes(connection.default_channel)


def test_the_prefix_of_all_queues_is_found(port: int) -> None:
    for exchange in ("celeryev", "celery.pidbox", "reply.celery.pidbox"):  # Flower's own
        Redis(port=port).sadd(f"_kombu.binding.{exchange}", exchange)
    assert found_at(port) == ["shop:"]
    assert found_at(port, global_keyprefix="blog:") == []


def test_if_a_queue_has_no_prefix_none_is_reported(port: int) -> None:
    Redis(port=port).sadd("_kombu.binding.io", "io")
    assert found_at(port) == []


def test_a_broker_with_too_many_keys_is_not_searched_to_its_end(port: int) -> None:
    client = Redis(port=port)
    before = client.info("commandstats").get("cmdstat_scan", {}).get("calls", 0)
    client.mset({f"cache:{n}": "" for n in range(2 * MAX_SCANS * KEYS_PER_SCAN)})
    assert found_at(port) == []
    stats = client.info("commandstats")
    assert stats["cmdstat_scan"]["calls"] - before == MAX_SCANS
    assert "cmdstat_keys" not in stats


def test_a_user_who_may_not_scan_is_no_trouble(port: int) -> None:
    Redis(port=port).acl_setuser(
        "flower",
        enabled=True,
        nopass=True,
        keys=["*"],
        channels=["*"],
        commands=["+@all", "-scan"],
    )
    assert found_at(port, "flower:any@") == []
