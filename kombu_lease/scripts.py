"""The Lua scripts, and how to run them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import redis

#: All of them move messages rather than add any, so they also run when Redis is out of memory.
_SHEBANG = "#!lua flags=allow-oom\n"


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


def _script(name: str) -> Script:
    folder = files(__package__) / "lua"
    body = (folder / f"{name}.lua").read_text(encoding="utf-8")
    text = _SHEBANG + (folder / "common.lua").read_text(encoding="utf-8") + body
    return Script(text, hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest())


CLAIM = _script("claim")
TICK = _script("tick")
SETTLE = _script("settle")
LATE = _script("late")
RELEASE = _script("release")
REQUEUE = _script("requeue")
