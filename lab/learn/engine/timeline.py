"""A scene as lines of text: one line per lane, time from left to right; pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from rich.text import Text

from lab.format import words
from lab.format.lessons import MEANINGS, short_name
from lab.results.lesson import Bar, Lane, Scene, Wait
from tasks.lessons.notebook import DOINGS, Doing

#: Up to this many lanes all are drawn; of more, only the first few: the others look alike.
ALL_LANES: Final = 12
MOST_LANES: Final = 8
#: The most columns that a lane's name takes.
NAME_WIDTH: Final = 26
GLYPHS: Final[dict[Doing, str]] = {"computes": "█", "waits": "─", "blocked": "░"}
#: What the names of lanes consist of, by the form of their slots.
SLOTS: Final = {
    r"\d+": "worker process",
    r"\d+/\d+": "worker process/thread",
    r"\d+#\d+": "worker process#greenlet",
}
STYLES: Final[dict[Doing, str]] = {"computes": "blue", "waits": "cyan", "blocked": "red"}


def drawn(scene: Scene, width: int) -> list[Text]:
    """Return the scene's lines, none wider than `width` columns."""
    shown = len(scene.lanes) if len(scene.lanes) <= ALL_LANES else MOST_LANES
    names = _names(scene, shown, width)
    room = max(10, width - max(map(len, names), default=0) - 4)
    lines = []
    for lane in range(shown):
        line = Text(f"  {names[lane]} ", style="dim", no_wrap=True, end="")
        line.append_text(_lane([bar for bar in scene.bars if bar.lane == lane], scene.end_s, room))
        lines.append(line)
    indent = " " * (max(map(len, names), default=0) + 3)
    lines.append(Text(indent + _axis(scene.end_s, room), style="dim"))
    if (left_out := len(scene.lanes) - shown) > 0:
        lines.append(Text(f"{indent}and {left_out} more like these", style="dim"))
    return lines


def legend(scene: Scene) -> dict[str, Text]:
    """Explain the characters in `scene` and the names of its lanes, each by what it means."""
    there = {bar.doing for bar in scene.bars}
    lines = {
        MEANINGS[doing]: Text.assemble((GLYPHS[doing] * 3, STYLES[doing]), f" {MEANINGS[doing]}")
        for doing in DOINGS
        if doing in there
    }
    for lane in scene.lanes:
        if "@" in lane.node:  # it is a worker's
            for form, meaning in SLOTS.items():
                if re.fullmatch(form, lane.slot) and meaning not in lines:
                    lines[meaning] = Text(f"{_name(lane)}: {meaning}", style="dim")
    return lines


def circle(waits: Sequence[Wait], width: int) -> list[Text]:
    """Draw a cycle of a wait-for graph: an arrow from each task to the next, and back."""
    if not waits:
        return []
    for arrow in (" ── waits for {} ──▶ ", " ─ {} ─▶ "):
        top, start = Text("  "), 2
        for wait in waits[:-1]:
            top.append(wait.who, "bold").append(arrow.format(wait.what), "red")
        last = len(top)
        top.append(waits[-1].who, "bold")
        if len(top) <= width:
            break
    back = f" waits for {waits[-1].what} "
    room = max(len(back) + 2, last - start - 1)
    indent = " " * (start + 1)
    return [
        top,
        Text(f"{indent}▲{' ' * room}│", "red"),
        Text(f"{indent}╰{back.center(room, '─')}╯", "red"),
    ]


def _names(scene: Scene, shown: int, width: int) -> list[str]:
    longest = min(NAME_WIDTH, max(10, width // 3))
    plain = [_name(lane) for lane in scene.lanes[:shown]]
    cut = [name if len(name) <= longest else f"{name[: longest - 1]}…" for name in plain]
    return [name.ljust(max(map(len, cut))) for name in cut]


def _name(lane: Lane) -> str:
    return f"{short_name(lane.node)} {lane.slot}"


def _lane(bars: Sequence[Bar], end_s: float, room: int) -> Text:
    """Draw one lane; if bars share a column, the one that covers more of it is shown."""
    owners: list[tuple[float, Bar] | None] = [None] * room
    for bar in bars:
        first = int(bar.started_s / end_s * room)
        last = int(bar.finished_s / end_s * room)
        for column in range(max(0, first), min(room, last + 1)):
            left_s, right_s = column * end_s / room, (column + 1) * end_s / room
            share_s = min(bar.finished_s, right_s) - max(bar.started_s, left_s)
            owner = owners[column]
            if owner is None or share_s > owner[0]:
                owners[column] = (share_s, bar)
    line, column = Text(), 0
    while column < room:
        stop = column + 1
        while stop < room and _bar(owners[stop]) is _bar(owners[column]):
            stop += 1
        line.append_text(_stretch(_bar(owners[column]), stop - column))
        column = stop
    return line


def _bar(owner: tuple[float, Bar] | None) -> Bar | None:
    return owner[1] if owner else None


def _stretch(bar: Bar | None, columns: int) -> Text:
    if bar is None:
        return Text(" " * columns)
    both = ": ".join(text for text in (bar.who, bar.what) if text)
    fitting = [text for text in (both, bar.what, bar.who) if text and len(text) + 4 <= columns]
    label = f" {fitting[0]} " if fitting else ""
    # Without an edge, two bars of one colour that meet would look like one.
    fill = GLYPHS[bar.doing]
    edge = "▏" if columns > 1 else ""
    middle = label.center(columns - len(edge), fill) if label else fill * (columns - len(edge))
    return Text(edge + middle, style=STYLES[bar.doing])


def _axis(end_s: float, room: int) -> str:
    end = words.duration(end_s)
    return "0" + " " * max(1, room - 1 - len(end)) + end
