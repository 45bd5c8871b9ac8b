"""What faults did to tasks, in the words of the terminal and of the page."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from statistics import median
from typing import Final

from lab.format import words
from lab.format.bad_messages import message_text, messages_line
from lab.results.chaos import ChaosCell, ChaosResult, Explanation
from producer.statistics import percentiles

#: Faults without a loss say no more than this about the next: 3 divided by their number.
RULE_OF_THREE = 3.0

#: What the words of `cell_text` mean.
MEANINGS: Final = {
    "lost": "no longer anywhere",
    "held": "in Redis until the visibility timeout (an hour by default)",
    "failed": "stored as FAILURE and not run again",
    "revoked": "revoked or expired, and not run",
    "dead-lettered": "no longer tried by any worker, and kept whole",
    "refused": "discarded by a worker, which logged it",
    "early": "started before its ETA",
    "twice": "ended more than once",
    "unknown": "the producer got an error, so the task may or may not be in the queue",
    "did not resume": "a worker did not run tasks again by itself",
    "back": "time from the fault until the last interrupted task started again; after a fault of "
    "Redis, the network or a container, time from the end of the fault until every worker ran "
    "a task that was sent later (median / 95th percentile)",
}


def cell_text(cell: ChaosCell) -> str:
    """Summarise a cell in a few words, such as "3 lost, 2 twice, back in 9.1 s / 9.8 s"."""
    if cell.skipped:
        return words.NOTHING
    if cell.messages:
        return message_text(cell, cell.messages)
    account = cell.account
    parts = [f"{account.lost:,} lost" if account.lost else "none lost"]
    counts = (
        (account.held, "held"),
        (account.failed, "failed"),
        (account.dead, "dead-lettered"),
        (account.refused, "refused"),
        (account.early, "early"),
        (account.twice_by_fault + account.twice_otherwise, "twice"),
        (account.unknown, "unknown"),
    )
    parts += [f"{number:,} {what}" for number, what in counts if number]
    return ", ".join([*parts, *_back(cell)])


def legend(cells: Iterable[ChaosCell]) -> str:
    """Explain the words that a table of these cells has; empty if it has none."""
    found = {
        word for one in cells for word in MEANINGS if re.search(rf"\b{word}\b", cell_text(one))
    }
    return " · ".join(f"{word}: {text}" for word, text in MEANINGS.items() if word in found)


def is_bad(cell: ChaosCell) -> bool:
    """Return whether tasks were lost or ran early, or workers did not resume."""
    return bool(cell.account.lost or cell.account.early) or cell.resumed < cell.aimed


def _back(cell: ChaosCell) -> list[str]:
    stuck = cell.aimed - cell.resumed
    parts = (
        [f"did not resume after {stuck} of {words.counted(cell.aimed, 'fault')}"] if stuck else []
    )
    if cell.last_again_s:
        parts.append(
            f"back in {' / '.join(map(words.duration, middle_and_p95(cell.last_again_s)))}"
        )
    return parts


def middle_and_p95(times_s: Sequence[float]) -> tuple[float, ...]:
    """Return the median and the 95th percentile, or the only value."""
    return (median(times_s), *percentiles(times_s, 95)) if len(times_s) > 1 else tuple(times_s)


def settings_line(result: ChaosResult, name: str) -> str:
    """Summarise all cells of one set of settings, with what their number allows to claim."""
    cells = [
        one for one in result.cells if one.settings == name and not one.skipped and not one.messages
    ]
    hits = sum(one.hits for one in cells)
    lost = sum(one.account.lost for one in cells)
    submitted = sum(one.account.submitted for one in cells)
    if not hits:
        return f"{name}: no fault hit a worker or a broker that was at work"
    faults = f"{hits:,} {'fault' if hits == 1 else 'faults'}"
    if lost:
        alike = len({one.fault for one in cells}) == 1
        mean = f", {lost / hits:.2g} per fault on average" if hits > 1 and alike else ""
        return f"{name}: {lost:,} of {submitted:,} tasks lost in {faults}{mean}"
    most = RULE_OF_THREE / hits
    known = (
        f"with 95 % confidence, fewer than {100 * most:.2g} % of such faults lose tasks"
        if most < 1
        else "too few faults to say more"
    )
    return f"{name}: none of {submitted:,} tasks lost in {faults}; {known}"


def summary_lines(result: ChaosResult) -> list[str]:
    """Return a line for each set of settings, then what must be said about the run."""
    names = [one.name for one in result.settings.deliveries]
    lines = []
    if not all(one.messages or one.skipped for one in result.cells):
        lines += [settings_line(result, one) for one in names]
    lines += filter(None, (messages_line(one, result.cells) for one in names))
    if result.interrupted:
        lines.append("Stopped early: the rest of the combinations and faults is missing.")
    return lines


def explanation_heading(one: Explanation) -> str:
    """Name what is explained, such as "defaults: 12 lost (kill-worker; prefork, threads)"."""
    where = f"{', '.join(one.faults)}; {', '.join(one.pools)}"
    return f"{one.settings}: {one.tasks:,} {one.what} ({where})"


def unaccounted(cells: Sequence[ChaosCell]) -> list[ChaosCell]:
    """Return the cells whose groups do not add up to what was submitted; there are none."""
    return [one for one in cells if one.account.accounted != one.account.submitted]


def notes(result: ChaosResult) -> list[str]:
    """Return what is worth knowing about single cells."""
    lines = []
    for one in result.cells:
        where = f"{one.fault}, {one.pool}, {one.settings}"
        if one.skipped:
            lines.append(f"{where}: {one.skipped}")
        if one.hits < one.aimed:
            lines.append(
                f"{where}: only {one.hits} of {words.counted(one.aimed, 'fault')} hit running tasks"
            )
        lines += [f"{where}: {note}" for note in one.notes]
    return lines
