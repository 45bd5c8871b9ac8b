"""A result file reads back as it was written; any other file gets a one-line error."""

from __future__ import annotations

import json
import re
import resource
from dataclasses import dataclass
from pathlib import Path

import pytest

from lab.commands import report
from lab.results import files as result_files
from lab.results import race as results
from lab.results.output import write_whole
from lab.results.race import RaceResult
from tasks.errors import ResultFileError, UsageError
from tests.unit.lab.learn.engine.sample import result
from tests.unit.lab.report.sample import race


def test_a_result_reads_back_unchanged(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "result.json"
    result_files.write(race(), path)
    assert result_files.read(path, RaceResult) == race()
    assert [file.name for file in path.parent.iterdir()] == ["result.json"]


def test_a_lesson_reads_back_unchanged_and_is_not_taken_for_a_race(tmp_path: Path) -> None:
    path = tmp_path / "gil.json"
    result_files.write(result(), path)
    assert result_files.read_any(path) == result()
    with pytest.raises(ResultFileError, match="a result file of lesson: pass one of race"):
        result_files.read(path, RaceResult)


def test_any_class_can_register_as_a_kind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(result_files, "_kinds", dict(result_files._kinds))

    @result_files.result_kind("load", schema_version=1)
    @dataclass(frozen=True, kw_only=True)
    class LoadResult:
        schema_version: int = 1
        kind: str = "load"
        rate_per_s: float

    path = tmp_path / "load.json"
    result_files.write(LoadResult(rate_per_s=7.0), path)
    assert result_files.read(path, LoadResult) == LoadResult(rate_per_s=7.0)
    with pytest.raises(ResultFileError, match="a result file of load: pass one of race"):
        result_files.read(path, RaceResult)


def test_the_files_module_imports_no_kind() -> None:
    source = Path(result_files.__file__).read_text()
    imported = set(re.findall(r"from lab\.results\.(\w+)", source))
    assert imported == {"foreign_text", "input", "output"}
    assert source.count("lab.") == len(imported)


def test_a_report_refuses_a_lesson_together_with_a_race(tmp_path: Path) -> None:
    files = [str(tmp_path / "gil.json"), str(tmp_path / "race.json")]
    result_files.write(result(), Path(files[0]))
    result_files.write(race(), Path(files[1]))
    page = tmp_path / "page.html"
    with pytest.raises(UsageError, match="only race results can share a page"):
        report.report.main([*files, "-o", str(page)], standalone_mode=False)
    report.report.main([files[0], "-o", str(page)], standalone_mode=False)
    assert result().findings.verdict in page.read_text()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "not a result, or is truncated"),
        ("{", "not a result, or is truncated"),
        ("[1]", "not a Poolwise result"),
        ('{"a": 1}', "not a Poolwise result"),
        ('{"schema_version": 99, "kind": "race"}', "schema 99"),
        (f'{{"schema_version": {results.SCHEMA_VERSION}, "kind": "load"}}', "of kind 'load'"),
        (
            f'{{"schema_version": {results.SCHEMA_VERSION}, "kind": "race"}}',
            "not a complete race result",
        ),
    ],
)
def test_a_file_that_is_not_a_result_gets_a_one_line_error(
    content: str, words: str, tmp_path: Path
) -> None:
    path = tmp_path / "result.json"
    path.write_text(content)
    with pytest.raises(ResultFileError, match=words) as refused:
        result_files.read(path, RaceResult)
    assert "\n" not in str(refused.value)


def test_a_truncated_result_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    result_files.write(race(), path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ResultFileError, match="is truncated"):
        result_files.read(path, RaceResult)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ResultFileError, match=r"nowhere\.json.*No such file"):
        result_files.read(tmp_path / "nowhere.json", RaceResult)


def test_a_path_that_cannot_be_written_is_named_and_no_draft_is_left(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ResultFileError, match="cannot write"):
        result_files.write(race(), tmp_path / "file" / "result.json")
    (tmp_path / "folder.json").mkdir()
    with pytest.raises(ResultFileError, match="cannot write"):
        result_files.write(race(), tmp_path / "folder.json")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder.json"]


def test_a_full_disk_is_reported_and_the_old_file_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    path.write_text("as it was")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, hard))
    try:
        with pytest.raises(ResultFileError, match=r"cannot write .*File too large"):
            write_whole(path, b"x" * 2_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert path.read_text() == "as it was"
    assert [file.name for file in tmp_path.iterdir()] == ["result.json"]


def test_keys_in_the_file_name_their_units(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    result_files.write(race(), path)
    repeat = json.loads(path.read_text())["workloads"][0]["pools"][0]["repeats"][0]
    assert {"makespan_s", "throughput_per_s", "peak_pss_bytes", "cpu_s"} <= repeat.keys()
