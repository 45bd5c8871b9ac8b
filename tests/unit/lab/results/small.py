"""Results with few figures, as JSON values, to be changed and read again."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from tests.unit.lab.learn.engine import sample as lesson_sample
from tests.unit.lab.report import sample as race_sample

#: Where a value stands in a JSON value: keys and places.
Place = tuple[str | int, ...]


def small_race() -> Any:
    """Return a race of one workload, two pools, and one repeat of three tasks."""
    race = json.loads(msgspec.json.encode(race_sample.race()))
    del race["workloads"][1:]
    del race["workloads"][0]["pools"][2:]
    for pool in race["workloads"][0]["pools"]:
        del pool["repeats"][1:]
        for samples in ("latencies_s", "finished_at_s", "service_s", "spans"):
            del pool["repeats"][0][samples][3:]
    return race


def small_lesson() -> Any:
    """Return a lesson that asked for a prediction."""
    return json.loads(msgspec.json.encode(lesson_sample.result(chosen=1)))


def places(value: Any, at: Place = ()) -> Iterator[Place]:
    """Yield where every value inside `value` stands."""
    inside = (
        value.items()
        if isinstance(value, Mapping)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    for key, one in inside:
        yield (*at, key)
        yield from places(one, (*at, key))


def at(value: Any, place: Place) -> Any:
    """Return what stands at a place."""
    for key in place:
        value = value[key]
    return value


def changed(value: Any, changes: Mapping[Place, Any]) -> Any:
    """Return a copy with other values at some places."""
    value = copy.deepcopy(value)
    for place, new in changes.items():
        at(value, place[:-1])[place[-1]] = new
    return value


def figures(value: Any) -> list[Place]:
    """Return the places of all numbers, except the schema's version."""
    return [
        place
        for place in places(value)
        if type(at(value, place)) in {int, float} and place != ("schema_version",)
    ]
