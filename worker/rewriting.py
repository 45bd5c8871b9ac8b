"""Rewrites a `celery worker` command line for another pool; it starts nothing and asks nobody.

It walks the words as click reads them, by Celery's own option declarations, so that every spelling
is found: `--pool x`, `--pool=x`, `-P x`, `-Px`, and `-EP x` among other short options.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Final

import click

from tasks.errors import UsageError
from worker.celery_cli import ENV_PREFIX, parsing_group
from worker.pools import Pool

#: Options that choose the pool and its size.
SIZING: Final = frozenset({"pool", "concurrency", "autoscale"})
#: Options that must not act a second time: `--purge` would delete what waits.
ONCE: Final = frozenset({"purge"})
#: Options that name the queues.
QUEUES: Final = frozenset({"queues", "exclude_queues"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What the worker shall be."""

    old: Pool | None  # None: one that the table does not know
    new: Pool
    spelling: str  # the name by which the new pool is typed
    concurrency: int
    queues: tuple[str, ...] = ()  # empty: those that the line names


@dataclass(frozen=True, slots=True, kw_only=True)
class _Piece:
    """An option as it stands on the line, or a word that is none."""

    name: str  # click's name of the option; empty where it is no known option
    words: tuple[str, ...]
    value: str = ""


def rewritten(argv: Sequence[str], change: Change, cwd: str) -> list[str]:
    """Return `argv`, from the interpreter on, with the pool's flags exchanged.

    `cwd` replaces a `--workdir`, which has been entered already.
    Raises UsageError where it is no `celery worker` line.
    """
    start = _place_of_celery(argv)
    group = parsing_group()
    globals_, rest = _pieces(argv[start + 1 :], group.params, stop=True)
    if not rest or rest[0] != "worker":
        raise UsageError(f"not a celery worker's command line: {' '.join(argv)}")
    pieces, _ = _pieces(rest[1:], group.commands["worker"].params, stop=False)
    dropped = _dropped(pieces, change)
    return [
        *argv[: start + 1],
        *_words(_moved(globals_, cwd)),
        "worker",
        *_flags(change, kept=[piece for piece in pieces if piece.name not in dropped]),
        *_words(piece for piece in pieces if piece.name not in dropped),
    ]


def without_twins(environ: Mapping[str, str], change: Change) -> dict[str, str]:
    """Return the environment without the variables that stand for exchanged options."""
    names = SIZING | ONCE | (QUEUES if change.queues else set())
    twins = {ENV_PREFIX + name.upper() for name in names}
    return {name: value for name, value in environ.items() if name not in twins}


def _place_of_celery(argv: Sequence[str]) -> int:
    for place, word in enumerate(argv):
        if PurePath(word).name in {"celery", "celery.exe"}:
            return place
    raise UsageError(f"not a celery worker's command line: {' '.join(argv)}")


def _dropped(pieces: Sequence[_Piece], change: Change) -> Collection[str]:
    """Name the options that go; a prefetch multiplier only where the old pool brought it."""
    brought = change.old.flags[1:] if change.old else ()
    ours = any(p.name == "prefetch_multiplier" and p.value in brought for p in pieces)
    return (
        SIZING
        | ONCE
        | (QUEUES if change.queues else frozenset())
        | (frozenset({"prefetch_multiplier"}) if ours else frozenset())
    )


def _flags(change: Change, kept: Sequence[_Piece]) -> list[str]:
    """Return the new flags; Celery looks for `--pool` before it reads anything else."""
    flags = ["--pool", change.spelling, "--concurrency", str(change.concurrency)]
    if not any(piece.name == "prefetch_multiplier" for piece in kept):
        flags += change.new.flags
    if change.queues:
        flags += ["--queues", ",".join(change.queues)]
    return flags


def _moved(pieces: Sequence[_Piece], cwd: str) -> list[_Piece]:
    return [
        _Piece(name=piece.name, words=("--workdir", cwd)) if piece.name == "workdir" else piece
        for piece in pieces
    ]


def _words(pieces: Iterable[_Piece]) -> list[str]:
    return [word for piece in pieces for word in piece.words]


def _pieces(
    words: Sequence[str], params: Sequence[click.Parameter], *, stop: bool
) -> tuple[list[_Piece], list[str]]:
    """Cut `words` into options and others; with `stop`, only as far as the first other."""
    spellings = {text: p for p in params if isinstance(p, click.Option) for text in p.opts}
    left = list(words)
    pieces: list[_Piece] = []
    while left:
        if left[0] == "--" or (stop and not left[0].startswith("-")):
            break
        pieces += _take(left, spellings)
    if stop:
        return pieces, left
    return [*pieces, *(_Piece(name="", words=(word,)) for word in left)], []


def _take(left: list[str], spellings: Mapping[str, click.Option]) -> list[_Piece]:
    """Take the option, or the other word, at the head of `left`."""
    word = left.pop(0)
    if word.startswith("--"):
        spelling, equals, value = word.partition("=")
        option = spellings.get(spelling)
        if option is None or option.is_flag or equals or not left:
            return [_Piece(name=_name(option), words=(word,), value=value)]
        value = left.pop(0)
        return [_Piece(name=_name(option), words=(word, value), value=value)]
    if word.startswith("-") and len(word) > 1:
        return _take_short(word, left, spellings)
    return [_Piece(name="", words=(word,))]


def _take_short(word: str, left: list[str], spellings: Mapping[str, click.Option]) -> list[_Piece]:
    """Take `-x`, `-x value`, `-xvalue`, or several in one word, of which the last has a value."""
    pieces = []
    for place, letter in enumerate(word[1:], start=2):
        option = spellings.get(f"-{letter}")
        if option is None or option.is_flag:
            pieces.append(_Piece(name=_name(option), words=(f"-{letter}",)))
            continue
        value = word[place:] or (left.pop(0) if left else "")
        pieces.append(_Piece(name=_name(option), words=(f"-{letter}", value), value=value))
        break
    return pieces


def _name(option: click.Option | None) -> str:
    return (option.name or "") if option else ""
