"""A result file reads back as it was written; any other gets one line that says what it is."""

from __future__ import annotations

import json
import resource
from pathlib import Path

import pytest

from lab import results
from tasks.errors import ResultFileError
from tests.unit.report.sample import race


def test_a_result_reads_back_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "result.json"
    results.write(race(), path)
    assert results.read(path) == race()
    assert [file.name for file in path.parent.iterdir()] == ["result.json"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "not JSON, or was cut short"),
        ("{", "not JSON, or was cut short"),
        ("[1]", "not a result of poolwise"),
        ('{"a": 1}', "not a result of poolwise"),
        ('{"schema_version": 99, "kind": "race"}', "schema 99"),
        (f'{{"schema_version": {results.SCHEMA_VERSION}, "kind": "load"}}', "'load' result"),
        (f'{{"schema_version": {results.SCHEMA_VERSION}, "kind": "race"}}', "not a whole result"),
    ],
)
def test_what_is_no_result_is_refused_in_one_line(content: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    path.write_text(content)
    with pytest.raises(ResultFileError, match=words) as refused:
        results.read(path)
    assert "\n" not in str(refused.value)


def test_a_truncated_result_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    results.write(race(), path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ResultFileError, match="cut short"):
        results.read(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ResultFileError, match=r"nowhere\.json.*No such file"):
        results.read(tmp_path / "nowhere.json")


def test_a_place_that_cannot_be_written_is_named_and_left_clean(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ResultFileError, match="cannot write"):
        results.write(race(), tmp_path / "file" / "result.json")
    (tmp_path / "folder.json").mkdir()
    with pytest.raises(ResultFileError, match="cannot write"):
        results.write(race(), tmp_path / "folder.json")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder.json"]


def test_a_full_disk_is_told_and_what_was_there_stays(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    path.write_text("as it was")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, hard))
    try:
        with pytest.raises(ResultFileError, match=r"cannot write .*File too large"):
            results.write_whole(path, b"x" * 2_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert path.read_text() == "as it was"
    assert [file.name for file in tmp_path.iterdir()] == ["result.json"]


def test_the_file_says_what_units_it_has(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    results.write(race(), path)
    repeat = json.loads(path.read_text())["workloads"][0]["pools"][0]["repeats"][0]
    assert {"makespan_s", "throughput_per_s", "peak_pss_bytes", "cpu_s"} <= repeat.keys()
