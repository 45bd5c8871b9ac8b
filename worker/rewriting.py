"""Rewrites a `celery worker` command line for another pool; it starts nothing.

Click reads each option with Celery's own declarations, so every spelling is recognized: `--pool x`,
`--pool=x`, `-P x`, `-Px`, and `-EP x` in a cluster of short options.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import PurePath
from typing import Any, Final

import click

from tasks.errors import UsageError
from worker.celery_cli import ENV_PREFIX, parsing_group, typed_options
from worker.pools import Pool

#: Options that choose the pool and its size.
SIZING: Final = frozenset({"pool", "concurrency", "autoscale"})
#: Options that must not take effect twice: `--purge` would delete the waiting messages.
ONCE: Final = frozenset({"purge"})
#: Options that name the queues.
QUEUES: Final = frozenset({"queues", "exclude_queues"})


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolChange:
    """The pool that a worker has, and what it gets instead."""

    old: Pool | None  # None: not in the pool table
    new: Pool
    spelling: str  # the name to type for the new pool
    concurrency: int
    queues: tuple[str, ...] = ()  # empty: as on the command line


@dataclass(frozen=True, slots=True, kw_only=True)
class _Piece:
    """One option, one cluster of short options, or one other word of a command line."""

    words: tuple[str, ...]
    options: Mapping[str, Any] = field(default_factory=dict)  # values by click's names


def with_full_path(argv: Sequence[str], script: str) -> list[str]:
    """Return the command line with the path of the running script, if `celery` is that script.

    What was typed may be relative to a folder that `--workdir` has left.
    """
    start = _index_of_celery(argv)
    is_script = PurePath(script).name == PurePath(argv[start]).name
    return [*argv[:start], script if is_script else argv[start], *argv[start + 1 :]]


def rewritten(argv: Sequence[str], change: PoolChange, cwd: str) -> list[str]:
    """Return the full command line `argv` with the pool's flags replaced.

    `cwd` replaces the value of `--workdir`, because the worker has already changed to it.
    Raises UsageError if this is not a `celery worker` line.
    """
    start, group = _index_of_celery(argv), parsing_group()
    global_options, end = _head(argv, start, group)
    worker = group.commands["worker"]
    pieces = list(_cut(argv[end + 1 :], worker))
    dropped = _dropped(pieces, change)
    kept_names = {name for piece in pieces for name in piece.options} - dropped
    return [
        *argv[: start + 1],
        *_moved(global_options, cwd),
        "worker",
        *_flags(change, multiplier_kept="prefetch_multiplier" in kept_names),
        *_kept(pieces, dropped, worker),
    ]


def check_line(argv: Sequence[str]) -> None:
    """Raise UsageError if the full command line `argv` is not that of `celery worker`.

    It is not if a program has started the worker in its own process.
    """
    _head(argv, _index_of_celery(argv), parsing_group())


def _head(argv: Sequence[str], start: int, group: Any) -> tuple[list[_Piece], int]:
    """Return the options of `celery`, which stands at `start`, and where `worker` stands."""
    options = list(takewhile(lambda piece: piece.options, _cut(argv[start + 1 :], group)))
    end = start + 1 + sum(len(piece.words) for piece in options)
    if list(argv[end : end + 1]) != ["worker"]:
        raise UsageError(f"not a celery worker's command line: {_shown(argv)}")
    return options, end


def without_addresses(argv: Sequence[str]) -> list[str]:
    """Return the words of a command line without addresses, which may contain passwords."""
    return ["(an address)" if "://" in word else word for word in argv]


def _shown(argv: Sequence[str]) -> str:
    return " ".join(without_addresses(argv))


def without_replaced_variables(environ: Mapping[str, str], change: PoolChange) -> dict[str, str]:
    """Return the environment without the variables that set replaced options."""
    names = SIZING | ONCE | (QUEUES if change.queues else set())
    variables = {ENV_PREFIX + name.upper() for name in names}
    return {name: value for name, value in environ.items() if name not in variables}


def _index_of_celery(argv: Sequence[str]) -> int:
    for index, word in enumerate(argv):
        if PurePath(word).name in {"celery", "celery.exe"}:
            return index
    raise UsageError(f"not a celery worker's command line: {_shown(argv)}")


def _cut(words: Sequence[str], command: click.Command) -> Iterator[_Piece]:
    """Cut `words` into pieces; `--` and everything after it is the last one."""
    _accept_any_value(command)
    while words:
        piece = _Piece(words=tuple(words)) if words[0] == "--" else _first_piece(words, command)
        yield piece
        words = words[len(piece.words) :]


def _accept_any_value(command: click.Command) -> None:
    """Make click leave values as they were typed, so that only the spelling can be wrong."""
    for param in command.params:
        param.required = False
        if not (isinstance(param, click.Option) and param.is_flag):
            param.type = click.UNPROCESSED


def _first_piece(words: Sequence[str], command: click.Command) -> _Piece:
    """Cut off one word, and the next ones as long as click reports that a value is missing."""
    for count in range(1, len(words) + 1):
        with (
            suppress(click.UsageError),
            command.make_context(command.name, list(words[:count])) as context,
        ):
            return _Piece(words=tuple(words[:count]), options=typed_options(context))
    return _Piece(words=(words[0],))


def _dropped(pieces: Iterable[_Piece], change: PoolChange) -> frozenset[str]:
    """Name the options to remove; a prefetch multiplier only if it came with the old pool."""
    from_old_pool = change.old is not None and any(
        piece.options.get("prefetch_multiplier") in change.old.flags[1:] for piece in pieces
    )
    return (
        SIZING
        | ONCE
        | (QUEUES if change.queues else frozenset())
        | (frozenset({"prefetch_multiplier"}) if from_old_pool else frozenset())
    )


def _flags(change: PoolChange, *, multiplier_kept: bool) -> list[str]:
    """Return the new flags; `--pool` comes first because Celery searches the line for it."""
    flags = ["--pool", change.spelling, "--concurrency", str(change.concurrency)]
    if not multiplier_kept:
        flags += change.new.flags
    if change.queues:
        flags += ["--queues", ",".join(change.queues)]
    return flags


def _moved(pieces: Iterable[_Piece], cwd: str) -> list[str]:
    moved = (("--workdir", cwd) if "workdir" in piece.options else piece.words for piece in pieces)
    return [word for words in moved for word in words]


def _kept(pieces: Iterable[_Piece], dropped: frozenset[str], command: click.Command) -> list[str]:
    """Return all words except the dropped options.

    In a cluster, a dropped option with a value is the last one, so the others are flags.
    """
    spellings = {param.name: param.opts[0] for param in command.params}
    kept: list[str] = []
    for piece in pieces:
        if dropped.isdisjoint(piece.options):
            kept += piece.words
        else:
            kept += [spellings[name] for name in piece.options if name not in dropped]
    return kept
