"""Moves messages to the dead letters, in the same step in which they stop being held."""

from __future__ import annotations

from typing import Any

from kombu.utils.json import dumps

from kombu_lease.dead import DeadLetter, stream
from worker.delivery import limits
from worker.delivery.keys import OWNER
from worker.delivery.payload import key_of, task_id_of
from worker.delivery.registration import ThisProcess
from worker.delivery.scripts import COUNT, KEEP


def owned(message: Any) -> bool:
    """Return whether a message came from a queue of Redis, through our channel."""
    return hasattr(message, "queue") and hasattr(message.channel, "keys")


def keep(message: Any, reason: str) -> None:
    """Keep a message that no worker can run; raise what the broker raises."""
    if not owned(message):
        return
    channel, keys = message.channel, message.channel.keys
    letter = _letter(message, reason, deliveries=0)
    names = (keys.held(OWNER), keys.index_of(OWNER), stream(keys.prefix))
    channel.bare.eval(KEEP, len(names), *names, message.delivery_tag, *letter.fields())


def count_death(message: Any, most_deaths: int) -> bool:
    """Count that a slot of the pool died with a task; return whether its message is dead."""
    channel, keys = message.channel, message.channel.keys
    reason = f"its process died {limits.times(most_deaths)} while it ran"
    letter = _letter(message, reason, deliveries=most_deaths)
    tag = message.delivery_tag
    names = (
        *(keys.held(OWNER), keys.index_of(OWNER), keys.started(OWNER)),
        *(keys.deaths(task_id_of(message._raw, tag)), stream(keys.prefix)),
    )
    bounds = (most_deaths, limits.DEATHS_KEPT_S * 1_000)
    return bool(channel.bare.eval(COUNT, len(names), *names, tag, *bounds, *letter.fields()) == -1)


def _letter(message: Any, reason: str, deliveries: int) -> DeadLetter:
    channel = message.channel
    return DeadLetter(
        key=f"{channel.keys.prefix}{key_of(channel, message._raw, message.queue)}",
        message=dumps(message._raw).encode(),
        reason=" ".join(reason.split()),
        deliveries=deliveries,
        worker=ThisProcess.node,
    )
