"""Tasks that need two locks each: played, watched, and what came of them in figures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Final, Literal

from lab.teaching.play import Act, Call, Note, Played
from lab.teaching.stage import Stage
from lab.teaching.story import Cell, Column, Wait
from lab.teaching.waiting import Sight, Stall, stalls
from producer.plan import Work
from tasks.lessons.deadlock import Errand

Way = Literal["opposite order", "one order", "back-off", "one lock"]
WAYS: Final[tuple[Way, ...]] = ("opposite order", "one order", "back-off", "one lock")
#: Where the locks are, and what that is called.
PLACES: Final = {"worker": "one worker", "redis": "two workers"}
#: The worker of the tasks in turn; the first also has the one who watches.
POOLS: Final = {"worker": ("threads", "threads"), "redis": ("threads", "prefork")}
LOCKS: Final = "abcdef"
#: Seconds of work with all locks.
WORK_S: Final = 0.1
#: Seconds after which even a task that only has to wait its turn gives up.
BOUND_S: Final = 3.0
#: Share of the patience after which a task that may begin anew does so, and backs off at most.
IMPATIENCE: Final = 0.2
#: Seconds for which a cycle has to be seen on end to be called a stall.
STANDS_S: Final = 0.1
WATCH: Final = "watch"

COLUMNS: Final = (
    Column(heading="locks in"),
    Column(heading="way"),
    Column(heading="worked"),
    Column(heading="retries", unit="count"),
    Column(heading="stalled", unit="seconds"),
    Column(heading="waited", unit="seconds"),
    Column(heading="time", unit="seconds"),
)
CAPTIONS: Final[dict[Way, str]] = {
    "opposite order": "Each has what another wants; only lost patience ends it.",
    "one order": "Whoever waits for the first lock has nothing yet that others want.",
    "back-off": "They still run into it; one gives back what it has, another goes on.",
    "one lock": "No cycle is possible; but a task that shares nothing queues with the others.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of the tasks of one scene."""

    place: str  # key of PLACES
    way: Way
    played: Played  # without the one who watched
    found: tuple[Stall, ...]  # instants since the scene's start
    unit_s: float  # what a task needs from its first lock to its end, if nobody is in its way
    locks_left: int = 0  # in Redis, after all have ended

    @property
    def tasks(self) -> int:
        """How many tasks there were."""
        return len(self.played.acts)

    @property
    def worked(self) -> int:
        """How many had all their locks."""
        return sum(value["done"] for value in self.played.values)

    @property
    def counted(self) -> str:
        """The same, of how many."""
        return f"{self.worked} of {self.tasks}"

    @property
    def retries(self) -> int:
        """How often one of them began anew."""
        return sum(value["retries"] for value in self.played.values)

    @property
    def gave_up_s(self) -> float:
        """When the first gave up; infinite where nobody did."""
        ends = [act.finished_s for act in self.played.acts if not act.value["done"]]
        return min(ends, default=float("inf"))

    @property
    def stalled_s(self) -> float:
        """For how long a cycle was seen."""
        return sum(stall.to_s - stall.from_s for stall in self.found)

    @property
    def waited_s(self) -> tuple[float, ...]:
        """How long each task waited for locks."""
        return tuple(map(_waited_s, self.played.acts))

    @property
    def had_to_wait(self) -> int:
        """How many waited for about as long as another works."""
        return sum(waited_s > self.unit_s / 2 for waited_s in self.waited_s)

    @property
    def row(self) -> tuple[Cell, ...]:
        """The outcome as a row of a table with COLUMNS."""
        return (
            PLACES[self.place],
            self.way,
            self.counted,
            self.retries,
            self.stalled_s or None,
            sum(self.waited_s),
            self.played.makespan_s,
        )


def play(stage: Stage, place: str, way: Way) -> Outcome:
    """Play one scene and show it."""
    title = f"{PLACES[place]}: {way}"
    scene = stage.key(f"{place}.{WAYS.index(way)}")
    errands = errands_of(stage.count("ring"), way, place, scene, _pace(stage))
    names = sorted({lock for errand in errands for lock in errand.locks})
    keys = [stage.key(f"{scene.rpartition(':')[2]}:{name}") for name in (*names, *NOTED)]
    played = stage.play(title, list(_calls(stage, place, scene, names, errands)))
    outcome = judged(place, way, played, errands[0].pause_s + WORK_S)
    left = sum(stage.get(key) is not None for key in keys[: len(names)])
    _show(stage, outcome, played)
    return replace(outcome, locks_left=left)


#: What the tasks of a scene count and note in Redis beside their locks.
NOTED: Final = ("begun", "ended", "wants")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How fast tasks go for their locks, and how long they wait."""

    pause_s: float
    patience_s: float


def errands_of(ring: int, way: Way, place: str, scene: str, pace: Pace) -> list[Errand]:
    """Give `ring` tasks two of as many locks each, in a circle, and one more two of its own."""
    pairs = [(LOCKS[n], LOCKS[(n + 1) % ring]) for n in range(ring)]
    pairs.append((LOCKS[ring], LOCKS[ring + 1]))
    patience_s = BOUND_S if way in {"one order", "one lock"} else pace.patience_s
    impatient = way == "back-off"
    one = way == "one lock"
    return [
        Errand(
            place=place,
            scene=scene,
            who=f"task {number}",
            locks=("the lock",) if one else sorted(pair) if way == "one order" else pair,
            party=len(pairs),
            pause_s=pace.pause_s,
            work_s=WORK_S + (pace.pause_s if one else 0),
            patience_s=patience_s * (IMPATIENCE if impatient else 1),
            back_off_s=patience_s * IMPATIENCE if impatient else 0.0,
        )
        for number, pair in enumerate(pairs, start=1)
    ]


def judged(place: str, way: Way, played: Played, unit_s: float) -> Outcome:
    """Tell what was seen by the one who watched from what the others did."""
    [watch] = [act for act in played.acts if act.label == WATCH]
    others = tuple(act for act in played.acts if act.label != WATCH)
    sights = [
        Sight(at_s=watch.started_s + at_s, holders=held, wants=wants)
        for at_s, held, wants in watch.value
    ]
    found = stalls(sights, watch.finished_s, STANDS_S)
    return Outcome(
        place=place,
        way=way,
        played=replace(played, acts=others),
        found=tuple(found),
        unit_s=unit_s,
    )


def _pace(stage: Stage) -> Pace:
    return Pace(
        pause_s=stage.dial("pause_ms") / 1_000, patience_s=stage.dial("patience_ms") / 1_000
    )


def _calls(
    stage: Stage, place: str, scene: str, names: Sequence[str], errands: Sequence[Errand]
) -> Iterator[Call]:
    first, second = (stage.worker(pool) for pool in POOLS[place])
    watching = (place, scene, names, len(errands))
    yield Call(work=Work(task="lessons.deadlock.watch", args=watching), worker=first, label=WATCH)
    for number, errand in enumerate(errands):
        yield Call(
            work=Work(task="lessons.deadlock.work", args=(asdict(errand),)),
            worker=second if number % 2 or number == len(errands) - 1 else first,
            label=errand.who,
        )


def _show(stage: Stage, outcome: Outcome, played: Played) -> None:
    """Show a stall with the one who saw it; a cure without, and once: it looks alike elsewhere."""
    caption = CAPTIONS[outcome.way]
    if outcome.way != "opposite order":
        if outcome.place == "redis":
            stage.show(outcome.played.scene(caption))
        return
    acts = tuple(seeing(act, outcome.found) if act.label == WATCH else act for act in played.acts)
    waits = outcome.found[0].waits if outcome.found else ()
    stage.show(replace(played, acts=acts).scene(caption, waits))


def seeing(watch: Act, found: Sequence[Stall]) -> Act:
    """Note in the watching task's lane when it saw a cycle."""
    notes: list[Note] = []
    before_s = watch.started_s
    for stall in found:
        notes.append(_note("sees no cycle", before_s, stall.from_s))
        notes.append(_note("sees the cycle", stall.from_s, stall.to_s))
        before_s = stall.to_s
    return replace(watch, notes=(*notes, _note("sees no cycle", before_s, watch.finished_s)))


def _note(what: str, from_s: float, to_s: float) -> Note:
    return Note(doing="waits", what=what, started_s=from_s, finished_s=to_s)


def _waited_s(act: Act) -> float:
    return sum(note.finished_s - note.started_s for note in act.notes if note.doing == "blocked")


def as_words(waits: Sequence[Wait]) -> str:
    """Write a cycle in one line."""
    return ", ".join(f"{wait.who} waits for {wait.what} of {wait.holder}" for wait in waits)
