"""Restores the messages of workers that died, from a thread of a worker that lives."""

from __future__ import annotations

import json
import re
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

from celery.utils.log import worker_logger

from kombu_lease.dead import DeadLetter, stream
from worker.delivery import limits
from worker.delivery.keys import OWNER, Keys
from worker.delivery.payload import key_of, put_back, task_id_of
from worker.delivery.qos import BROKER_ERRORS
from worker.delivery.registration import ThisProcess, forget
from worker.delivery.scripts import RESTORE

#: Messages that are read at once; each may be large.
CHUNK: Final = 20
#: The owner of the messages of workers that have no hash of their own, without this code.
NOBODY: Final = ""

_RESTORED = "%s does not answer: restored %d of its messages"
_DEAD = (
    "messages of %s that became dead letters, because their tasks may have killed it: %d; see "
    "`poolwise dead list`"
)
_LEFT = "cannot restore the message %r; it stays in the hash %s"


class Recovery:
    """What this worker has seen of others, and what it does about it."""

    def __init__(self, channel: Any, keys: Keys, most_deaths: int) -> None:
        """Begin with a new connection. Of `channel`, only kombu's knowledge of queues is used."""
        self._channel = channel
        self._keys = keys
        self._most_deaths = most_deaths
        self._missing: Counter[str] = Counter()
        self._left: set[tuple[str, bytes]] = set()  # what was reported as impossible to restore
        self._sure_s = time.monotonic() + limits.ALIVE_S

    def look(self, missing: list[str]) -> list[str]:
        """Note which owners are missing; return those that have been missing for long enough."""
        for owner in set(self._missing) - set(missing):
            del self._missing[owner]
        self._missing.update(missing)
        if time.monotonic() < self._sure_s:
            return []
        return [owner for owner in missing if self._missing[owner] >= limits.LOOKS]

    def restore(self, client: Any, owner: str, deadline_s: float) -> None:
        """Restore messages of a dead owner until the deadline, unless another worker does."""
        claim = self._keys.claim(owner)
        if not client.set(claim, OWNER, nx=True, px=int(limits.CLAIM_S * 1_000)):
            return
        fates: Counter[str] = Counter()
        for tags in _chunks(self._tags(client, owner), CHUNK):
            fates.update(self._decided(client, owner, tags))
            if time.monotonic() > deadline_s:
                break
        node = client.hget(self._keys.owners, owner) or b"a worker"
        forget(client, self._keys, owner)
        client.delete(claim)
        if fates["restored"]:
            worker_logger.warning(_RESTORED, node.decode(), fates["restored"])
        if fates["dead"]:
            worker_logger.error(_DEAD, fates["dead"], node.decode())

    def _tags(self, client: Any, owner: str) -> list[bytes]:
        """Return the delivery tags of its messages, the newest first, to be put back first.

        Of messages that belong to nobody, only those whose visibility timeout is over.
        """
        index = self._keys.index_of(owner)
        if owner == NOBODY:
            ceiling = time.time() - self._channel.visibility_timeout
            found: list[bytes] = client.zrevrangebyscore(index, ceiling, "-inf")
        else:
            found = client.zrevrange(index, 0, -1)
        return found

    def _decided(self, client: Any, owner: str, tags: list[bytes]) -> Iterator[str]:
        """Decide about some messages, and return what became of each."""
        noted = client.hmget(self._keys.held(owner), tags)
        # As a transaction, so that a waiting worker gets the oldest, not what is pushed first.
        pipe = client.pipeline(transaction=True)
        for tag, text in zip(tags, noted, strict=True):
            try:
                self._decide(pipe, owner, tag.decode(), text)
            except BROKER_ERRORS:
                raise
            except Exception:  # noqa: BLE001 - one note must not keep the others back
                self._leave(owner, tag)
        for fate in pipe.execute():
            yield fate.decode()

    def _decide(self, pipe: Any, owner: str, tag: str, noted: bytes | None) -> None:
        """Add the script that decides about one message to `pipe`."""
        keys, prefix = self._keys, self._keys.prefix
        raw, exchange, routing_key = json.loads(noted) if noted else ({}, "", "")
        key = text = ""
        others: list[str] = []
        if noted:
            queue, *others = self._queues(exchange, routing_key)
            key, text = put_back(self._channel, raw, queue)
            key.encode()  # here, because the pipeline encodes it only when it is sent
        names = (
            *(keys.held(owner), keys.index_of(owner), f"{prefix}{key}", keys.alive(owner)),
            *(keys.started(owner), keys.deaths(task_id_of(raw, tag)), keys.trial, stream(prefix)),
            *(f"{prefix}{key_of(self._channel, raw, other)}" for other in others),
        )
        letter = given_up(f"{prefix}{key}", text, self._most_deaths)
        bounds = (
            *(self._most_deaths, limits.suspect_from(self._most_deaths)),
            *(limits.TRIAL_S * 1_000, limits.DEATHS_KEPT_S * 1_000),
        )
        pipe.eval(RESTORE, len(names), *names, tag, text, *bounds, *letter.fields())

    def _leave(self, owner: str, tag: bytes) -> None:
        """Report, once, that a message cannot be restored; it stays noted."""
        if (owner, tag) not in self._left:
            self._left.add((owner, tag))
            worker_logger.error(_LEFT, tag, self._keys.held(owner), exc_info=True)

    def _queues(self, exchange: str, routing_key: str) -> list[str]:
        """Return the queues that a message may have been delivered from; raise LookupError if none.

        kombu's own code, which notes no queue, puts it back in all of them. It knows the types of
        exchanges that it declared; here, only a binding of a topic exchange has a pattern.
        """
        if not exchange:
            return [routing_key]
        queues = [
            queue
            for key, pattern, queue in self._channel.get_table(exchange)
            if (re.match(pattern, routing_key) if pattern else key == routing_key)
        ]
        if not queues:
            raise LookupError(f"no queue is bound to {exchange!r} with the key {routing_key!r}")
        return sorted(queues)


def given_up(key: str, text: str, deaths: int) -> DeadLetter:
    """Return the dead letter of a message that killed as many workers as it may."""
    return DeadLetter(
        key=key,
        message=text.encode(),
        reason=f"its worker died {limits.times(deaths)} while it ran",
        deliveries=deaths,
        worker=ThisProcess.node,
    )


def _chunks(tags: list[bytes], size: int) -> Iterator[list[bytes]]:
    for start in range(0, len(tags), size):
        yield tags[start : start + size]
