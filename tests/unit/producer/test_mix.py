"""The producer's settings describe a mix that is sent evenly; invalid ones are rejected."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as some

from producer.__main__ import MOST_RATE, Settings
from producer.mix import SMALL_WORK, parse_mix, spread_over, turns
from producer.steady_load import Load
from tasks.celery import app
from tasks.errors import UsageError
from worker.pools import DEFAULT_POOLS


def test_weights_are_read_by_task() -> None:
    assert parse_mix("cpu.burn=1, io.sleep = 3,mixed.work") == {
        "cpu.burn": 1,
        "io.sleep": 3,
        "mixed.work": 1,
    }


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("cpu.brun=1", "did you mean cpu.burn"),
        ("cpu.burn=x", "whole number"),
        ("cpu.burn=-1", "whole number"),
        ("cpu.burn=", "whole number"),
        ("cpu.burn=1001", "whole number"),
        ("cpu.burn=0", "names no task"),
        (",", "names no task"),
    ],
)
def test_an_invalid_mix_is_rejected_in_one_line(text: str, wrong: str) -> None:
    with pytest.raises(UsageError, match=wrong) as refused:
        parse_mix(text)
    assert str(refused.value).startswith("LOAD_MIX")
    assert "\n" not in str(refused.value)


def test_the_app_has_every_task_of_a_mix() -> None:
    app.loader.import_default_modules()
    assert set(SMALL_WORK) <= set(app.tasks)


@given(some.dictionaries(some.sampled_from(sorted(SMALL_WORK)), some.integers(1, 9), min_size=1))
def test_a_round_has_each_task_as_often_as_its_weight_and_spread_evenly(
    weights: dict[str, int],
) -> None:
    order = turns(weights)
    assert Counter(order) == weights
    total = len(order)
    for name, weight in weights.items():
        for seen in range(1, total + 1):
            share = seen * weight / total
            assert abs(order[:seen].count(name) - share) < len(weights)


@given(some.integers(1, 4), some.integers(1, 9))
def test_every_queue_gets_a_whole_round(queues: int, names: int) -> None:
    each = spread_over([f"q{n}" for n in range(queues)], [f"t{n}" for n in range(names)])
    assert len(set(each)) == len(each) == queues * names


def test_a_load_starts_over_after_its_last_turn() -> None:
    load = Load(rate_per_s=1, turns=(("a", "q"), ("b", "r"), ("a", "r")))
    assert [load.turn(number)[0] for number in range(4)] == ["a", "b", "a", "a"]
    assert load.queues == ("q", "r")


def test_an_empty_setting_gets_its_default() -> None:
    settings = Settings.read({"LOAD_RATE": "", "LOAD_MIX": "", "LOAD_QUEUES": ""})
    assert settings == Settings.read({})
    assert settings.rate_per_s > 0
    assert settings.queues == DEFAULT_POOLS


@pytest.mark.parametrize("rate", ["much", "-1", "nan", "inf", str(MOST_RATE + 1)])
def test_an_invalid_rate_is_rejected(rate: str) -> None:
    with pytest.raises(UsageError, match="LOAD_RATE"):
        Settings.read({"LOAD_RATE": rate})


def test_a_rate_of_0_is_valid() -> None:
    assert Settings.read({"LOAD_RATE": "0"}).rate_per_s == 0


def test_an_empty_list_of_queues_is_rejected() -> None:
    with pytest.raises(UsageError, match="LOAD_QUEUES"):
        Settings.read({"LOAD_QUEUES": " , "})
