"""Refuses to start a Flower that other machines could reach without a login.

Anyone who reaches Flower can stop workers and revoke tasks, and by default it has no login.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from tasks.errors import UsageError
from tasks.text_file import lines_of

#: The address on which docker-compose.yml publishes Flower's port. In a container Flower must
#: listen on every address, so the published one decides who can reach it.
PUBLISHED_VARIABLE = "POOLWISE_FLOWER_PUBLISHED_ON"
#: Flower's URL as the user types it, for the log.
URL_VARIABLE = "POOLWISE_FLOWER_URL"
#: Flower takes a higher one modulo 65,536, and would listen elsewhere.
HIGHEST_PORT = 65_535
#: Flower's variable of logins, `user:password`, which it splits at commas.
VARIABLE = "FLOWER_BASIC_AUTH"
#: A file of such logins, separated by commas or line breaks.
FILE_VARIABLE = "FLOWER_BASIC_AUTH_FILE"


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessSettings:
    """Where Flower listens, with the logins that it requires."""

    address: str  # empty: every address
    unix_socket: str  # path; empty: none
    basic_auth: tuple[str, ...]  # user:password
    oauth: bool
    port: int = 5_555


def require_login(options: Any, environment: Mapping[str, str]) -> list[str]:
    """Return the logins that Flower must ask for, as `user:password`; none if it is open.

    Exits with one line and code 2 if Flower's `options` would let others in without a login.
    """
    try:
        logins = read_logins(options.basic_auth or (), environment)
        settings = AccessSettings(
            address=options.address,
            unix_socket=options.unix_socket,
            basic_auth=logins,
            oauth=bool(options.auth),
            port=options.port,
        )
        check(settings, environment)
    except UsageError as error:
        sys.stderr.write(f"error: {error}\n")
        sys.exit(error.exit_code)
    if url := environment.get(URL_VARIABLE):
        sys.stderr.write(f"Flower is at {url}\n")
    return list(logins)


def read_logins(given: Sequence[str], environment: Mapping[str, str]) -> tuple[str, ...]:
    """Return the logins of the credentials file or, if it has none, those `given` to Flower.

    Raises UsageError, which never quotes a login, if the file or any login is unusable.
    """
    # Flower makes one empty login of an empty variable, and everyone knows that one.
    is_empty = list(given) == [""] and environment.get(VARIABLE) == ""
    logins = _checked(() if is_empty else given, f"{VARIABLE}: every entry")
    return read_credentials(environment) or logins


def read_credentials(environment: Mapping[str, str]) -> tuple[str, ...]:
    """Return the logins in the file that the environment names, if any.

    Raises UsageError, which never quotes the file, if the file or a login is unusable.
    """
    name = environment.get(FILE_VARIABLE)
    if not name:
        return ()
    try:
        # Empty, as docker/none is in the containers: no credentials, even if it cannot be read.
        empty = Path(name).stat().st_size == 0
        lines = [] if empty else lines_of(Path(name))
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8 text"
        raise UsageError(f"{FILE_VARIABLE}: cannot read {name} ({reason})") from None
    entries = (entry for line in lines for entry in line.split(",") if entry.strip())
    return _checked(entries, f"{FILE_VARIABLE}: every entry in {name}")


def check(settings: AccessSettings, environment: Mapping[str, str]) -> None:
    """Raise UsageError if there is no such port, or others could reach Flower without a login."""
    if not 0 <= settings.port <= HIGHEST_PORT:
        raise UsageError(f"Flower cannot listen on port {settings.port}: ports are 0 to 65535")
    if settings.unix_socket or is_loopback(settings.address):
        return
    has_logins = bool(settings.basic_auth) and all(map(_is_login, settings.basic_auth))
    if settings.oauth or has_logins:
        return
    published_on = environment.get(PUBLISHED_VARIABLE, "")
    if is_loopback(published_on):
        return
    raise UsageError(
        f"Flower would listen on {published_on or settings.address or 'every address'} without a "
        "login, and anyone who could reach it could stop your workers: set "
        "FLOWER_BASIC_AUTH=user:password, FLOWER_BASIC_AUTH_FILE=FILE or OAuth (FLOWER_AUTH), or "
        "let it listen on 127.0.0.1 only"
    )


def is_loopback(address: str) -> bool:
    """Return whether `address` is "localhost" or a loopback IP; other host names are not."""
    if address == "localhost":
        return True
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False


def _checked(entries: Iterable[str], subject: str) -> tuple[str, ...]:
    """Return the entries without spaces around them; raise UsageError if one is no login."""
    logins = tuple(entry.strip() for entry in entries)
    if not all(map(_is_login, logins)):
        raise UsageError(
            f"{subject} must be user:password in ASCII; a comma starts a new entry, so remove any "
            "at the end or in a password"
        )
    return logins


def _is_login(text: str) -> bool:
    """Return whether Flower accepts it from a browser: it fails to compare other characters."""
    user, colon, password = text.partition(":")
    return bool(user and colon and password) and text.isascii()
