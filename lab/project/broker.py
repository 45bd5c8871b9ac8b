"""The broker of the user's project, as its app names it; nothing here connects to it."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit

from lab.project.describing import App, Asked, describe
from lab.project.description import BrokerDescription, read
from lab.project.interpreter import find_python
from producer.address import as_redis
from tasks.transport_options import placing

#: Seconds that importing a project may take if only its broker is of interest.
IMPORT_S: Final = 30.0
#: What to do if the app cannot be loaded.
INSTEAD: Final = (
    "run this in the folder where you start your workers, with your project's environment active, "
    "or give --broker and --transport-options instead of -A"
)
#: How an address names the values of `ssl.CERT_…`.
_CERT_REQS: Final = {
    ssl.CERT_NONE: "none",
    ssl.CERT_OPTIONAL: "optional",
    ssl.CERT_REQUIRED: "required",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectBroker:
    """A project's broker, as its app names it."""

    url: str
    options: Mapping[str, Any]  # the transport options that decide where messages are


def read_broker(name: str, python: str = "", limit_s: float = IMPORT_S) -> ProjectBroker:
    """Return the broker of the app `name`, which is found as `celery -A` finds it.

    `python` is the interpreter to use; if it is empty, the project's own is found.

    Raises UsageError if the app cannot be imported, is not a Celery app, ends the process, or takes
    longer than `limit_s`.
    """
    folder = Path.cwd()
    app = App(name=name, folder=folder, python=find_python(python, folder), fix=INSTEAD)
    found = read(app, describe(app, Asked(what="broker", limit_s=limit_s)), BrokerDescription)
    return ProjectBroker(url=with_tls(found.url, found.tls), options=placing(found.options))


def with_tls(url: str, setting: Mapping[str, Any] | bool) -> str:
    """Return `url` with what the setting `broker_use_ssl` says; options in `url` count more."""
    parts = urlsplit(as_redis(url))
    if not setting or parts.scheme not in {"redis", "rediss"}:
        return url
    options = dict(setting) if isinstance(setting, Mapping) else {}
    if (required := options.get("ssl_cert_reqs")) in _CERT_REQS:
        options["ssl_cert_reqs"] = _CERT_REQS[required]
    given = urlencode(options | dict(parse_qsl(parts.query)))
    return parts._replace(scheme="rediss", query=given).geturl()
