"""What became of bad messages, in the words of the terminal and of the page."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from lab.format import words
from lab.results.chaos import BadMessages, CellAccount, ChaosCell

#: The groups of an account in words, the worst last.
FATES: Final = {
    "finished": "finished",
    "failed": "failed",
    "revoked": "revoked",
    "dead": "dead-lettered",
    "refused": "refused",
    "held": "held",
    "lost": "lost",
}


def fates(accounts: Iterable[CellAccount]) -> str:
    """Return how many are in each group, such as "2 failed, 1 lost"."""
    all_of_them = tuple(accounts)
    counts = {
        words: sum(getattr(one, name) for one in all_of_them) for name, words in FATES.items()
    }
    return ", ".join(f"{number:,} {words}" for words, number in counts.items() if number)


def message_text(cell: ChaosCell, bad: BadMessages) -> str:
    """Summarise a cell of bad messages: what became of them, then of the load."""
    lost = cell.account.lost - bad.account.lost
    held = cell.account.held - bad.account.held
    others = [f"{words.counted(lost, 'other task')} lost"] if lost else []
    others += [f"{words.counted(held, 'other task')} held"] if held else []
    return "; ".join([fates([bad.account]), *others])


def messages_line(name: str, cells: Iterable[ChaosCell]) -> str:
    """Summarise the bad messages of one set of settings; empty if there were none."""
    found = [(one, one.messages) for one in cells if one.messages and one.settings == name]
    if not found:
        return ""
    bad = [messages.account for _, messages in found]
    sent = sum(one.submitted for one in bad)
    lost = sum(cell.account.lost for cell, _ in found) - sum(one.lost for one in bad)
    ended = sum(messages.workers_ended for _, messages in found)
    return (
        f"{name}: of {words.counted(sent, 'bad message')}, {fates(bad)}; "
        f"{words.counted(lost, 'other task')} lost; {words.counted(ended, 'worker')} ended"
    )
