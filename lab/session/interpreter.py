"""Another Python than ours, to run a worker on: what it is, and what it lacks for that.

It must not know which lesson wants it.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import tasks
import worker
from tasks.errors import UsageError

#: Seconds that another Python may take to say what it is, an import of Celery included.
ANSWER_S: Final = 20.0
#: What a worker of ours imports, beside the standard library.
NEEDED: Final = ("celery", "redis")
#: Our packages that a worker consists of.
OURS: Final = (tasks, worker)

_ASK: Final = """
import importlib.util, json, sys, sysconfig
missing = [name for name in sys.argv[1:] if importlib.util.find_spec(name) is None]
if not missing:
    import celery.bin.celery, celery.concurrency.thread, kombu.transport.redis
print(json.dumps({
    "version": sys.version.split()[0],
    "can_do_without": bool(sysconfig.get_config_var("Py_GIL_DISABLED")),
    "gil": getattr(sys, "_is_gil_enabled", lambda: True)(),
    "missing": missing,
}))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Interpreter:
    """A Python without the GIL that has what a worker needs."""

    path: str
    version: str
    #: Whether its GIL stays off, unforced, once Celery and redis-py are imported.
    stays_off: bool


def without_gil(python: Path) -> Interpreter:
    """Return the interpreter that `python`, a path or a name, means.

    Raises UsageError, with one line that says what to do, where it is none, or of no use.
    """
    found = shutil.which(python)
    if found is None:
        raise UsageError(f"--python names no program: {python}; {_WANTED}")
    # Not resolved: what makes an environment of an interpreter is that its link is elsewhere.
    path = str(Path(found).absolute())
    told = _asked(path)
    if not told["can_do_without"]:
        raise UsageError(f"{path} is Python {told['version']} with the GIL; {_WANTED}")
    if told["missing"]:
        raise UsageError(
            f"{path} has no {' and no '.join(told['missing'])}: "
            f"{path} -m pip install 'celery[redis]' (in a clone: make nogil PYTHON={path})"
        )
    return Interpreter(path=path, version=told["version"], stays_off=not told["gil"])


def environment(interpreter: Interpreter, folder: Path, *, gil: bool) -> Mapping[str, str]:
    """Return what such a worker's environment needs; makes what it names in `folder`.

    Our packages alone are put on its path: those beside them may be of our own Python only.
    """
    path = folder / "packages" / interpreter.version
    path.mkdir(parents=True, exist_ok=True)
    for package in OURS:
        [place] = package.__path__
        link = path / package.__name__
        if not link.is_symlink():
            link.symlink_to(Path(place).absolute(), target_is_directory=True)
    return {"PYTHONPATH": str(path.absolute()), "PYTHON_GIL": "1" if gil else "0"}


_WANTED: Final = "it wants a Python without the GIL, such as /opt/python/bin/python3.14t"


def _asked(path: str) -> dict[str, Any]:
    """Let a Python say what it is. Raises UsageError where it does not."""
    ours = {n: value for n, value in os.environ.items() if n not in {"PYTHONPATH", "PYTHON_GIL"}}
    try:
        done = subprocess.run(
            [path, "-c", _ASK, *NEEDED],
            env=ours,
            cwd="/",
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=ANSWER_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        raise UsageError(f"{path} does not answer as a Python does; {_WANTED}") from None
    try:
        told: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        why = done.stderr.strip().rpartition("\n")[2]
        said = f" ({why})" if why else ""
        raise UsageError(f"{path} does not answer as a Python does{said}; {_WANTED}") from None
    return told
