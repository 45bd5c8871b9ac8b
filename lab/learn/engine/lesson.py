"""The shape of a lesson: all that differs between two of them, as data and one function."""

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
    """A number that the learner may turn, an option of the lesson's command."""

    flag: str  # "--pause-ms"
    default: float
    low: float
    high: float
    help: str  # with the unit, ends with a full stop

    @property
    def name(self) -> str:
        """The name under which the stage has it: "pause_ms"."""
        return self.flag.removeprefix("--").replace("-", "_")

    @property
    def whole(self) -> bool:
        """Whether it takes whole numbers only."""
        return isinstance(self.default, int)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """One lesson."""

    name: str
    title: str  # a sentence without full stop: what is learnt
    setting: str  # what is going to be run, in one or two sentences
    question: Question
    #: The cluster's workers it runs on: slots by pool, as asked for where they are started for it;
    #: a running cluster's keep the slots they have.
    workers: Mapping[str, int] = field(default_factory=dict)
    #: It looks at its workers' processes, or needs these very slots: they are started on this
    #: machine, at the same broker, also where a cluster runs.
    here: bool = False
    needs: frozenset[str] = frozenset()  # pools without which there is nothing to show
    another_python: bool = False  # whether it runs workers on the Python that --python names
    tasks: frozenset[str] = frozenset()  # names of the tasks that the workers must know
    dials: tuple[Dial, ...] = ()
    run: Callable[[Context], Findings]
    lecture: str  # what the lecture says, and where today's Python or a cluster differ
    turn_next: tuple[str, ...]  # command lines or flags to try
