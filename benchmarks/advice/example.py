"""Reads the `poolwise advise` command in an example's README, and runs what the example needs."""

from __future__ import annotations

import contextlib
import json
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.advice.exhaustive import Candidate

EXAMPLES = Path(__file__).resolve().parent.parent.parent / "examples"
#: Examples whose task fails, or returns something wrong, if another one runs in its process.
ALONE = frozenset({"unsafe"})
UNITS = {"k": 1e3, "M": 1e6, "G": 1e9}


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One example with the command in its README."""

    folder: Path
    words: tuple[str, ...]  # without `poolwise advise`

    @classmethod
    def of(cls, name: str) -> Example:
        """Read the README of an example."""
        lines = (EXAMPLES / name / "README.md").read_text(encoding="utf-8").splitlines()
        [line] = [one for one in lines if one.startswith("poolwise advise ")]
        return cls(folder=EXAMPLES / name, words=tuple(shlex.split(line)[2:]))

    def option(self, name: str) -> list[str]:
        """Return the values of an option."""
        return [after for word, after in zip(self.words, self.words[1:], strict=False)
                if word == name]  # fmt: skip

    @property
    def task(self) -> str:
        """The task: the only word that is neither an option nor its value."""
        return next(
            word
            for before, word in zip(("", *self.words), self.words, strict=False)
            if not before.startswith("-") and not word.startswith("-")
        )

    @property
    def alone(self) -> bool:
        """Whether its task must be alone in its process."""
        return self.folder.name in ALONE

    @property
    def memory_bytes(self) -> int | None:
        """The value of `--memory`, if it is there."""
        values = [int(float(text[:-1]) * UNITS[text[-1]]) for text in self.option("--memory")]
        return next(iter(values), None)

    def advised(self, budget: str) -> Candidate | None:
        """Run the command; return its answer, if it has one."""
        poolwise = str(Path(sys.executable).with_name("poolwise"))
        with tempfile.TemporaryDirectory() as folder:
            done = subprocess.run(
                [poolwise, "advise", *self.words, "--python", sys.executable, "--yes", "--json",
                 "--budget", budget, "--out", folder],
                cwd=self.folder, stdout=subprocess.PIPE, text=True, check=False,
            )  # fmt: skip
        answer: dict[str, Any] | None = json.loads(done.stdout or "{}").get("answer")
        if answer is None:
            return None
        return Candidate(answer["pool"], answer["concurrency"], answer["workers"])

    @contextlib.contextmanager
    def served(self) -> Iterator[None]:
        """Run the example's server, if it has one."""
        script = self.folder / "server.py"
        if not script.exists():
            yield
            return
        command: Sequence[str] = [sys.executable, str(script)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
            try:
                assert server.stdout is not None  # noqa: S101 - for mypy
                server.stdout.readline()
                yield
            finally:
                server.kill()


def single_tasks() -> tuple[str, ...]:
    """Return the examples of a single task; a mix has no single best candidate to compare with."""
    names = sorted(path.parent.name for path in EXAMPLES.glob("*/README.md"))
    return tuple(name for name in names if not Example.of(name).option("--all-from"))
