"""A project's own environment may lack what Poolwise's has."""

from __future__ import annotations

import sysconfig
import venv
from pathlib import Path

import pytest

from lab.project.project import open_project
from producer.plan import Work
from tasks.errors import UsageError
from tests.projects.advise.projects import write_shop
from tests.projects.advise.test_isolation import run_one

OURS = Path(sysconfig.get_paths()["purelib"])


def environment_without(folder: Path, *modules: str) -> Path:
    """Make an environment with what ours has, but neither Poolwise nor `modules`."""
    venv.create(folder, symlinks=True)
    [site] = (folder / "lib").glob("python*/site-packages")
    left_out = {*modules, "_poolwise", "poolwise", "_editable_impl_poolwise"}
    for found in OURS.iterdir():
        name = found.name.partition("-")[0].partition(".")[0]
        if name not in left_out and not (site / found.name).exists():
            (site / found.name).symlink_to(found)
    return folder / "bin" / "python"


@pytest.mark.parametrize("missing", [(), ("packaging",)])
def test_a_redis_client_that_is_too_old_for_kombu_is_named(
    missing: tuple[str, ...], tmp_path: Path
) -> None:
    """As pip leaves it after `pip install "celery[redis]==5.3.*"`, with the newest kombu."""
    python = environment_without(tmp_path / "env", *missing)
    [site] = (tmp_path / "env" / "lib").glob("python*/site-packages")
    (site / "older.pth").write_text("import redis; redis.VERSION = (5, 3, 1)\n")
    write_shop(tmp_path, "amqp://guest@127.0.0.1:1//")
    (tmp_path / "logs").mkdir()
    with pytest.raises(
        UsageError, match=r"requires redis-py versions .*: install compatible versions"
    ):
        open_project("shop", tmp_path, python, tmp_path / "logs")


@pytest.mark.parametrize("missing", [("redis", "hiredis", "packaging"), ("packaging",), ()])
def test_a_project_without_a_redis_client_gets_ours(
    missing: tuple[str, ...], tmp_path: Path
) -> None:
    python = environment_without(tmp_path / "env", *missing)
    write_shop(tmp_path, "amqp://guest@127.0.0.1:1//")
    (tmp_path / "logs").mkdir()
    project = open_project("shop", tmp_path, python, tmp_path / "logs")
    assert set(project.description.missing) == set(missing) - {"hiredis"}
    finished, _ = run_one(project, Work(task="shop.pause", args=(5,)))
    assert finished > 1
