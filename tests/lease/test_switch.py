"""Poolwise's own cluster runs on either transport."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.command import running


@pytest.mark.timeout(180)
@pytest.mark.parametrize("transport", ["stock", "lease"])
def test_a_race_runs_on_the_chosen_transport(transport: str, tmp_path: Path) -> None:
    options = ("--quick", "--repeat", "1", "--pools", "threads", "--workloads", "sleep")
    with running("race", *options, "--transport", transport, folder=tmp_path) as race:
        race.until(lambda: list(tmp_path.glob("runs/*/worker-*.log")), 60)
        workers = [p for p in race.descendants() if "worker" in p.cmdline()]
        assert {p.environ().get("POOLWISE_TRANSPORT") for p in workers} == {transport}
        assert race.ended() == 0, race.output()
    [result] = tmp_path.glob("runs/*/result.json")
    [workload] = json.loads(result.read_text())["workloads"]
    account = workload["pools"][0]["repeats"][0]["account"]
    assert account["finished"] == account["submitted"] > 0
