"""The package needs no Celery, except for its result backend."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import entry_points

from celery import Celery

from kombu_lease.results import Backend
from tests.paths import ROOT

#: Imports all modules but one while Celery cannot be imported.
PROGRAM = """
import sys
sys.modules["celery"] = None
from importlib import import_module
for name in sys.argv[1:]:
    import_module(f"kombu_lease.{name}")
"""


def test_only_the_result_backend_imports_celery() -> None:
    names = {path.stem for path in (ROOT / "kombu_lease").glob("*.py")} - {"__init__", "results"}
    command = [sys.executable, "-c", PROGRAM, *sorted(names)]
    subprocess.run(command, check=True, timeout=60, cwd=ROOT)
    refused = subprocess.run([*command, "results"], check=False, capture_output=True, cwd=ROOT)
    assert b"celery" in refused.stderr


def test_celery_finds_the_result_backend_by_its_scheme() -> None:
    assert [one.value for one in entry_points(group="celery.result_backends", name="lease")] == [
        "kombu_lease.results:Backend"
    ]
    for scheme in ("lease+redis", "lease+rediss", "kombu_lease.results:Backend+redis"):
        url = f"{scheme}://example.com:7000/3?ssl_cert_reqs=none"
        app = Celery(backend=url.partition("?")[0] if scheme != "lease+rediss" else url)
        backend = app.backend
        assert isinstance(backend, Backend)
        assert (backend.connparams["host"], backend.connparams["db"]) == ("example.com", 3)
        assert ("connection_class" in backend.connparams) == (scheme == "lease+rediss")
