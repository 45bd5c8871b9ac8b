"""Whatever a file holds, reading it gives a result or a one-line error, and a result renders."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.commands import report
from lab.report import document
from lab.results import files as result_files
from tasks.errors import ResultFileError
from tests.unit.lab.results.small import at, changed, figures, places, small_lesson, small_race

RACE, LESSON = small_race(), small_lesson()
#: Figures that are legal JSON, and at the edge of what can be calculated with.
EXTREMES = [0, -0.0, 1, -1, 5e-324, 1e-9, 1e9, -1e9, 1e15, -1e15, 1e300, -1e300, 10**30, 2**63 - 1]

junk = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(EXTREMES)
    | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=5,
)


@pytest.fixture(autouse=True)
def _short_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(document, "get_plotlyjs", lambda: "")


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("any") / "result.json"


def read(path: Path, content: bytes) -> object | None:
    """Read a file of this content; None if it was refused in one line that names it."""
    path.write_bytes(content)
    try:
        return result_files.read_any(path)
    except ResultFileError as refused:
        line = str(refused)
    assert "\n" not in line
    assert str(path) in line
    return None


@st.composite
def mutated(draw: st.DrawFn, base: Any) -> Any:
    """Change up to four values, which may disappear or become anything."""
    every = list(places(base))
    numbers = figures(base)
    value = base
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.sampled_from(every) | st.sampled_from(numbers))
        new = draw(st.sampled_from(EXTREMES) if place in numbers else junk)
        try:
            value = changed(value, {place: new})
            if draw(st.integers(0, 5)) == 0:
                del at(value, place[:-1])[place[-1]]
        except (KeyError, IndexError, TypeError):  # an earlier change has removed the place
            continue
    return value


@given(
    st.binary(max_size=200)
    | st.text(max_size=200).map(str.encode)
    | junk.map(json.dumps).map(str.encode)
)
@settings(max_examples=300)
def test_no_content_but_a_result_is_read(path: Path, content: bytes) -> None:
    assert read(path, content) is None


@given(st.data())
@settings(max_examples=300)
def test_a_cut_or_spoilt_result_is_refused_or_read(path: Path, data: st.DataObject) -> None:
    whole = json.dumps(data.draw(st.sampled_from([RACE, LESSON]))).encode()
    start = data.draw(st.integers(0, len(whole)))
    end = data.draw(st.integers(start, min(len(whole), start + 30)))
    read(path, whole[:start] + data.draw(st.binary(max_size=5)) + whole[end:])
    if start < len(whole):
        assert read(path, whole[:start]) is None


@pytest.mark.parametrize("base", [RACE, LESSON], ids=["race", "lesson"])
def test_a_changed_result_is_refused_or_renders(base: Any, path: Path) -> None:
    @given(mutated(base))
    @settings(max_examples=150)
    def check(value: Any) -> None:
        result = read(path, json.dumps(value).encode())
        if result is not None:
            assert report._page([result])

    check()


@pytest.mark.parametrize("value", EXTREMES)
@pytest.mark.parametrize("base", [RACE, LESSON], ids=["race", "lesson"])
def test_extreme_figures_everywhere_are_refused_or_render(
    base: Any, value: float, path: Path
) -> None:
    def like(old: object) -> float:
        return int(value) if type(old) is int else value

    content = changed(base, {place: like(at(base, place)) for place in figures(base)})
    result = read(path, json.dumps(content).encode())
    if result is None:
        return
    assert report._page([result])
    if base is RACE:
        other = read(path, json.dumps(RACE).encode())
        assert report._page([other, result])
        assert report._page([result, other])


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity", "1e400", "9" * 5_000, "-1e16"])
def test_a_figure_that_is_none_is_refused(text: str, path: Path) -> None:
    content = json.dumps(changed(RACE, {("elapsed_s",): "@"})).replace('"@"', text)
    assert read(path, content.encode()) is None
