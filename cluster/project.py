"""Reads how a Celery project reaches its broker, by importing its app in a process of its own.

So nothing that the project does at import can disturb the command, and a project whose package
has the name of one of Poolwise's packages is still found.
"""

from __future__ import annotations

import json
import os
import re
import signal
import ssl
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit

from cluster.shortage import explained_start
from cluster.signals import deferred_signals
from tasks.errors import UsageError
from tasks.transport_options import placing

#: Seconds that importing a project may take.
IMPORT_S: Final = 30
#: Seconds after which the process ends by itself if this one cannot end it.
GRACE_S: Final = 5
#: Bytes of the answer that are read; it has to fit into a pipe.
ANSWER_BYTES: Final = 65_536

#: How an address names the values of `ssl.CERT_…`.
_CERT_REQS: Final = {
    ssl.CERT_NONE: "none",
    ssl.CERT_OPTIONAL: "optional",
    ssl.CERT_REQUIRED: "required",
}
_INSTEAD: Final = "give --broker and --transport-options instead of -A"
_ENVIRONMENT: Final = (
    "run this in the project's folder, with Poolwise installed in the project's environment"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectBroker:
    """A project's broker, as its app names it."""

    url: str
    options: Mapping[str, Any]  # the transport options that decide where messages are


def read_project(name: str, limit_s: int = IMPORT_S) -> ProjectBroker:
    """Return the broker of the app `name`, which is found as `celery -A` finds it.

    Raises UsageError if it cannot be imported, is not a Celery app, ends the process, or takes
    longer than `limit_s`.
    """
    answer = _ask(name, limit_s)
    if "error" in answer:
        raise UsageError(f"-A {name}: {_reason(name, answer)}, or {_INSTEAD}")
    url = with_tls(answer["url"], answer["tls"])
    return ProjectBroker(url=url, options=placing(answer["options"]))


def with_tls(url: str, setting: Mapping[str, Any] | bool) -> str:
    """Return `url` with what the setting `broker_use_ssl` says; options in `url` count more."""
    parts = urlsplit(url)
    if not setting or parts.scheme not in {"redis", "rediss"}:
        return url
    options = dict(setting) if isinstance(setting, Mapping) else {}
    if (required := options.get("ssl_cert_reqs")) in _CERT_REQS:
        options["ssl_cert_reqs"] = _CERT_REQS[required]
    given = urlencode(options | dict(parse_qsl(parts.query)))
    return parts._replace(scheme="rediss", query=given).geturl()


def _ask(name: str, limit_s: int) -> dict[str, Any]:
    """Run the reader and return its answer; what the project prints goes nowhere."""
    source, sink = os.pipe()
    try:
        code = _run(name, sink, limit_s)
        os.set_blocking(source, False)
        with suppress(BlockingIOError):
            answer: dict[str, Any] = json.loads(os.read(source, ANSWER_BYTES))
            return answer
    finally:
        os.close(source)
        os.close(sink)
    return {"error": "Ended", "text": _ending(code, limit_s)}


def _run(name: str, sink: int, limit_s: int) -> int | None:
    """Run the reader and return its exit code; None if it took too long."""
    reader = Path(__file__).with_name("project_reader.py")
    with deferred_signals(), explained_start():
        process = subprocess.Popen(
            # Without -P, modules next to the reader would hide the project's.
            [sys.executable, "-P", str(reader), name, str(sink), str(limit_s + GRACE_S)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=(sink,),
            start_new_session=True,
        )
    try:
        return process.wait(limit_s)
    except subprocess.TimeoutExpired:
        return None
    finally:
        with suppress(ProcessLookupError):  # also what the project has started
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _ending(code: int | None, limit_s: int) -> str:
    if code is None:
        return f"importing it takes longer than {limit_s} s"
    if code < 0:
        return f"importing it was ended by {signal.Signals(-code).name}"
    return f"importing it ends Python, with exit code {code}"


def _reason(name: str, answer: Mapping[str, Any]) -> str:
    """Say why there is no answer, and what to do."""
    module = name.partition(":")[0]
    kind, text, missing = answer["error"], answer["text"], answer.get("missing")
    if missing and f"{module}.".startswith(f"{missing}."):
        return f"no module named {missing} in {Path.cwd()}: {_ENVIRONMENT}"
    if missing:
        return (
            f"it imports {missing}, which Poolwise's Python ({sys.executable}) does not have: "
            f"{_ENVIRONMENT}"
        )
    if kind == "NoApp":
        found = f"that is a {text}, not a Celery app" if text else "there is no Celery app"
        return f"{found}: name it as for celery, such as -A PACKAGE.MODULE:APP"
    if kind == "Ended":
        return f"{text}: make it importable"
    line = re.sub(r"\S*://\S*", "(an address)", " ".join(text.split()))
    return f"importing it fails ({kind}: {line}): {_ENVIRONMENT}"
