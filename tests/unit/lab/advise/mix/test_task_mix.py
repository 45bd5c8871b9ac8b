"""A mix keeps its proportions in every stretch, and a file of it is checked line by line."""

from __future__ import annotations

from collections import Counter
from itertools import islice
from pathlib import Path

import pytest

from lab.advise.mix.file import from_file
from lab.advise.task_mix import Mix
from producer.plan import Work
from tasks.errors import UsageError

RARE, OFTEN = Work(task="rare"), Work(task="often", args=(1,))
MIX = Mix(calls=(RARE, OFTEN, Work(task="often", args=(2,))), weights=(1, 6, 3))


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("length", [10, 25, 50])
def test_each_stretch_has_about_the_proportions_of_the_mix(seed: int, length: int) -> None:
    names = ("rare", "some", "often")
    mix = Mix(calls=tuple(Work(task=name) for name in names), weights=(10, 40, 50))
    counts = Counter(call.task for call in islice(mix.order(seed), 225, 225 + length))
    for name, weight in zip(names, mix.weights, strict=True):
        assert abs(counts[name] - length * weight / 100) <= 1


def test_a_whole_mix_has_each_call_as_often_as_its_weight_says() -> None:
    counts = Counter((call.task, call.args) for call in islice(MIX.order(1), MIX.size))
    assert counts == {("rare", ()): 1, ("often", (1,)): 6, ("often", (2,)): 3}


def test_a_part_has_the_calls_of_its_tasks_with_their_weights() -> None:
    part = MIX.part({"often"})
    assert (part.tasks, part.size, part.weight("often")) == (("often",), 9, 9)


def written(folder: Path, text: str) -> Path:
    file = folder / "mix.jsonl"
    file.write_text(text)
    return file


def test_weights_are_reduced_to_the_smallest_mix(tmp_path: Path) -> None:
    text = '{"task": "a", "weight": 20}\n\n{"task": "b", "args": [1], "weight": 30}\n'
    mix = from_file(written(tmp_path, text))
    assert (mix.tasks, mix.weights) == (("a", "b"), (2, 3))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('{"task": "a"}', "names only a: use --calls"),
        ('{"task": "a", "weight": 0}', "line 1: weight must be a whole number from 1"),
        ('{"task": "a", "weight": 1.5}', "line 1: weight must be"),
        ('{"task": "a", "weight": true}', "line 1: weight must be"),
        ('{"task": "a"}\n{"args": []}', "line 2 names no task"),
        ('{"task": "a", "wieght": 2}', "known: task, args, kwargs, weight"),
        ('{"task": "a", "weight": 999}\n{"task": "b", "weight": 998}', "add up to 1,997"),
        (
            "\n".join(f'{{"task": "t{number}"}}' for number in range(21)),
            "21 tasks, but the limit is 20",
        ),
        ("", "0 calls"),
    ],
)
def test_what_is_no_mix_gets_a_line_that_says_why(text: str, why: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--all-from") as error:
        from_file(written(tmp_path, text))
    assert why in str(error.value)
