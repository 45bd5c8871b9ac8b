"""A mistake in the code that ends one combination lets the others account for their faults."""

from __future__ import annotations

import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from lab.chaos import run
from lab.chaos.collected import Collection
from lab.chaos.stop import Stop
from lab.results.chaos import ChaosCell
from tests.unit.lab.chaos.sample import cell
from tests.unit.lab.chaos.test_compose import Events

BROKEN, SOUND = SimpleNamespace(kills=1), SimpleNamespace(kills=2)


def test_a_mistake_in_one_combination_costs_the_others_no_account(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = threading.Event()

    def one(
        spec: object, _cluster: object, _folder: Path, stop: Stop, _events: object
    ) -> ChaosCell:
        if spec is BROKEN:
            assert begun.wait(10)
            raise RuntimeError("a mistake")
        begun.set()
        assert stop.soon.wait(10)
        assert not stop.now.is_set()
        return cell(aimed=1)

    monkeypatch.setattr(run, "_one", one)
    options: Any = SimpleNamespace(jobs=2, cells=lambda: [BROKEN, SOUND])
    events = Events()
    with pytest.raises(RuntimeError, match="a mistake"):
        run._measured(options, tmp_path, cast("Any", None), events, Collection())
    assert events.cells == [cell(aimed=1)]
