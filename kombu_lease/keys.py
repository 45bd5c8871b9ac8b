"""The names of the keys in Redis, apart from the queues, whose names are kombu's."""

from __future__ import annotations

from dataclasses import dataclass

#: What all names begin with.
OWN = "_kombu.lease."


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """The keys of one database, each with the global prefix."""

    leases: str  # sorted set: consumers by the time at which their lease ends, in ms since 1970
    held: str  # begins the key of each consumer's hash: its messages in flight by field
    order: str  # begins the key of the list of a dead consumer's fields, while they are taken over
    delayed: str  # sorted set: messages by the time at which they are due, in ms since 1970
    dead: str  # stream: see `kombu_lease.dead`


def keys(prefix: str = "") -> Keys:
    """Return the keys of applications that use `prefix` as their `global_keyprefix`."""
    own = prefix + OWN
    return Keys(
        leases=f"{own}leases",
        held=f"{own}held.",
        order=f"{own}order.",
        delayed=f"{own}delayed",
        dead=f"{own}dead",
    )


def pack(list_key: str, message: bytes) -> bytes:
    """Return a value that names the list of a message; see `lua/common.lua`."""
    name = list_key.encode()
    return b"%d:%b%b" % (len(name), name, message)


def unpack(value: bytes) -> tuple[str, bytes]:
    """Return the list and the message in a value."""
    length, _, rest = value.partition(b":")
    return rest[: int(length)].decode(), rest[int(length) :]
