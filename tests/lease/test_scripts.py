"""What the scripts do to messages: their marks, their order, their limits."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cluster.reaper import Reaper
from kombu_lease import dead, scripts
from kombu_lease.claims import Claimed, Sources, claim_now
from kombu_lease.holding import Held, Holding
from kombu_lease.keys import keys
from kombu_lease.options import ACK_LIMIT
from kombu_lease.phase import Phase
from kombu_lease.settling import Settling
from tests.lease.farm import Server

KEYS = keys()
TEXT = st.text(max_size=8)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
#: Headers that try to look like what the scripts search for.
TRAPS = st.sampled_from(
    ['"delivery_info": {', '\\"delivery_info\\": {', "delivery_info", '{"deliveries": 7, ']
)


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[redis.Redis]:
    reaper = Reaper()
    server = Server(tmp_path_factory.mktemp("server"), reaper)
    yield server.client
    server.client.close()
    server.kill()
    reaper.close()


class Holder:
    """As much of a lease as a claim needs."""

    def __init__(self, client: redis.Redis, name: str) -> None:
        self.client = client
        self.name = name
        self.held_key = KEYS.held + name
        self.tick(create=True)

    def tick(self, create: bool = False, limit: int = 100) -> Any:
        """Renew, reap, queue what is due."""
        words = (
            self.name,
            60_000,
            int(create),
            int(not create),
            1000,
            limit,
            KEYS.held,
            KEYS.order,
        )
        found = [self.held_key, KEYS.dead, KEYS.leases, KEYS.delayed]
        return scripts.TICK.run(self.client, found, words)

    def claim(self, number: int, credit: int, *lists: str, **options: Any) -> list[Claimed]:
        """Claim messages."""
        queues = options.get("queues", lists)
        sources = Sources(
            queues=tuple(queues),
            lists=lists,
            holds="1" * len(queues),
            fair=options.get("fair", True),
        )
        return claim_now(self.client, self, KEYS, ("g", number), sources, credit)  # type: ignore[arg-type]

    def expire(self) -> None:
        """Let so much time pass that the lease ends."""
        self.client.zadd(KEYS.leases, {self.name: 1})

    def lose(self) -> None:
        """Learn that the lease is lost."""


@given(
    body=JSON,
    headers=st.dictionaries(TEXT | TRAPS, JSON | TRAPS, max_size=3),
    times=st.integers(1, 3),
)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_returned_message_is_marked_and_otherwise_unchanged(
    client: redis.Redis, body: Any, headers: Any, times: int
) -> None:
    client.flushdb()
    content = {
        "body": body,
        "headers": headers,
        "properties": {"delivery_info": {"exchange": "e"}, "priority": 0},
    }
    client.lpush("q", json.dumps(content))
    for number in range(times):
        holder = Holder(client, f"h{number}")
        assert len(holder.claim(1, 5, "q")) == 1
        holder.expire()
        Holder(client, "reaper").tick()
    [raw] = client.lrange("q", 0, -1)
    expected: dict[str, Any] = json.loads(json.dumps(content))
    expected["properties"]["delivery_info"] |= {"redelivered": True, "deliveries": times}
    assert json.loads(raw) == expected


def test_messages_return_to_the_head_in_their_order(client: redis.Redis) -> None:
    client.flushdb()
    for mark in range(30):
        client.lpush("q", str(mark))
    holder = Holder(client, "h")
    for number, credit in ((1, 3), (2, 12), (3, 4)):
        holder.claim(number, credit, "q")
    holder.expire()
    reaper = Holder(client, "reaper")
    answers = [reaper.tick(limit=8)[1:] for _ in range(3)]
    assert [returned for returned, _, _ in answers] == [8, 8, 3]
    assert [more for _, _, more in answers] == [1, 1, 0]
    found: Any = client.lrange("q", 0, -1)
    assert [int(raw) for raw in reversed(found)] == list(range(30))


def test_a_half_reaped_lease_is_lost(client: redis.Redis) -> None:
    client.flushdb()
    client.lpush("q", *range(5))
    holder = Holder(client, "h")
    holder.claim(1, 5, "q")
    holder.expire()
    Holder(client, "reaper").tick(limit=2)
    assert holder.tick()[0] == b"lost"


def test_queues_share_a_claim_and_priorities_go_first(client: redis.Redis) -> None:
    client.flushdb()
    for name in ("a", "b", "c"):
        client.lpush(name, *[f"{name}{i}" for i in range(5)])
    client.lpush("b\x06\x163", "late")
    lists = ("a", "b", "c", "a\x06\x163", "b\x06\x163", "c\x06\x163")
    names = ("a", "b", "c")
    holder = Holder(client, "h")
    taken = [one.message.decode() for one in holder.claim(1, 6, *lists, queues=names)]
    assert sorted(taken) == ["a0", "a1", "b0", "b1", "c0", "c1"]
    strict = [one.message.decode() for one in holder.claim(2, 4, *lists, queues=names, fair=False)]
    assert strict == ["a2", "a3", "a4", "b2"]
    rest = [one.message.decode() for one in holder.claim(3, 100, *lists, queues=names)]
    assert sorted(rest) == ["b3", "b4", "c2", "c3", "c4", "late"]
    assert rest[-1] == "late"


def test_claims_work_when_redis_is_out_of_memory(client: redis.Redis) -> None:
    client.flushdb()
    client.lpush("q", *["x" * 1000] * 20)
    holder = Holder(client, "h")
    client.config_set("maxmemory", 1)
    try:
        with pytest.raises(redis.exceptions.OutOfMemoryError):
            client.lpush("q", "more")
        assert len(holder.claim(1, 50, "q")) == 20
        assert holder.tick()[0] == b"ok"
    finally:
        client.config_set("maxmemory", 0)


def test_a_queue_that_is_no_list_does_not_stop_the_others(client: redis.Redis) -> None:
    client.flushdb()
    client.lpush("q", "m")
    holder = Holder(client, "h")
    holder.claim(1, 1, "q")
    client.set("q", "not a list any more")
    holder.expire()
    assert Holder(client, "reaper").tick()[1] == 1
    [letter] = dead.entries(client)
    assert letter.message == b"m"
    assert "WRONGTYPE" in letter.reason


def test_a_claim_loses_nothing_if_one_of_its_queues_is_no_list(client: redis.Redis) -> None:
    client.flushdb()
    client.lpush("a", "m")
    client.set("b", "not a list")
    holder = Holder(client, "h")
    [claimed] = holder.claim(1, 5, "a", "b")
    assert client.hget(holder.held_key, claimed.field) == b"1:am"
    with pytest.raises(redis.ResponseError, match="WRONGTYPE"):
        holder.claim(2, 5, "a", "b")
    holder.expire()
    assert Holder(client, "reaper").tick()[1] == 1
    assert client.lrange("a", 0, -1) == [b"m"]


def test_a_late_acknowledgement_cancels_only_a_copy_near_the_head(client: redis.Redis) -> None:
    client.flushdb()
    raw = json.dumps({"properties": {"delivery_info": {}}})
    client.lpush("q", *range(50), raw)
    holder = Holder(client, "h")
    holder.claim(1, 51, "q")
    holder.expire()
    Holder(client, "reaper").tick()
    assert scripts.LATE.run(client, ["q"], [raw, 20]) == 0
    assert scripts.LATE.run(client, ["q"], [raw, 100]) == 1
    assert scripts.LATE.run(client, ["q"], [raw, 100]) == 0
    assert client.llen("q") == 50


def test_scripts_are_loaded_again_when_redis_forgets_them(client: redis.Redis) -> None:
    client.flushdb()
    holder = Holder(client, "h")
    client.script_flush()
    assert holder.tick()[0] == b"ok"


def test_reaping_costs_the_same_with_many_consumers(client: redis.Redis) -> None:
    client.flushdb()
    client.zadd(KEYS.leases, {f"c{i}": 10**15 for i in range(1000)})
    holder = Holder(client, "h")
    client.config_resetstat()
    for _ in range(50):
        holder.tick()
    stats: Any = client.info("commandstats")
    per_tick = {name: row["calls"] / 50 for name, row in stats.items()}
    assert per_tick["cmdstat_zrange"] == 2  # what is due, and which leases have expired
    assert "cmdstat_hkeys" not in per_tick


def test_what_is_done_is_not_handed_back_with_what_nobody_refers_to(client: redis.Redis) -> None:
    client.flushdb()
    client.lpush("q", "done", "dropped")
    holder = Holder(client, "h")
    done, dropped = holder.claim(1, 2, "q")
    holding = Holding(lambda: None)
    for claimed in (done, dropped):
        holding.add(claimed.field, Held(claimed.list_key, claimed.message))
    holding.ack(done.field)  # it may wait for company
    holding.orphans.add([done.field, dropped.field])
    Settling(KEYS, holder.name, holding, Phase(), holder.lose).send(client, lambda: False)
    assert client.lrange("q", 0, -1) == [b"dropped"]
    assert not holding.messages


def test_a_lease_with_many_messages_is_sorted_once_and_keeps_their_order(
    client: redis.Redis,
) -> None:
    client.flushdb()
    client.lpush("q", *range(2500))
    holder = Holder(client, "h")
    claimed = [one for number in (1, 2) for one in holder.claim(number, 1250, "q")]
    holder.expire()
    reaper = Holder(client, "reaper")
    client.config_resetstat()
    assert list(reaper.tick(limit=300)) == [b"ok", 300, 0, 1]
    client.hdel(holder.held_key, claimed[100].field)  # it is acknowledged late
    while reaper.tick(limit=300)[3]:
        pass
    stats: Any = client.info("commandstats")
    assert stats["cmdstat_hkeys"]["calls"] <= 2  # all, and what is left in the end
    expected = [one.message for one in claimed if one is not claimed[100]]
    assert client.lrange("q", 0, -1) == expected[::-1]
    left: Any = client.keys("_kombu.lease.*")
    assert set(left) == {KEYS.leases.encode(), reaper.held_key.encode()}


def test_sending_stops_for_something_more_urgent(client: redis.Redis) -> None:
    client.flushdb()
    client.lpush("q", *range(2 * ACK_LIMIT + 2))
    holder = Holder(client, "h")
    *done, dropped, moved = holder.claim(1, 2 * ACK_LIMIT + 2, "q")
    holding = Holding(lambda: None)
    for claimed in (*done, dropped, moved):
        holding.add(claimed.field, Held(claimed.list_key, claimed.message))
    for claimed in done:
        holding.ack(claimed.field)
    holding.settle("tail", moved.field)
    holding.orphans.add([done[-1].field, dropped.field])
    settling = Settling(KEYS, holder.name, holding, Phase(), holder.lose)
    settling.send(client, lambda: True)
    assert len(holding.acks) == ACK_LIMIT
    assert client.lrange("q", 0, -1) == [moved.message]
    settling.send(client, lambda: True)
    assert not holding.acks
    assert client.lrange("q", 0, -1) == [moved.message, dropped.message]
    assert not holding.messages
