"""Result files: how they are written whole and read back; it must not know what is in them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from lab.results import lesson as story
from lab.results import race as results
from lab.results.lesson import LessonResult
from lab.results.race import RaceResult
from tasks.errors import ResultFileError


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What a kind of result is in this version."""

    type: type[RaceResult | LessonResult]
    schema_version: int


#: By what a file says of itself.
SHAPES: Final[Mapping[str, Shape]] = {
    "race": Shape(type=RaceResult, schema_version=results.SCHEMA_VERSION),
    "lesson": Shape(type=LessonResult, schema_version=story.SCHEMA_VERSION),
}


def write(result: RaceResult | LessonResult, path: Path) -> None:
    """Write a result as JSON; raise ResultFileError where that cannot be done."""
    write_whole(path, msgspec.json.encode(result))


def write_whole(path: Path, data: bytes) -> None:
    """Write `data` beside `path` first and move it there, so that no reader meets half a file.

    Raises ResultFileError, one line that names the path, on a full disk or a forbidden one.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft.write_bytes(data)
        draft.replace(path)
    except OSError as error:
        draft.unlink(missing_ok=True) if draft.parent.is_dir() else None
        raise ResultFileError(f"cannot write {path}: {error.strerror}") from error


def read(path: Path) -> RaceResult:
    """Read a race back; raises what `read_any` does, and ResultFileError for anything else."""
    result = read_any(path)
    if not isinstance(result, RaceResult):
        raise ResultFileError(f"{path} holds a lesson, not a race")
    return result


def read_any(path: Path) -> RaceResult | LessonResult:
    """Read a result file back.

    Raises ResultFileError where it is missing, truncated, not JSON, of another schema version or
    of a kind that is not known.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ResultFileError(f"cannot read {path}: {error.strerror}") from error
    kind, shape = _shape_of(data, path)
    try:
        return msgspec.json.decode(data, type=shape.type)
    except msgspec.ValidationError as error:
        raise ResultFileError(f"{path} is not a whole result of a {kind}: {error}") from error


def _shape_of(data: bytes, path: Path) -> tuple[str, Shape]:
    try:
        envelope = msgspec.json.decode(data)
    except msgspec.DecodeError as error:
        raise ResultFileError(f"{path} is not JSON, or was cut short: {error}") from error
    version = envelope.get("schema_version") if isinstance(envelope, dict) else None
    if version is None:
        raise ResultFileError(f"{path} is JSON, but not a result of poolwise")
    kind = envelope.get("kind")
    shape = SHAPES.get(kind)
    if shape is None:
        raise ResultFileError(f"{path} holds a {kind!r} result, not a race or lesson")
    if version != shape.schema_version:
        raise ResultFileError(
            f"{path} has result schema {version}, this poolwise reads {shape.schema_version}; "
            f"open it with the version that wrote it, or run the {kind} again"
        )
    return kind, shape
