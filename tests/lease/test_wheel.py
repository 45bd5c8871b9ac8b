"""The wheel of its own contains the package, and needs kombu and redis-py alone."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

from tests.paths import ROOT


def test_the_wheel_is_complete_and_needs_two_packages(tmp_path: Path) -> None:
    # Neither an index nor build tools from elsewhere.
    flags = ("--no-index", "--no-deps", "--no-build-isolation", "--quiet")
    source = ROOT / "kombu_lease"
    command = (sys.executable, "-m", "pip", "wheel", *flags, "--wheel-dir", str(tmp_path), source)
    subprocess.run(command, check=True, timeout=60)
    [wheel] = tmp_path.glob("kombu_lease-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if "dist-info" not in name}
        [metadata] = [name for name in archive.namelist() if name.endswith("/METADATA")]
        lines = archive.read(metadata).decode().splitlines()
        [schemes] = [name for name in archive.namelist() if name.endswith("/entry_points.txt")]
        assert "lease = kombu_lease.results:Backend" in archive.read(schemes).decode()
    here = {
        str(path.relative_to(ROOT))
        for pattern in ("*.py", "lua/*.lua", "py.typed")
        for path in source.glob(pattern)
    }
    assert names == here
    needed = {
        line.split()[1] for line in lines if line.startswith("Requires-Dist") and ";" not in line
    }
    assert {name.partition(">")[0] for name in needed} == {"kombu", "redis"}
