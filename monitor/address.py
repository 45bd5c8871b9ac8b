"""Whether Flower may listen where it was told to; it knows nothing of what Flower shows there.

Flower lets whoever reaches it stop workers and revoke tasks, and asks for no credential by itself.
So an address that others can reach is refused without one.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from tasks.errors import UsageError

#: In a container Flower has to listen on all of the container's addresses, and what counts is where
#: its port is published: docker-compose.yml says here the very address that it publishes on.
PUBLISHED_VARIABLE = "POOLWISE_FLOWER_PUBLISHED_ON"
#: The page's address as a person types it, to be told in the log.
URL_VARIABLE = "POOLWISE_FLOWER_URL"
#: A file with `user:password`, one pair a line or with commas between.
FILE_VARIABLE = "FLOWER_BASIC_AUTH_FILE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """Where Flower listens, and who is let in."""

    address: str  # empty: everywhere
    unix_socket: str  # path; empty: none
    basic_auth: tuple[str, ...]  # user:password pairs
    oauth: bool


def guard(options: Any, environment: Mapping[str, str]) -> list[str] | None:
    """Return the credentials that a file adds to Flower's `options`, None where there is no file.

    Ends the process with one line and exit code 2 where Flower may not listen as it was told.
    """
    try:
        pairs = basic_auth(environment)
        door = Door(
            address=options.address,
            unix_socket=options.unix_socket,
            basic_auth=pairs or tuple(options.basic_auth or ()),
            oauth=bool(options.auth),
        )
        check(door, environment)
    except UsageError as error:
        sys.stderr.write(f"error: {error}\n")
        sys.exit(error.exit_code)
    if url := environment.get(URL_VARIABLE):
        sys.stderr.write(f"Flower is at {url}\n")
    return list(pairs) or None


def basic_auth(environment: Mapping[str, str]) -> tuple[str, ...]:
    """Return the `user:password` pairs of the file that the environment names, if it names one.

    Raises UsageError, without telling what the file holds, where it cannot be used.
    """
    name = environment.get(FILE_VARIABLE)
    if not name:
        return ()
    try:
        text = Path(name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "no text"
        raise UsageError(f"{FILE_VARIABLE} names {name}, which cannot be read ({reason})") from None
    pairs = tuple(pair.strip() for pair in text.replace(",", "\n").splitlines() if pair.strip())
    if not all(_is_pair(pair) for pair in pairs):
        raise UsageError(f"{FILE_VARIABLE}: every line of {name} must read user:password")
    return pairs


def check(door: Door, environment: Mapping[str, str]) -> None:
    """Raise UsageError where anybody on the network could come in."""
    if door.unix_socket or is_loopback(door.address):
        return
    if door.oauth or any(_is_pair(pair) for pair in door.basic_auth):
        return
    published_on = environment.get(PUBLISHED_VARIABLE, "")
    if is_loopback(published_on):
        return
    raise UsageError(
        f"Flower on {published_on or door.address or 'every address'} would let everybody who "
        "reaches it stop workers: set FLOWER_BASIC_AUTH=user:password, FLOWER_BASIC_AUTH_FILE=FILE "
        "or OAuth (FLOWER_AUTH), or keep it on 127.0.0.1"
    )


def is_loopback(address: str) -> bool:
    """Say whether only this machine reaches `address`; a name that is no address does not count."""
    if address == "localhost":
        return True
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False


def _is_pair(text: str) -> bool:
    user, colon, password = text.partition(":")
    return bool(user and colon and password)
