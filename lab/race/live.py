"""Progress of a race on stderr: a live table at a terminal, plain lines elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from lab.analysis.disturbance import NAMED, QUIET, others_share
from lab.format import words
from lab.format.transports import used
from lab.measure.repeat import Progress
from lab.measure.traits import Workload
from lab.race.contestants import labels
from lab.results.race import RaceResult, Repeat
from lab.session.protocols import Key, PoolConfig

#: Maximum width of a bar in columns.
BAR_WIDTH = 20
#: Below this width, rate and time are left out.
NARROW = 60


class Board:
    """The progress of every pool on the current workload."""

    def __init__(self, workload: Workload, configs: Sequence[PoolConfig], repeats: int) -> None:
        self.workload = workload
        self.repeats = repeats
        self.progress: dict[Key, Progress] = {}
        self.numbers: dict[Key, int] = {}
        self.labels = labels(configs)
        self.done: dict[Key, list[Repeat]] = {key: [] for key in self.labels}

    def title(self) -> str:
        """Name the workload in one line."""
        return f"{self.workload.name} · {self.workload.tasks}"

    def table(self, width: int) -> Table:
        """Draw the current state for a terminal of `width` columns."""
        grid = Table.grid(padding=(0, 2))
        for key, label in self.labels.items():
            grid.add_row(f"  {label}", *self._cells(key, wide=width >= NARROW))
        return grid

    def _cells(self, key: Key, *, wide: bool) -> list[ProgressBar | Text | str]:
        done = self.done[key]
        if (progress := self.progress.get(key)) is None:
            if not done:
                return [Text("waiting", style="dim")]
            makespans = ", ".join(words.duration(repeat.makespan_s) for repeat in done)
            return [Text(f"{len(done)}/{self.repeats}  {makespans}")]
        total = self.workload.count
        bar = ProgressBar(total=total, completed=progress.ended, width=BAR_WIDTH if wide else 8)
        rate = progress.ended / progress.elapsed_s if progress.elapsed_s > 0 else 0.0
        figures = f"{progress.ended}/{total}"
        if wide:
            figures += f"   {words.rate(rate)}   {progress.elapsed_s:.1f} s"
            figures += f"   repeat {self.numbers[key]}/{self.repeats}"
        return [bar, figures]


class LiveTerminal:
    """Redraws one board in place on a terminal."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = Live(console=console, refresh_per_second=10, transient=True)
        self._board: Board | None = None

    def __enter__(self) -> Self:
        """Start drawing."""
        self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop drawing, and clear the board."""
        self._live.stop()

    def prepared(self, result: RaceResult) -> None:
        """Show the settings before anything is measured."""
        for line in headline(result):
            self._console.print(line, highlight=False)

    def note(self, text: str) -> None:
        """Show a line above the board."""
        self._console.print(text, highlight=False)

    def starting(self, ready: int, of: int) -> None:
        """Show how many workers are ready."""
        self._live.update(Text(f"{ready} of {words.counted(of, 'worker')} ready", style="dim"))

    def workload(self, workload: Workload, configs: Sequence[PoolConfig], repeats: int) -> None:
        """Begin a new board."""
        self._board = Board(workload, configs, repeats)
        self._draw()

    def running(self, config: PoolConfig, number: int, progress: Progress) -> None:
        """Move one bar."""
        if self._board is not None:
            self._board.progress[config.key] = progress
            self._board.numbers[config.key] = number
            self._draw()

    def measured(self, config: PoolConfig, number: int, repeat: Repeat) -> None:  # noqa: ARG002
        """Replace the bar with the figure."""
        if self._board is not None:
            self._board.progress.pop(config.key, None)
            self._board.done[config.key].append(repeat)
            self._draw()

    def _draw(self) -> None:
        if self._board is not None:
            grid = Table.grid()
            grid.add_row(Text(self._board.title(), style="bold"))
            grid.add_row(self._board.table(self._console.width))
            self._live.update(grid)


class PlainTerminal:
    """Prints a line per event, for a pipe, a log or a dumb terminal."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._ready = -1
        self._labels: Mapping[Key, str] = {}

    def __enter__(self) -> Self:
        """Do nothing."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Do nothing."""

    def prepared(self, result: RaceResult) -> None:
        """Print the settings before anything is measured."""
        for line in headline(result):
            self._say(line)

    def note(self, text: str) -> None:
        """Print it."""
        self._say(text)

    def starting(self, ready: int, of: int) -> None:
        """Print how many workers are ready, if that has changed."""
        if ready != self._ready:
            self._ready = ready
            self._say(f"{ready} of {words.counted(of, 'worker')} ready")

    def workload(self, workload: Workload, configs: Sequence[PoolConfig], repeats: int) -> None:
        """Print the workload's title."""
        self._labels = labels(configs)
        self._say(Board(workload, configs, repeats).title())

    def running(self, config: PoolConfig, number: int, progress: Progress) -> None:
        """Print nothing, because a log needs results rather than progress."""

    def measured(self, config: PoolConfig, number: int, repeat: Repeat) -> None:
        """Print the repeat's figures."""
        name = self._labels[config.key].ljust(max(map(len, self._labels.values())))
        died = f"   worker died: {repeat.worker_died}" if repeat.worker_died else ""
        self._say(
            f"  {name}   repeat {number}   {repeat.account.finished}/{repeat.account.submitted}"
            f"   {words.duration(repeat.makespan_s)}   {words.rate(repeat.throughput_per_s)}{died}"
            f"{_of_others(repeat)}{_of_the_clock(repeat)}"
        )

    def _say(self, line: str) -> None:
        self._console.print(line, highlight=False, soft_wrap=True)


def _of_the_clock(repeat: Repeat) -> str:
    moved_s = abs(repeat.clock_moved_s)
    return f"   clock moved by {words.duration(moved_s)}" if moved_s else ""


def _of_others(repeat: Repeat) -> str:
    if others_share(repeat) <= QUIET:
        return ""
    shares = (
        (repeat.others_cpu_share or 0.0, "processes"),
        (repeat.stolen_cpu_share or 0.0, "hypervisor"),
        (repeat.others_slot_share, "other clients' tasks"),
    )
    parts = [f"{words.percent(share)} {whose}" for share, whose in shares if share >= NAMED]
    named = f" ({', '.join(parts)})" if len(parts) > 1 else ""
    return f"   other load {words.percent(min(1.0, others_share(repeat)))}{named}"


def headline(result: RaceResult) -> list[str]:
    """Return the lines with versions, machine and settings, shown before any result."""
    versions, speed = result.versions, result.calibration
    cores = words.counted(result.host.cores, "core")
    facts = [cores, *used(result.settings), f"seed {result.settings.seed}"]
    iterations = words.count(100 * speed.burn_iterations_per_ms)
    return [
        f"Poolwise {versions.poolwise} · Celery {versions.celery} · Python {versions.python} · "
        f"{versions.broker} · {' · '.join(facts)}",
        f"calibrated: 100 ms of CPU = {iterations} iterations · "
        f"clocks agree within {words.duration(result.clock_error_s)} so far",
        *_workers(result),
    ]


def _workers(result: RaceResult) -> list[str]:
    names = ", ".join(result.settings.workers)
    return [f"using running workers: {names}"] if names else []


def events(console: Console) -> LiveTerminal | PlainTerminal:
    """Return the events that suit the terminal, pipe or file behind stderr."""
    return LiveTerminal(console) if console.is_terminal else PlainTerminal(console)
