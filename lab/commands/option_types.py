"""Types of option values that click's own accept too much or too little of."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

import click

from tasks.errors import UsageError
from tasks.transport_options import TRANSPORTS

#: The longest title, in characters.
LONGEST_TITLE = 80


class AnyPath(click.Path):
    """A path, unchecked: whether it can be read or written shows when it is."""

    def convert(
        self,
        value: str | os.PathLike[str],
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> Path:
        """Return the path; fail if it is empty, which would mean the current folder."""
        if not os.fspath(value):
            self.fail("The path is empty.", param, ctx)
        return Path(value)


class WholeRange(click.IntRange):
    """A whole number in a range; click's type calls its value a range."""

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:  # noqa: ARG002
        """Return how help names the value."""
        return "N"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the number; fail if it is not whole or not in the range."""
        try:
            int(value)
        except ValueError:
            self.fail(f"{value!r} is not a whole number.", param, ctx)
        return super().convert(value, param, ctx)


class FiniteRange(click.FloatRange):
    """A finite number in a range; click's type takes NaN, which is in no range and in each."""

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:  # noqa: ARG002
        """Return how help names the value."""
        return "NUMBER"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return the number; fail if it is not finite or not in the range."""
        try:
            float(value)
        except ValueError:
            self.fail(f"{value!r} is not a number.", param, ctx)
        number: float = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value!r} is not a finite number.", param, ctx)
        return number


class Title(click.ParamType[str]):
    """A title of one line."""

    name = "text"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the title without surrounding spaces; fail if it is too long or not printable."""
        title = value.strip()
        if len(title) > LONGEST_TITLE or not title.isprintable():
            self.fail(f"a title has one line of at most {LONGEST_TITLE} characters", param, ctx)
        return title


class Transports(click.ParamType[tuple[str, ...]]):
    """One or more transports, separated by commas."""

    name = "list"

    def convert(
        self,
        value: str | tuple[str, ...],
        param: click.Parameter | None,  # noqa: ARG002
        ctx: click.Context | None,  # noqa: ARG002
    ) -> tuple[str, ...]:
        """Return them in a fixed order, each once; raise UsageError for an unknown one."""
        if not isinstance(value, str):
            return value
        wanted = {part.strip() for part in value.split(",")} - {""}
        for name in sorted(wanted - set(TRANSPORTS)):
            raise UsageError.unknown("transport", name, TRANSPORTS)
        if not wanted:
            raise UsageError("--transport is empty: name stock, lease or stock,lease")
        return tuple(name for name in TRANSPORTS if name in wanted)
