"""The shape of a lesson's result: scenes on a time axis, tables, claims.

It must not know how a lesson is run, written or shown.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from lab.results.common import Host, Number, Versions, Whole
from lab.results.files import result_kind
from tasks.lessons.notebook import Doing

#: Increased by one whenever code that reads the old shape would misread the new one.
SCHEMA_VERSION: Final = 1

#: How a column's numbers are written; `text` is shown as it is.
Unit = Literal["text", "count", "number", "seconds", "bytes", "per_s", "share", "times"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """One process, thread or greenlet of one worker."""

    node: str  # the worker's node name, or the name of another process
    slot: str  # "4711" (process), "4711/4713" (thread), "4711#3" (greenlet), or words


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """What one lane did for a while; seconds since the scene's start."""

    lane: Whole  # index into the scene's lanes
    doing: Doing
    what: str  # a few words, or the name of a lock
    who: str  # the task's label
    started_s: Number
    finished_s: Number


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """An edge of a wait-for graph: `who` waits for `what`, which `holder` holds."""

    who: str
    what: str
    holder: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """One timeline: lanes with bars on a time axis."""

    title: str
    caption: str = ""  # one sentence: what to look at
    lanes: tuple[Lane, ...]
    bars: tuple[Bar, ...]
    waits_for: tuple[Wait, ...] = ()  # the edges of a cycle, in order, if one was found
    axis: str = "seconds since the start"  # what the time axis counts

    @property
    def end_s(self) -> float:
        """When the last bar ends; at least a millisecond, so that the axis has a length."""
        return max([bar.finished_s for bar in self.bars], default=0.0) or 0.001


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A heading, with the unit of the cells below it."""

    heading: str
    unit: Unit = "text"


#: None: it could not be measured.
Cell = str | Number | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table of figures; every row has one cell per column."""

    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]

    def __post_init__(self) -> None:
        """Raise ValueError if a row does not fit the columns."""
        if not self.columns or any(len(row) != len(self.columns) for row in self.rows):
            raise ValueError("a row of a table does not have one cell per column")


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A statement of the lesson, with whether the run confirmed it."""

    says: str  # "threads lose updates while they pause"
    holds: bool
    seen: str  # "99 of 100 lost"


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """The outcome of a lesson's run."""

    tables: tuple[Table, ...]
    claims: tuple[Claim, ...]
    verdict: str  # two sentences that quote the measured figures
    remarks: tuple[str, ...] = ()  # what could not be shown on this machine, and why
    skipped: str = ""  # one line that says why nothing could be shown


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """The question asked before the run, with the answer."""

    question: str
    choices: tuple[str, ...]
    right: Whole  # index into the choices
    chosen: Whole | None  # None: not asked

    def __post_init__(self) -> None:
        """Raise ValueError if the right or the chosen answer is none of the choices."""
        answers = [self.right] if self.chosen is None else [self.right, self.chosen]
        if not all(0 <= answer < len(self.choices) for answer in answers):
            raise ValueError("an answer is not one of the choices")


@result_kind("lesson", schema_version=SCHEMA_VERSION)
@dataclass(frozen=True, slots=True, kw_only=True)
class LessonResult:
    """One run of a lesson: the whole content of its result file."""

    schema_version: int
    kind: Literal["lesson"]
    lesson: str
    title: str
    setting: str
    started_at: str
    elapsed_s: Number
    command: str
    broker: str  # redacted
    workers: tuple[str, ...]  # the running workers it borrowed; empty: it started its own
    versions: Versions
    host: Host
    clock_error_s: Number
    expectation: Expectation
    scenes: tuple[Scene, ...]
    findings: Findings
    lecture: str
    turn_next: tuple[str, ...]

    @property
    def holds(self) -> bool:
        """Whether the run confirmed every claim of the lesson."""
        return all(claim.holds for claim in self.findings.claims)
