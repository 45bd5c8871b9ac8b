"""Tables of pools as HTML that folds into cards on a phone; it draws no plot and judges nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from lab.analysis import score
from lab.format import words
from lab.report.markup import join, tag
from lab.results.race import Account, PoolResult, PoolSummary, Repeat

#: Ids of lost tasks written out; of more, the count says enough.
MOST_IDS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One value under one heading; the heading comes along as the card's label."""

    head: str
    body: object
    alarm: bool = False  # something was lost or went wrong
    quiet: bool = False  # nothing to see: a zero


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row: who it is about, a few words beside the name, and its cells."""

    name: object
    note: str = ""
    best: bool = False
    cells: tuple[Cell, ...]


def table(first_head: str, rows: Sequence[Row], caption: str, *, cards: bool = True) -> Markup:
    """Lay rows out as a table; every row has the same headings as the first.

    On a narrow screen rows become cards, or with `cards` off scroll sideways in their box.
    """
    if not rows:
        return tag("p", "Nothing was measured.", cls="empty")
    heads = [first_head, *(cell.head for cell in rows[0].cells)]
    head = tag("tr", *(tag("th", text, scope="col") for text in heads))
    body = join(*(_row(row) for row in rows))
    parts = (tag("caption", caption, cls="unseen"), tag("thead", head), tag("tbody", body))
    inner = tag("table", *parts, cls="cards" if cards else None)
    return tag("div", inner, cls="scroll", tabindex="0", role="region", aria_label=caption)


def pool_cells(pool: PoolResult) -> tuple[Cell, ...]:
    """Show what a pool did: how fast, how late, at what cost, how near the ideal, what became of
    the tasks."""
    total = account_of(pool)
    return (*_speed_cells(pool.summary, pool.ideal_makespan_s), *_account_cells(total))


def account_of(pool: PoolResult) -> Account:
    """Take the summary's account, or add up the repeats' where nothing finished."""
    if pool.summary is not None:
        return pool.summary.account
    return score.total([repeat.account for repeat in pool.repeats])


def repeats_table(pools: Sequence[PoolResult]) -> Markup:
    """Show every repeat of every pool, with what the generator did to it."""
    rows = [
        Row(name=words.pool(pool.pool, pool.concurrency), cells=_repeat_cells(pool, turn, repeat))
        for pool in pools
        for turn, repeat in enumerate(pool.repeats, 1)
    ]
    return table("pool", rows, "Every repeat, as it was measured")


def lost_ids(ids: Sequence[str]) -> str:
    """Write the ids of lost tasks out, the first of many."""
    rest = len(ids) - MOST_IDS
    more = f" and {words.count(rest)} more" if rest > 0 else ""
    return ", ".join(ids[:MOST_IDS]) + more


def _row(row: Row) -> Markup:
    note = join(" ", tag("span", row.note, cls="note")) if row.note else None
    name = tag("th", row.name, note, scope="row")
    cells = [
        tag(
            "td",
            tag("span", cell.body, cls="alarm" if cell.alarm else None),
            data_head=cell.head,
            cls="quiet" if cell.quiet else None,
        )
        for cell in row.cells
    ]
    return tag("tr", name, *cells, cls="best" if row.best else None)


def _speed_cells(summary: PoolSummary | None, ideal_s: float) -> tuple[Cell, ...]:
    heads = (
        "makespan",
        "throughput",
        "p50 latency",
        "p95 latency",
        "p99 latency",
        "CPU / task",
        "memory, PSS",
    )
    ideal = tag("small", f"of {words.duration(ideal_s)}")
    if summary is None:
        empty = tuple(Cell(head=head, body=words.NOTHING, quiet=True) for head in heads)
        return (*empty, Cell(head="of ideal", body=join(f"{words.NOTHING} ", ideal), quiet=True))
    texts = (
        words.spread(summary.makespan_s),
        words.rate(summary.throughput_per_s.median),
        words.duration(summary.latency_p50_s),
        words.duration(summary.latency_p95_s),
        words.duration(summary.latency_p99_s),
        words.known(summary.cpu_s_per_task, words.duration),
        words.known(summary.peak_pss_bytes, words.size),
    )
    cells = tuple(Cell(head=head, body=text) for head, text in zip(heads, texts, strict=True))
    share = join(f"{words.percent(summary.of_ideal)} ", ideal)
    return (*cells, Cell(head="of ideal", body=share))


def _account_cells(total: Account) -> tuple[Cell, ...]:
    whole = total.finished == total.submitted
    finished = f"{words.count(total.finished)} of {words.count(total.submitted)}"
    bad = {
        "failed": total.failed,
        "lost": total.lost,
        "timed out": total.timed_out,
        "unserved": total.unserved,
        "run twice": total.duplicated,
    }
    return (
        Cell(head="finished", body=finished, alarm=not whole),
        *(
            Cell(head=head, body=words.count(number), alarm=number > 0, quiet=number == 0)
            for head, number in bad.items()
        ),
    )


def _repeat_cells(pool: PoolResult, turn: int, repeat: Repeat) -> tuple[Cell, ...]:
    died = repeat.worker_died
    return (
        Cell(head="repeat", body=str(turn)),
        Cell(head="makespan", body=words.duration(repeat.makespan_s)),
        Cell(head="throughput", body=words.rate(repeat.throughput_per_s)),
        Cell(head="CPU", body=words.known(repeat.cpu_s, words.duration)),
        Cell(head="memory, PSS", body=words.known(repeat.peak_pss_bytes, words.size)),
        Cell(head="submitting took", body=words.duration(repeat.submit_s)),
        Cell(head="worst slip", body=words.duration(repeat.worst_slip_s)),
        Cell(head="worker started in", body=words.known(pool.start_up_s, words.duration)),
        Cell(head="worker", body=died or "lived", alarm=bool(died), quiet=not died),
    )
