"""The matrix: its cells, their names, and what a run may claim."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lab.chaos.cell import blank
from lab.chaos.chaos_options import DEFAULT_FAULTS, ChaosOptions, most_careful
from lab.chaos.fault_table import FAULTS, fault_named
from lab.chaos.trial.delivery import DELIVERIES, delivery_named
from lab.format import chaos
from tasks.errors import UsageError
from tasks.transport_options import TRANSPORTS
from worker.pools import DEFAULT_POOLS, POOLS, Pool

OPTIONS = ChaosOptions(
    faults=tuple(FAULTS.values()),
    pools=tuple(POOLS[name] for name in DEFAULT_POOLS),
    deliveries=tuple(DELIVERIES.values()),
    kills=3,
    jobs=2,
    seed=1,
    command="poolwise chaos",
    program="poolwise",
)


def test_every_cell_has_a_name_of_its_own_and_a_command() -> None:
    cells = OPTIONS.cells()
    assert len({one.name for one in cells}) == len(cells)
    assert all("/" not in one.name and one.command.endswith("--seed 1") for one in cells)


def test_a_fault_that_shows_all_there_is_to_see_at_once_is_injected_once() -> None:
    kills = {one.fault.name: one.kills for one in OPTIONS.cells()}
    assert kills["killer"] == 1
    assert kills["not-json"] == OPTIONS.kills
    assert all(f"--kills {one.kills} " in one.command for one in OPTIONS.cells())


def test_settings_on_the_other_transport_are_cells_of_their_own() -> None:
    both = tuple(one.on(name) for one in DELIVERIES.values() for name in TRANSPORTS)
    cells = replace(OPTIONS, deliveries=both).cells()
    assert len({one.name for one in cells}) == len(cells) == 2 * len(OPTIONS.cells())
    for one in cells:
        name, _, transport = one.delivery.label.partition("+")
        assert blank(one, "").transport == (transport or "stock")
        assert blank(one, "").settings == one.delivery.label
        assert one.delivery.transport == (transport or "stock")
        assert f"--settings {name} " in one.command
        assert (" --transport lease " in one.command) is (transport == "lease")


@pytest.mark.parametrize("pool", POOLS.values(), ids=POOLS)
def test_only_poolwises_settings_have_the_flags_of_a_pool(pool: Pool) -> None:
    flags = {one.name: one.flags(pool) for one in DELIVERIES.values()}
    assert flags == {name: pool.flags if name == "poolwise" else () for name in DELIVERIES}


def test_only_pools_with_child_processes_lose_a_child() -> None:
    pools = {one.pool.name for one in OPTIONS.cells() if one.fault.name == "kill-child"}
    assert pools == {"prefork"}


def test_the_default_faults_are_some_of_all() -> None:
    assert set(DEFAULT_FAULTS) < set(FAULTS)
    assert "kill-worker" in DEFAULT_FAULTS


@pytest.mark.parametrize("named", [fault_named, delivery_named])
def test_a_mistyped_name_is_an_error_that_lists_the_names(named: object) -> None:
    with pytest.raises(UsageError, match="known: "):
        named("kil-worker")  # type: ignore[operator]


def test_the_most_careful_settings_are_the_last() -> None:
    assert most_careful(OPTIONS) == "poolwise"
    two = tuple(map(delivery_named, ("acks-late", "defaults")))
    assert most_careful(replace(OPTIONS, deliveries=two)) == "acks-late"
    on_both = tuple(delivery_named("acks-late").on(name) for name in ("lease", "stock"))
    assert most_careful(replace(OPTIONS, deliveries=on_both)) == "acks-late+lease"
    assert chaos.RULE_OF_THREE == 3
