"""Faults that can happen in none of the chosen pools are refused with the pools that they need."""

from __future__ import annotations

import pytest

from lab.commands.chaos import chaos
from tasks.errors import UsageError


def test_the_error_names_the_pools_of_each_fault() -> None:
    asked = ["--fault", "kill-child,kill-tree", "--pool", "threads,gevent"]
    with pytest.raises(UsageError) as error:
        chaos.main(asked, standalone_mode=False)
    assert str(error.value) == (
        "kill-child cannot happen in threads or gevent, only in prefork; "
        "kill-tree cannot happen in threads or gevent, only in prefork"
    )
