"""A Python other than the current one, to run a worker on.

It must not know which lesson uses it.
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

import kombu_lease
import tasks
import worker
from lab.results.foreign_text import shown
from tasks.errors import UsageError

#: Seconds that the other Python may take to describe itself. It imports Celery, which takes long
#: on a busy machine if its files are not in memory yet.
ANSWER_S: Final = 60.0
#: What our workers import besides the standard library.
NEEDED: Final = ("celery", "redis")
#: Our packages that a worker imports.
OURS: Final = (kombu_lease, tasks, worker)

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
    #: Whether its GIL stays off after importing Celery and redis-py, without being forced to.
    stays_off: bool


def without_gil(python: Path) -> Interpreter:
    """Return the interpreter at `python`, a path or a program name.

    Raises UsageError, with one line that names the fix, if it is missing or cannot be used.
    """
    found = shutil.which(python)
    if found is None:
        raise UsageError(f"--python: {shown(python)} is not an executable program; {_WANTED}")
    # Not resolved: following the link would lead out of its virtual environment.
    path = str(Path(found).absolute())
    answer = _asked(path)
    if not answer["can_do_without"]:
        raise UsageError(f"{path} is Python {answer['version']} with the GIL; {_WANTED}")
    if answer["missing"]:
        raise UsageError(
            f"{path} lacks {' and '.join(answer['missing'])}: "
            f"{path} -m pip install 'celery[redis]' (in a clone: make nogil PYTHON={path})"
        )
    return Interpreter(path=path, version=answer["version"], stays_off=not answer["gil"])


def environment(interpreter: Interpreter, folder: Path, *, gil: bool) -> Mapping[str, str]:
    """Return the environment variables of such a worker; create what they name in `folder`.

    Only our packages are put on its path: what is installed next to them may not fit that Python.
    """
    path = folder / "packages" / interpreter.version
    path.mkdir(parents=True, exist_ok=True)
    for package in OURS:
        [place] = package.__path__
        link = path / package.__name__
        if not link.is_symlink():
            link.symlink_to(Path(place).absolute(), target_is_directory=True)
    return {"PYTHONPATH": str(path.absolute()), "PYTHON_GIL": "1" if gil else "0"}


_WANTED: Final = "use a Python build without the GIL, such as /opt/python/bin/python3.14t"


def _asked(path: str) -> dict[str, Any]:
    """Ask a Python what it is. Raises UsageError if it does not answer."""
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
    except OSError:
        raise UsageError(f"{path} is not a working Python; {_WANTED}") from None
    except subprocess.TimeoutExpired:
        raise UsageError(
            f"{path} did not import Celery within {ANSWER_S:g} s; try again when the machine is "
            f"less busy, or {_WANTED}"
        ) from None
    try:
        answer: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        why = done.stderr.strip().rpartition("\n")[2]
        said = f" ({why})" if why else ""
        raise UsageError(f"{path} is not a working Python{said}; {_WANTED}") from None
    return answer
