"""The scripts as a state machine: a published message is in exactly one place, whatever happens.

Consumers crash, replies are lost and leases expire between any two steps, on a real server.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from cluster.reaper import Reaper
from kombu_lease import dead, scripts
from kombu_lease.claims import Claimed, Sources, claim_now
from kombu_lease.delivery import decoded
from kombu_lease.errors import LeaseLostError
from kombu_lease.keys import keys, unpack
from tests.lease.farm import Server

KEYS = keys()
QUEUES = ("one", "two")
LISTS = ("one", "two", "one\x06\x163", "two\x06\x163")
SOURCES = Sources(queues=QUEUES, lists=LISTS, holds="11", fair=True)


@dataclass
class Consumer:
    """A consumer as it sees itself."""

    name: str = field(default_factory=lambda: uuid4().hex)
    number: int = 0
    lost: bool = False

    @property
    def held_key(self) -> str:
        """Its hash."""
        return KEYS.held + self.name

    def lose(self) -> None:
        """Learn that the lease is lost."""
        self.lost = True


class Machine(RuleBasedStateMachine):
    """Publishes, claims, renews, acknowledges, returns and reaps."""

    consumers = Bundle("consumers")
    deliveries = Bundle("deliveries")  # what a consumer has in its hands

    server: Server

    def __init__(self) -> None:
        super().__init__()
        self.client = self.server.client
        self.client.flushdb()
        self.published: set[int] = set()
        self.done: set[int] = set()
        self.dropped: set[int] = set()

    @rule(target=consumers)
    def start(self) -> Consumer:
        consumer = Consumer()
        self._tick(consumer, create=True)
        return consumer

    @rule(place=st.sampled_from(LISTS), due=st.booleans(), info=st.booleans())
    def publish(self, place: str, due: bool, info: bool) -> None:
        mark = len(self.published)
        self.published.add(mark)
        properties: dict[str, Any] = {"delivery_tag": str(mark)}
        if info:
            properties["delivery_info"] = {"exchange": "", "routing_key": place}
        message = json.dumps({"body": str(mark), "properties": properties, "n": []})
        if due:
            value = b"%d:%b%b" % (len(place), place.encode(), message.encode())
            self.client.zadd(KEYS.delayed, {value: 10})
        else:
            self.client.lpush(place, message)

    @rule(target=deliveries, consumer=consumers, credit=st.integers(1, 4), lost=st.booleans())
    def claim(self, consumer: Consumer, credit: int, lost: bool) -> Any:
        consumer.number += 1
        claimed = self._claim(consumer, credit)
        if lost:  # the reply was, so ask again
            again = self._claim(consumer, credit)
            assert again == claimed
        return multiple(*((consumer, one) for one in claimed))

    @rule(consumer=consumers, credit=st.integers(1, 4), arrives=st.booleans())
    def claim_and_abandon(self, consumer: Consumer, credit: int, arrives: bool) -> None:
        consumer.number += 1
        if arrives:
            self._claim(consumer, credit)
        self._settle(consumer, "close", "g", str(consumer.number))
        consumer.number += 1
        assert self._claim(consumer, credit) == []  # closed, so nothing can get lost in it
        if not consumer.lost:
            self.client.hdel(consumer.held_key, "@g")

    @rule(delivery=consumes(deliveries), twice=st.booleans())
    def ack(self, delivery: tuple[Consumer, Claimed], twice: bool) -> None:
        consumer, claimed = delivery
        mark = self._mark(claimed.message)
        here = self.client.hexists(consumer.held_key, claimed.field)
        for _ in range(1 + twice):
            self._settle(consumer, "ack", claimed.field, "")
        if here:
            self.done.add(mark)
        elif consumer.lost:
            words = [claimed.message, 10_000]
            if scripts.LATE.run(self.client, [claimed.list_key], words):
                self.done.add(mark)

    @rule(
        delivery=consumes(deliveries),
        operation=st.sampled_from(["head", "tail", "dead", "wait"]),
        twice=st.booleans(),
    )
    def settle(self, delivery: tuple[Consumer, Claimed], operation: str, twice: bool) -> None:
        consumer, claimed = delivery
        argument = {"dead": "why", "wait": "10"}.get(operation, "")
        for _ in range(1 + twice):
            self._settle(consumer, operation, claimed.field, argument)

    @rule(consumer=consumers)
    def renew(self, consumer: Consumer) -> None:
        self._tick(consumer)

    @rule(consumer=consumers, reaper=consumers, limit=st.integers(1, 3))
    def expire(self, consumer: Consumer, reaper: Consumer, limit: int) -> None:
        if self.client.zscore(KEYS.leases, consumer.name) is not None:
            self.client.zadd(KEYS.leases, {consumer.name: 1})
        self._tick(reaper, limit=limit)

    @rule(consumer=consumes(consumers))
    def end(self, consumer: Consumer) -> None:
        if not consumer.lost:
            scripts.RELEASE.run(
                self.client,
                [consumer.held_key, KEYS.dead, KEYS.leases, KEYS.order + consumer.name],
                [consumer.name],
            )
            consumer.lost = True

    @rule(requeue=st.booleans())
    def sort_out_the_dead(self, requeue: bool) -> None:
        for letter in dead.entries(self.client, count=2):
            if requeue:
                assert dead.requeue(self.client, "", [letter.id]) == 1
            else:
                assert dead.drop(self.client, "", [letter.id]) == 1
                self.dropped.add(self._mark(letter.message))

    @invariant()
    def each_message_is_in_exactly_one_place(self) -> None:
        waiting = [self._mark(raw) for name in LISTS for raw in self._range(name)]
        delayed: Any = self.client.zrange(KEYS.delayed, 0, -1)
        in_flight: list[bytes] = []
        for key in self.client.scan_iter(KEYS.held + "*"):
            values: Any = self.client.hgetall(key)
            in_flight += [v for f, v in values.items() if not f.startswith(b"@")]
        buried = [self._mark(one.message) for one in dead.entries(self.client)]
        held = [self._mark(unpack(value)[1]) for value in in_flight]
        late = [self._mark(unpack(value)[1]) for value in delayed]
        places = [*waiting, *late, *held, *buried, *self.done, *self.dropped]
        assert sorted(places) == sorted(self.published)

    @invariant()
    def what_is_held_has_a_lease(self) -> None:
        held = {key.decode() for key in self.client.scan_iter(KEYS.held + "*")}
        leases: Any = self.client.zrange(KEYS.leases, 0, -1)
        assert held <= {KEYS.held + name.decode() for name in leases}

    def _claim(self, consumer: Consumer, credit: int) -> list[Claimed]:
        class Half:  # as much of a lease as `claim_now` needs
            held_key = consumer.held_key
            lose = consumer.lose

        try:
            return claim_now(self.client, Half(), KEYS, ("g", consumer.number), SOURCES, credit)  # type: ignore[arg-type]
        except LeaseLostError:
            return []

    def _settle(self, consumer: Consumer, *words: str) -> None:
        keys = [consumer.held_key, KEYS.dead, KEYS.delayed]
        if scripts.SETTLE.run(self.client, keys, words) == b"lost":
            consumer.lose()

    def _tick(self, consumer: Consumer, create: bool = False, limit: int = 100) -> None:
        words = (consumer.name, 60_000, int(create), 1, 1000, limit, KEYS.held, KEYS.order)
        keys = [consumer.held_key, KEYS.dead, KEYS.leases, KEYS.delayed]
        if scripts.TICK.run(self.client, keys, words)[0] == b"lost":
            consumer.lose()

    def _range(self, name: str) -> Iterable[bytes]:
        found: Any = self.client.lrange(name, 0, -1)
        return list(found)

    @staticmethod
    def _mark(message: bytes) -> int:
        return int(decoded(message)["body"])


@pytest.mark.timeout(400)
def test_each_message_is_always_in_exactly_one_place() -> None:
    reaper = Reaper()
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder), reaper)
        try:
            chosen = settings(max_examples=100, stateful_step_count=30)
            case = type("Case", (Machine,), {"server": server})
            run_state_machine_as_test(case, settings=chosen)
        finally:
            server.client.close()
            server.kill()
            reaper.close()
