"""A whole run: the cells of the matrix, several at a time, each with a broker of its own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from cluster.local import LocalCluster
from cluster.machine import Machine
from lab.chaos import failure
from lab.chaos.cell import CellSpec, blank, measure
from lab.chaos.chaos_options import ChaosOptions
from lab.chaos.collected import ChaosEvents, Collection, Ended
from lab.chaos.stop import Stop
from lab.chaos.trial.trial import SLOTS, TASK_S, WORKERS
from lab.chaos.trial.waiting import StoppedError
from lab.results.chaos import SCHEMA_VERSION, ChaosCell, ChaosResult, ChaosSettings, Named
from lab.session.versions import host, versions
from tasks.celery import app, use_usual_keys

#: Seconds between two looks for Ctrl-C.
LOOK_S = 0.2


def run(options: ChaosOptions, folder: Path, machine: Machine, events: ChaosEvents) -> Ended:
    """Measure every cell; if something ends the run early, return what was measured with it.

    On Ctrl-C, and on a mistake in the code, cells whose faults have begun account for these; a
    second one, or anything else, ends them at once, and keeps only the complete ones. `folder`
    takes the logs. A cell that cannot be measured says why, and the others go on. Raises what ended
    the run if no cell was measured.
    """
    app.loader.import_default_modules()
    use_usual_keys()

    def measure_all(found: Collection) -> None:
        # What ends the run may also come while the cluster is being stopped.
        with LocalCluster(folder) as cluster:
            specs = options.cells()
            found.begin(_blank(options, folder, cluster, machine), len(specs))
            together = min(options.jobs, len(specs))
            how = (
                f"up to {together} combinations at a time, " * (together > 1)
                + f"seed {options.seed}"
            )
            events.prepared(len(specs), sum(one.kills for one in specs), how)
            _measured(options, folder, cluster, events, found)

    return Collection(partial(_in_order, options)).of(measure_all)


def _measured(
    options: ChaosOptions,
    folder: Path,
    cluster: LocalCluster,
    events: ChaosEvents,
    found: Collection,
) -> None:
    with _threads(options.jobs) as (threads, stop):

        def measured(spec: CellSpec) -> ChaosCell | None:
            try:
                cell = _one(spec, cluster, folder, stop, events)
            except StoppedError:
                return None
            if cell.skipped and stop.now.is_set():  # it failed only because the run ends
                return None
            found.keep(cell, whole=cell.aimed == spec.kills or not stop.soon.is_set())
            return cell

        futures = {threads.submit(measured, spec) for spec in options.cells()}
        try:
            _shown(futures, events)
        except (KeyboardInterrupt, Exception):
            stop.soon.set()
            events.stopping()
            _shown({one for one in futures if not one.cancel()}, events)
            raise


def _shown(futures: set[Future[ChaosCell | None]], events: ChaosEvents) -> None:
    """Show each cell as soon as it is measured, and remove it from `futures`."""
    while futures:
        for future in wait(futures, LOOK_S, FIRST_COMPLETED).done:
            futures.discard(future)
            if cell := future.result():
                events.measured(cell)


def _one(
    spec: CellSpec,
    cluster: LocalCluster,
    folder: Path,
    stop: Stop,
    events: ChaosEvents,
) -> ChaosCell:
    try:
        return measure(spec, cluster, folder, stop, events.fault)
    except Exception as error:
        if why := failure.reason(error):
            return blank(spec, f"could not be measured: {why}; see {folder / spec.name}")
        raise


@contextmanager
def _threads(jobs: int) -> Iterator[tuple[ThreadPoolExecutor, Stop]]:
    """Run cells in threads; on the way out, each ends what it started, then this returns."""
    stop = Stop()
    threads = ThreadPoolExecutor(jobs, thread_name_prefix="cell")
    try:
        yield threads, stop
    finally:
        stop.now.set()
        threads.shutdown(wait=True, cancel_futures=True)


def _in_order(options: ChaosOptions, cells: Iterable[ChaosCell]) -> tuple[ChaosCell, ...]:
    """Return the cells as the matrix shows them: by fault, then pool, then settings."""
    faults = [one.name for one in options.faults]
    pools = [one.name for one in options.pools]
    settings = [one.label for one in options.deliveries]
    return tuple(
        sorted(
            cells,
            key=lambda one: (
                faults.index(one.fault),
                pools.index(one.pool),
                settings.index(one.settings),
            ),
        )
    )


def _blank(
    options: ChaosOptions, folder: Path, cluster: LocalCluster, machine: Machine
) -> ChaosResult:
    return ChaosResult(
        schema_version=SCHEMA_VERSION,
        kind="chaos",
        run_id=folder.name,
        started_at=datetime.now(UTC).isoformat(timespec="seconds"),
        elapsed_s=0.0,
        versions=versions(cluster),
        host=host(machine),
        settings=ChaosSettings(
            faults=tuple(Named(name=one.name, text=one.text) for one in options.faults),
            deliveries=tuple(Named(name=one.label, text=one.text) for one in options.deliveries),
            pools=tuple(one.name for one in options.pools),
            kills=options.kills,
            slots=SLOTS,
            workers=WORKERS,
            task_s=TASK_S,
            seed=options.seed,
            command=options.command,
        ),
        cells=(),
    )
