"""One trial of hostile input: how a command may end, whatever it was given."""

from __future__ import annotations

import subprocess
from collections.abc import Collection, Sequence
from typing import Final

#: Every exit code that README documents.
DOCUMENTED: Final = frozenset({0, 1, 2, 3, 4, 5, 6, 129, 130, 143})


def assert_clean_end(
    done: subprocess.CompletedProcess[str],
    *,
    codes: Collection[int] = DOCUMENTED,
    secrets: Sequence[str] = (),
) -> str:
    """Return the one line that explains a failure; empty if the command succeeded.

    Fails on an exit code outside `codes`, a traceback, a secret in the output, and on a failure
    that is explained by anything but one line.
    """
    output = f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    assert done.returncode in codes, output
    assert "Traceback" not in output, output
    for secret in secrets:
        assert secret not in done.stdout + done.stderr, f"{secret!r} is shown in:\n{output}"
    if done.returncode in {0, 129, 130, 143}:
        return ""
    lines = explanations(done.stderr)
    assert len(lines) == 1, output
    return lines[0]


def explanations(stderr: str) -> list[str]:
    """Return the lines that explain a failure: ours, and click's own."""
    return [line for line in stderr.splitlines() if line.lower().startswith("error: ")]
