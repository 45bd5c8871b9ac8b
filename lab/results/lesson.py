"""What a lesson has shown: scenes on a time axis, tables, claims; plain data for file and page.

It must not know how a lesson is run, nor how it is shown.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from lab.results.common import Host, Versions
from tasks.lessons.notebook import Doing

#: Raised by one whenever a reader of the old shape would misread the new one.
SCHEMA_VERSION: Final = 1

#: How a column's numbers are written; `text` is shown as it is.
Unit = Literal["text", "count", "number", "seconds", "bytes", "per_s", "share", "times"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """One process, thread or greenlet of one worker."""

    node: str  # the worker's name in Celery, or that of another process
    slot: str  # "4711" (process), "4711/4713" (thread), "4711#3" (greenlet), or words


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """What one lane did for a while; seconds since the scene's start."""

    lane: int  # index into the scene's lanes
    doing: Doing
    what: str  # a few words; of a lock, its name
    who: str  # the task's label
    started_s: float
    finished_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """An edge of a wait-for graph: `who` waits for `what`, which `holder` has."""

    who: str
    what: str
    holder: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """One thing shown on a time axis."""

    title: str
    caption: str = ""  # one sentence: what to look at
    lanes: tuple[Lane, ...]
    bars: tuple[Bar, ...]
    waits_for: tuple[Wait, ...] = ()  # a cycle, in its order, where one was found
    axis: str = "seconds since the start"  # what the time axis counts

    @property
    def end_s(self) -> float:
        """When the last bar ends; a millisecond at least, so that an axis has a length."""
        return max([bar.finished_s for bar in self.bars], default=0.0) or 0.001


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A heading, and how what stands under it is written."""

    heading: str
    unit: Unit = "text"


#: None stands for what could not be measured.
Cell = str | float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Figures; every row has a cell for each column."""

    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """Something that the lesson says, and whether it was so."""

    says: str  # "threads lose updates while they pause"
    holds: bool
    seen: str  # "99 of 100 lost"


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What a lesson's run has come to."""

    tables: tuple[Table, ...]
    claims: tuple[Claim, ...]
    verdict: str  # two sentences, with the measured figures in them
    remarks: tuple[str, ...] = ()  # what could not be shown here, and why
    skipped: str = ""  # the one line that says why nothing could be shown


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """What was asked beforehand, and answered."""

    question: str
    choices: tuple[str, ...]
    right: int  # index into the choices
    chosen: int | None  # None: not asked


@dataclass(frozen=True, slots=True, kw_only=True)
class LessonResult:
    """A lesson as it was taught once: the result file's whole content."""

    schema_version: int
    kind: Literal["lesson"]
    lesson: str
    title: str
    setting: str
    started_at: str
    elapsed_s: float
    command: str
    broker: str  # redacted
    workers: tuple[str, ...]  # those that ran before, where it was taught on these
    versions: Versions
    host: Host
    clock_error_s: float
    expectation: Expectation
    scenes: tuple[Scene, ...]
    findings: Findings
    lecture: str
    turn_next: tuple[str, ...]

    @property
    def holds(self) -> bool:
        """Whether everything that the lesson says was so."""
        return all(claim.holds for claim in self.findings.claims)
