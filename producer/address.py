"""Reads the address of a broker, and shows it without its secrets; it connects to nothing.

An address that cannot be read is never shown, because any part of it could be the password: in
`redis://:pass/word@host`, the password ends the host.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl, quote, unquote, urlencode

import redis
from kombu import Connection

from tasks.errors import UsageError

#: What is shown instead of a secret, and instead of an address that cannot be read.
HIDDEN: Final = "***"
UNREADABLE: Final = "(an unreadable address)"
DEFAULT_PORT: Final = 6379

#: The options that an address may set, next to all that begin with `ssl_`. kombu knows no others;
#: these are moved to where it expects them.
OPTIONS: Final = ("db", "username", "password")
#: Further options of redis-py, which may be shown.
_OF_REDIS_PY: Final = (
    *("client_name", "protocol", "max_connections", "socket_timeout", "socket_connect_timeout"),
    *("socket_keepalive", "health_check_interval", "retry_on_timeout"),
)
#: Those that name a file or a folder.
_PATHS: Final = frozenset({"ssl_ca_certs", "ssl_ca_path", "ssl_certfile", "ssl_keyfile"})
_SECRET_OPTIONS: Final = frozenset({"password", "ssl_password"})

# The user's name and password end at the last @ before the first of / ? #, as in redis-py.
_ADDRESS: Final = re.compile(
    r"(?P<scheme>[a-z][a-z0-9+.-]*)://"
    r"(?:(?P<user>[^/?#:]*)(?P<secret>:[^/?#]*)?@)?"
    r"(?P<host>\[[0-9A-Fa-f:.]+\]|[^/?#@:;\[\]\s]*)(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<path>/[^?#@:;]*)?(?:\?(?P<query>[^#;]*))?"
)
_PLAIN: Final = re.compile(r"[\w.-]+", re.ASCII)
_PLAIN_PATH: Final = re.compile(r"[\w./~-]*", re.ASCII)
_DATABASE: Final = re.compile(r"/*[0-9]{0,5}", re.ASCII)
_OPTION: Final = re.compile(r"ssl_[a-z_]+")

_FORM: Final = "redis://:PASSWORD@HOST:6379/0"
#: The schemes of kombu_lease, with those at which every library finds the same Redis.
_OF_LEASE: Final = {"lease": "redis", "leases": "rediss"}
_SENTINELS: Final = ("sentinel://", "leasesentinel://")
_ENCODE: Final = "in the password, write % as %25, / as %2F, # as %23, ? as %3F and @ as %40"


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """The parts of a Redis address, decoded."""

    scheme: str
    user: str
    password: str
    host: str
    port: int
    db: int
    options: Mapping[str, str]

    def url(self) -> str:
        """Write the address such that redis-py, kombu and Celery all read it in the same way."""
        login = f"{quote(self.user, safe='')}:{quote(self.password, safe='')}@"
        if not self.password:
            login = f"{quote(self.user, safe='')}@" if self.user else ""
        options = f"?{urlencode(self.options)}" if self.options else ""
        return f"{self.scheme}://{login}{self.host}:{self.port}/{self.db}{options}"


def usable(url: str, source: str = "--broker") -> str:
    """Return the address at which every library finds the same Redis.

    Paths in it become absolute, because workers start in another folder.
    A scheme of kombu_lease becomes that of its Redis: the transport is chosen elsewhere.
    `source` is the option or variable that holds it, for the error: the address is not shown there.

    Raises UsageError if it is not the address of one Redis.
    """
    return parse(url, source).url()


def parse(url: str, source: str = "--broker") -> Address:
    """Read the address of one Redis; see `usable`."""
    if url.startswith(_SENTINELS):
        raise UsageError(_names_sentinels(source))
    url = as_redis(url)
    if not url.startswith(("redis://", "rediss://")):
        raise UsageError(
            "the broker URL must start with redis://, rediss://, lease:// or leases://, such as "
            f"{_FORM} (the value of {source} is not shown, because it may contain a password)"
        )
    try:
        address = _parse(url)
        _check_options(address.url())
        return address
    except ValueError as error:
        raise UsageError(f"not a valid broker URL in {source}: {error}") from None


def _names_sentinels(source: str) -> str:
    place = "with" if source.startswith("-") else f"in {source}, or with"
    return (
        f"{source} names Sentinels, which this command cannot use: name the primary itself {place} "
        f"--broker {_FORM}"
    )


def as_redis(url: str) -> str:
    """Return the URL with a scheme of Redis instead of one of kombu_lease."""
    scheme, separator, rest = url.partition("://")
    return f"{_OF_LEASE.get(scheme, scheme)}{separator}{rest}"


def with_checked_certificate(url: str) -> str:
    """Return a usable address from which kombu, too, learns to check the server's certificate.

    By default it accepts any certificate, unlike redis-py. What an address says itself is kept.
    """
    address = parse(url)
    if address.scheme != "rediss":
        return url
    return replace(address, options={"ssl_cert_reqs": "required", **address.options}).url()


def redacted(url: str) -> str:
    """Return any address without its secrets; `UNREADABLE` if they cannot be told apart."""
    found = _ADDRESS.fullmatch(url)
    if found is None or not url.isprintable() or not _PLAIN_PATH.fullmatch(found["path"] or ""):
        return UNREADABLE
    host = found["host"] if not found["port"] else f"{found['host']}:{found['port']}"
    query = _shown_options(found["scheme"], found["query"])
    return f"{found['scheme']}://{_shown_login(found)}{host}{found['path'] or ''}{query}"


def _shown_login(found: re.Match[str]) -> str:
    if found["user"] is None:
        return ""
    if found["secret"] is None:  # it may be a password whose colon was forgotten
        return f"{HIDDEN}@"
    user = found["user"] if not found["user"] or _PLAIN.fullmatch(found["user"]) else HIDDEN
    return f"{user}:{HIDDEN}@"


def _shown_options(scheme: str, query: str | None) -> str:
    if query is None:
        return ""
    options = parse_qsl(query, keep_blank_values=True)
    known = all(_known(name) or name in _OF_REDIS_PY for name, _ in options)
    if not scheme.startswith(("redis", "lease")) or not known:
        return f"?{HIDDEN}"
    shown = [(name, HIDDEN if name in _SECRET_OPTIONS else value) for name, value in options]
    return f"?{urlencode(shown, safe='*/')}"


def _known(option: str) -> bool:
    return option in OPTIONS or bool(_OPTION.fullmatch(option))


def _parse(url: str) -> Address:
    """Read an address; raise ValueError, whose text quotes nothing of it."""
    if any(ord(character) < ord(" ") or character == "\x7f" for character in url):
        raise ValueError("it contains a control character")
    found = _ADDRESS.fullmatch(url)
    if found is None:
        raise ValueError(_what_is_wrong(url))
    options = _options(found["query"] or "")
    user, password = unquote(found["user"] or ""), unquote((found["secret"] or "")[1:])
    return Address(
        scheme=found["scheme"],
        user=_encodable(user or options.pop("username", "")),
        password=_encodable(password or options.pop("password", "")),
        host=_host(found["host"]),
        port=_port(found["port"]),
        db=_db(options.pop("db", "") or found["path"] or ""),
        options={name: options[name] for name in options if name not in {"username", "password"}},
    )


def _what_is_wrong(url: str) -> str:
    if "://" in url.partition("://")[2]:
        return "it must be a single address, not a list"
    return f"it should look like {_FORM}; {_ENCODE}"


def _options(query: str) -> dict[str, str]:
    options = dict(parse_qsl(query, keep_blank_values=True))
    if not all(_known(name) for name in options):
        raise ValueError(
            "it has an option after the ? that Celery does not accept there; accepted: "
            f"{', '.join(OPTIONS)}, ssl_…"
        )
    return {name: _absolute(value) if name in _PATHS else value for name, value in options.items()}


def _absolute(path: str) -> str:
    return str(Path(path).absolute()) if path else path


def _check_options(url: str) -> None:
    """Have the libraries read the options' values; neither of them connects."""
    try:
        redis.Redis.from_url(url).connection_pool.make_connection()
        Connection(url)
    except (LookupError, TypeError, ValueError, redis.RedisError):
        raise ValueError("an option has an invalid value") from None


def _encodable(text: str) -> str:
    try:
        text.encode()
    except UnicodeError:
        raise ValueError("it contains bytes that are not UTF-8") from None
    return text


def _host(host: str) -> str:
    host = unquote(host)
    try:
        ascii_host = host.encode("idna").decode()
    except UnicodeError:
        raise ValueError("the host name is not valid") from None
    if not re.fullmatch(r"\[[0-9a-f:.]+\]|[\w.-]*", ascii_host, re.ASCII | re.IGNORECASE):
        raise ValueError(f"the host name is not valid; {_ENCODE}")
    return host or "localhost"


def _port(port: str | None) -> int:
    number = DEFAULT_PORT if port is None else int(port)
    if not 0 < number < 65_536:
        raise ValueError("the port must be a number from 1 to 65535")
    return number


def _db(text: str) -> int:
    if not _DATABASE.fullmatch(text):
        raise ValueError("the database must be a number, as in redis://HOST:6379/0")
    return int(text.lstrip("/") or 0)
