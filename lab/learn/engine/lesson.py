"""The shape of a lesson: everything that differs between two lessons, as data and one function."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from lab.learn.engine.context import Context
from lab.results.lesson import Findings


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What the learner is asked before anything runs."""

    text: str
    choices: tuple[str, ...]
    right: int  # index into the choices


@dataclass(frozen=True, slots=True, kw_only=True)
class Dial:
    """A number that the learner can change with an option of the lesson's command."""

    flag: str  # "--pause-ms"
    default: float
    low: float
    high: float
    help: str  # includes the unit, ends with a full stop

    @property
    def name(self) -> str:
        """The name by which the context knows it: "pause_ms"."""
        return self.flag.removeprefix("--").replace("-", "_")

    @property
    def whole(self) -> bool:
        """Whether it accepts only whole numbers."""
        return isinstance(self.default, int)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """One lesson."""

    name: str
    title: str  # what is learnt: a sentence without a full stop
    setting: str  # what is going to run, in one or two sentences
    question: Question
    #: The session's workers that it runs on: slots by pool if they are started for it; borrowed
    #: workers keep the slots they have.
    workers: Mapping[str, int] = field(default_factory=dict)
    #: It inspects its workers' processes, or needs exactly these slots: its workers are started on
    #: this machine even if a cluster runs, at the same broker.
    started_here: bool = False
    needs: frozenset[str] = frozenset()  # pools it cannot do without
    another_python: bool = False  # whether it runs workers on the Python that --python names
    tasks: frozenset[str] = frozenset()  # names of the tasks that the workers must know
    dials: tuple[Dial, ...] = ()
    run: Callable[[Context], Findings]
    lecture: str  # what the lecture says, and how today's Python or a cluster differs
    turn_next: tuple[str, ...]  # command lines to try
