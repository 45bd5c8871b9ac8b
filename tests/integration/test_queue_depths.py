"""What cannot be a queue costs no other queue its depth, and every other error is raised."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from kombu import Connection
from redis import Redis

from producer.queues import depth, depths
from tests.hostile.real_server import real

#: No queues: how a key of each other type is made.
NO_QUEUES: dict[str, tuple[str, ...]] = {
    "poolwise:records": ("XADD", "{}", "*", "x", "1"),
    "a string": ("SET", "{}", "x"),
    "a hash": ("HSET", "{}", "x", "1"),
    "a set": ("SADD", "{}", "x"),
    "caused error: NOPERM": ("ZADD", "{}", "1", "x"),
}
#: No text, so no key.
HALF = "half a \ud800 character"
PREFIXES: list[dict[str, Any]] = [{}, {"global_keyprefix": "shop:"}]


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    """Start a broker and return its port."""
    with real(tmp_path) as found:
        yield found


@pytest.mark.parametrize("options", PREFIXES, ids=["none", "prefix"])
@pytest.mark.parametrize("place", ["first", "last"])
def test_what_is_no_queue_is_left_out_and_the_others_are_measured(
    options: dict[str, Any], place: str, port: int
) -> None:
    server: Any = Redis(port=port)
    prefix = options.get("global_keyprefix", "")
    for key, command in NO_QUEUES.items():
        server.execute_command(*[word.format(prefix + key) for word in command])
    server.rpush(f"{prefix}full", "a", "b")
    bad, good = [*NO_QUEUES, HALF], ["full", "missing"]
    asked = [*bad, *good] if place == "first" else [*good, *bad]
    with Connection(f"redis://127.0.0.1:{port}/0", transport_options=options) as connection:
        assert depths(connection, asked) == {"full": 2, "missing": 0}
        assert depth(connection, "full") == 2
        with pytest.raises(redis.ResponseError, match="WRONGTYPE"):
            depth(connection, "a hash")


@pytest.mark.parametrize("queue", ["secret", "caused error: WRONGTYPE Operation"])
def test_a_key_that_the_user_may_not_read_is_an_error(queue: str, port: int) -> None:
    Redis(port=port).acl_setuser(
        "flower", enabled=True, nopass=True, keys=["mine*"], channels=["*"], commands=["+@all"]
    )
    with Connection(f"redis://flower:any@127.0.0.1:{port}/0") as connection:
        assert depths(connection, ["mine"]) == {"mine": 0}
        with pytest.raises(redis.exceptions.NoPermissionError):
            depths(connection, ["mine", queue])
