"""Breaks the lines of help texts only between words, so that `kill-child` can be copied."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import click

#: Looks like a hyphen, but lines are not broken after it.
_UNBROKEN: Final = "\N{NON-BREAKING HYPHEN}"


class _WholeWords(click.HelpFormatter):
    """Shows a hyphen as another character while click breaks the lines."""

    def write_text(self, text: str) -> None:
        """Write a paragraph."""
        super().write_text(_kept(text))

    def write_dl(
        self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2
    ) -> None:
        """Write a list of options or commands."""
        super().write_dl([(_kept(name), _kept(text)) for name, text in rows], col_max, col_spacing)

    def getvalue(self) -> str:
        """Return the whole help, with hyphens again."""
        return super().getvalue().replace(_UNBROKEN, "-")


class HelpContext(click.Context):
    """The context of a command with such help."""

    formatter_class = _WholeWords


def _kept(text: str) -> str:
    return text.replace("-", _UNBROKEN)
