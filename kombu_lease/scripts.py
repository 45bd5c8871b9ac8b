"""The Lua scripts, and how to run them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import redis

#: Those that move messages, and the one that binds a queue, also run if Redis is out of memory.
_MOVES = "#!lua flags=allow-oom\n"
_ADDS = "#!lua\n"


@dataclass(frozen=True, slots=True)
class Script:
    """A script with the name that Redis caches it under."""

    text: str
    sha: str

    def run(self, client: redis.Redis, keys: Sequence[str], args: Sequence[Any] = ()) -> Any:
        """Run the script; load it if Redis does not have it (any more)."""
        words = (*keys, *args)
        try:
            return client.evalsha(self.sha, len(keys), *words)
        except redis.exceptions.NoScriptError:
            return client.eval(self.text, len(keys), *words)


def _read(name: str) -> str:
    return (files(__package__) / "lua" / f"{name}.lua").read_text(encoding="utf-8")


def _script(text: str) -> Script:
    return Script(text, hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest())


def _moving(name: str) -> Script:
    return _script(_MOVES + _read("common") + _read(name))


CLAIM = _moving("claim")
TICK = _moving("tick")
SETTLE = _moving("settle")
LATE = _moving("late")
RELEASE = _moving("release")
REQUEUE = _moving("requeue")
BIND = _moving("bind")
RESULT = _script(_ADDS + _read("result"))
