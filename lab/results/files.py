"""Result files: written whole and read back; no kind of result is known here.

A kind registers itself, so a command reads the kinds whose modules it imports.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from tasks.errors import ResultFileError

R = TypeVar("R")


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What a kind of result looks like in this version."""

    name: str
    type: type[Any]
    schema_version: int


#: Every registered kind, by the name that a file has in its field `kind`.
_kinds: dict[str, Kind] = {}


def result_kind(name: str, *, schema_version: int) -> Callable[[type[R]], type[R]]:
    """Register the decorated class as the content of files of kind `name`.

    The class needs the fields `schema_version` and `kind`, which `write` puts into the file.
    """

    def register(cls: type[R]) -> type[R]:
        _kinds[name] = Kind(name=name, type=cls, schema_version=schema_version)
        return cls

    return register


def write(result: object, path: Path) -> None:
    """Write a result as JSON; raise ResultFileError if that fails."""
    write_whole(path, msgspec.json.encode(result))


def write_whole(path: Path, data: bytes) -> None:
    """Write `data` to a draft next to `path`, then rename it, so that no reader sees half a file.

    Raises ResultFileError, one line that names the path, if the disk is full or access is denied.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft.write_bytes(data)
        draft.replace(path)
    except OSError as error:
        draft.unlink(missing_ok=True) if draft.parent.is_dir() else None
        raise ResultFileError(f"cannot write {path}: {error.strerror}") from error


def read(path: Path, wanted: type[R]) -> R:
    """Read a result of one registered type.

    Raises what `read_any` does, and ResultFileError if the file holds another kind.
    """
    result = read_any(path)
    if not isinstance(result, wanted):
        raise ResultFileError(f"{path} holds a {_name(type(result))}, not a {_name(wanted)}")
    return result


def read_any(path: Path) -> object:
    """Read a result of any registered kind.

    Raises ResultFileError if the file is missing, truncated, not JSON, of another schema version
    or of an unknown kind.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ResultFileError(f"cannot read {path}: {error.strerror}") from error
    kind = _kind_of(data, path)
    try:
        result: object = msgspec.json.decode(data, type=kind.type)
    except msgspec.ValidationError as error:
        raise ResultFileError(f"{path} is not a complete {kind.name} result: {error}") from error
    return result


def _name(result_type: type[Any]) -> str:
    return next(kind.name for kind in _kinds.values() if kind.type is result_type)


def _kind_of(data: bytes, path: Path) -> Kind:
    try:
        envelope = msgspec.json.decode(data)
    except msgspec.DecodeError as error:
        raise ResultFileError(f"{path} is not valid JSON, or was cut short: {error}") from error
    version = envelope.get("schema_version") if isinstance(envelope, dict) else None
    if version is None:
        raise ResultFileError(f"{path} is JSON, but not a Poolwise result")
    name = envelope.get("kind")
    kind = _kinds.get(name) if isinstance(name, str) else None
    if kind is None:
        known = " or ".join(sorted(_kinds))
        raise ResultFileError(f"{path} holds a {name!r} result, not a {known}")
    if version != kind.schema_version:
        raise ResultFileError(
            f"{path} has result schema {version}, but this Poolwise reads {kind.schema_version}; "
            f"open it with the version that wrote it, or run the {kind.name} again"
        )
    return kind
