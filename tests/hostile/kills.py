"""Kills `poolwise` with SIGKILL at many random moments; fails if a process is left: `make kills`.

Run as `python -m tests.hostile.kills [COUNT [SEED]]`.
"""

from __future__ import annotations

import sys
import tempfile
from collections import Counter
from functools import partial
from pathlib import Path

from tests.hostile.moments import ended, kills
from tests.hostile.side_by_side import side_by_side


def main() -> int:
    """Run the kills, print what each command left, and return the exit code."""
    given = [int(word) for word in sys.argv[1:]]
    count, seed = (*given, *(100, 1)[len(given) :])
    killed: Counter[str] = Counter()
    failed: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as base:
        trials = {
            f"{number}: {trial.name}": partial(ended, trial, Path(base) / str(number))
            for number, trial in enumerate(kills(seed, count), start=1)
        }
        with side_by_side(trials) as futures:
            for name, future in futures.items():
                command = name.split()[-2]
                killed[command] += 1
                if (error := future.exception()) is not None:
                    failed[command] += 1
                    sys.stdout.write(f"{name}: {error}\n")
    for command, times in killed.items():
        sys.stdout.write(f"{command:<6} killed {times} times, processes left {failed[command]}\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
