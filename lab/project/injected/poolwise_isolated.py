"""Runs `celery`, or another file, so that it cannot reach the project's own broker.

Poolwise starts it as a file in the interpreter of the user's project, which may be Python 3.9 and
have nothing of Poolwise installed. So it imports only the standard library and Celery.

usage: python poolwise_isolated.py celery ARGUMENT ...
       python poolwise_isolated.py FILE ARGUMENT ...

Environment:
  POOLWISE_FORBIDDEN  JSON list of [host, port]: addresses that this process must not connect to
  POOLWISE_ATTEMPTS   file that gets a line for each connection that was refused
"""

from __future__ import annotations

import json
import os
import runpy
import sys

FORBIDDEN = frozenset(
    (str(host).strip("[]").lower(), int(port))
    for host, port in json.loads(os.environ.get("POOLWISE_FORBIDDEN") or "[]")
)
HOSTS = frozenset(host for host, _ in FORBIDDEN)
ATTEMPTS = os.environ.get("POOLWISE_ATTEMPTS", "")
LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})


class ForbiddenBrokerError(ConnectionRefusedError):
    """Raised instead of connecting to the broker of the user's project."""


def _is_forbidden(host, port):
    """Return whether an address is one of the project's own brokers or result backends."""
    name = str(host or "localhost").strip("[]").lower()
    names = LOCAL if name in LOCAL else {name}
    try:
        return any((one, int(port)) in FORBIDDEN for one in names)
    except (TypeError, ValueError):  # a service name, or none
        return name in HOSTS


def _refuse(host, port):
    if ATTEMPTS:
        line = ("%s:%s\n" % (host, port)).encode("utf-8", "replace")
        handle = os.open(ATTEMPTS, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            os.write(handle, line)
        finally:
            os.close(handle)
    raise ForbiddenBrokerError(
        "Poolwise does not let this process connect to %s:%s, the broker or result backend of "
        "your project; if the task needs something else there, add --allow %s:%s"
        % (host, port, host, port)
    )


def _audit(event, arguments):
    """Refuse to look up or connect to a forbidden address; Python calls this for every event."""
    if event == "socket.getaddrinfo":
        host, port = arguments[:2]
        if isinstance(host, bytes):
            host = host.decode("utf-8", "replace")
        # A name is looked up to connect to it; an IP address is checked when it is connected to.
        if host is not None and _is_forbidden(host, port):
            _refuse(host, port)
    elif event == "socket.connect":
        address = arguments[1]
        if isinstance(address, tuple) and len(address) >= 2:
            if _is_forbidden(*address[:2]):
                _refuse(*address[:2])
        elif isinstance(address, (str, bytes)):
            path = os.fsdecode(address)
            if (path.lower(), 0) in FORBIDDEN:
                _refuse(path, 0)


def guard():
    """Watch every connection from here on; a hook cannot be removed, and a fork inherits it."""
    if FORBIDDEN:
        sys.addaudithook(_audit)


def main():
    """Run what the arguments name, as `python -m celery` or `python FILE` would."""
    what, sys.argv[1:] = sys.argv[1], sys.argv[2:]
    folder = os.path.dirname(os.path.abspath(__file__))
    # As with `python -m celery`, the project's folder comes first; ours is searched last.
    sys.path[:] = [os.getcwd(), *(one for one in sys.path if one not in ("", folder))]
    sys.path.append(folder)
    fallback = os.path.join(folder, "fallback")
    if os.path.isdir(fallback):
        sys.path.append(fallback)
    guard()
    if what == "celery":
        from celery.__main__ import main as celery

        sys.argv[0] = "celery"
        sys.exit(celery())
    sys.argv[0] = what
    runpy.run_path(what, run_name="__main__")


if __name__ == "__main__":
    main()
