"""A scene during which the records' clock was set is not shown: its times are wrong."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from lab.learn.engine.following import Follower
from lab.learn.engine.open_scene import OpenScene
from lab.learn.engine.pending import PendingTasks
from producer.ledger import Ledger
from tasks.errors import PoolwiseError
from worker.probe import Clock


def follow(moved_s: float) -> None:
    """Follow a scene without tasks while the clock moves."""
    session: Any = SimpleNamespace(
        app=None,
        cluster=None,
        records=SimpleNamespace(xrevrange=lambda *_, **__: []),
        server_clock=SimpleNamespace(moved_s=lambda _since: moved_s),
    )
    scene = OpenScene(title="a scene", ledger=Ledger("run.1"), clock=Clock(0.0, 0.0))
    follower = Follower(session, PendingTasks(), lambda *_: None)
    follower.follow(scene, {}, 1.0, may_fail=False)


def test_a_scene_during_which_the_clock_was_set_ends_the_lesson() -> None:
    follow(0.0)
    with pytest.raises(PoolwiseError, match=r"server moved by 5\.00 s, so its times are wrong"):
        follow(-5.0)
