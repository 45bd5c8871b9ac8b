"""Result files: written whole and read back; no kind of result is known here.

A kind registers itself, so a command reads the kinds whose modules it imports.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from lab.results.foreign_text import one_line, shown
from lab.results.input import read_whole
from lab.results.output import write_whole
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


def read(path: Path, wanted: type[R]) -> R:
    """Read a result of one registered type.

    Raises what `read_any` does, and ResultFileError if the file holds another kind.
    """
    result = read_any(path)
    if not isinstance(result, wanted):
        raise ResultFileError(
            f"{shown(path)} is a result file of {_name(type(result))}: pass one of {_name(wanted)}"
        )
    return result


def read_any(path: Path) -> object:
    """Read a result of any registered kind.

    Raises ResultFileError, one line that names the path, for everything that is not such a result:
    a file that is missing, not readable, truncated, not JSON, of another schema version, of an
    unknown kind, or with values that no result has.
    """
    data = read_whole(path)
    kind = _kind_of(data, path)
    try:
        return _decoded(data, kind.type, path)
    except msgspec.ValidationError as error:
        raise ResultFileError(
            f"{shown(path)} is not a complete {kind.name} result: {one_line(str(error))}"
        ) from error


class _Envelope(msgspec.Struct):
    """The fields that every result has, not decoded yet; other fields are skipped."""

    schema_version: msgspec.Raw = msgspec.Raw(b"null")
    kind: msgspec.Raw = msgspec.Raw(b"null")


def _kind_of(data: bytes, path: Path) -> Kind:
    try:
        envelope: _Envelope = _decoded(data, _Envelope, path)
        version: object = _decoded(envelope.schema_version, Any, path)
        name: object = _decoded(envelope.kind, Any, path)
    except msgspec.ValidationError:
        version = name = None
    if version is None:
        raise ResultFileError(f"{shown(path)} is JSON, but not a Poolwise result")
    kind = _kinds.get(name) if isinstance(name, str) else None
    if kind is None:
        known = ", ".join(sorted(_kinds))
        raise ResultFileError(
            f"{shown(path)} holds a result of kind {one_line(repr(name))}; this Poolwise knows "
            f"only {known}"
        )
    if type(version) is not int:
        raise ResultFileError(
            f"{shown(path)} has result schema {one_line(repr(version))}, which is not a whole "
            "number: it was not written by Poolwise"
        )
    if version != kind.schema_version:
        raise ResultFileError(
            f"{shown(path)} has result schema {version}, but this Poolwise reads "
            f"{kind.schema_version}; open it with the version that wrote it, or "
            f"measure the {kind.name} again"
        )
    return kind


def _decoded(data: bytes | msgspec.Raw, wanted: Any, path: Path) -> Any:
    """Decode JSON; raise msgspec.ValidationError only if its shape is not the wanted one."""
    try:
        return msgspec.json.decode(data, type=wanted)
    except msgspec.ValidationError:
        raise
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ResultFileError(
            f"{shown(path)} is not a result, or is truncated ({one_line(str(error))}): "
            "give the JSON file of a race or a lesson"
        ) from error
    except RecursionError as error:
        raise ResultFileError(f"{shown(path)} is nested too deeply to be a result") from error
    except MemoryError as error:
        raise ResultFileError(f"{shown(path)} needs more memory than is available") from error


def _name(result_type: type[Any]) -> str:
    return next(kind.name for kind in _kinds.values() if kind.type is result_type)
