"""Tables as HTML; on a phone, each row becomes a card."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import compress

from markupsafe import Markup

from lab.analysis import score
from lab.format import words
from lab.format.transports import label
from lab.report.markup import join, tag
from lab.results.race import Account, PoolResult, PoolSummary, Repeat


@dataclass(frozen=True, slots=True, kw_only=True)
class TableCell:
    """One value and its heading, which labels the value on a card."""

    head: str
    body: object
    alarm: bool = False  # something was lost or went wrong
    quiet: bool = False  # a zero: shown dimmed, and not on a card
    zero: bool = False  # a count of nothing: its column is left out if no row has more


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row: its name, a short note next to the name, and its cells."""

    name: object
    note: str = ""
    best: bool = False
    cells: tuple[TableCell, ...]


def table(first_head: str, rows: Sequence[Row], caption: str, *, cards: bool = True) -> Markup:
    """Build a table; all rows must have the same headings.

    On a narrow screen, rows become cards; without `cards`, the table scrolls sideways.
    """
    if not rows:
        return tag("p", "Nothing was measured.", cls="empty")
    rows = _without_zeros(rows)
    heads = [first_head, *(cell.head for cell in rows[0].cells)]
    head = tag("tr", *(tag("th", text, scope="col") for text in heads))
    body = join(*(_row(row) for row in rows))
    parts = (tag("caption", caption, cls="unseen"), tag("thead", head), tag("tbody", body))
    inner = tag("table", *parts, cls="cards" if cards else None)
    return tag("div", inner, cls="scroll", tabindex="0", role="region", aria_label=caption)


def _without_zeros(rows: Sequence[Row]) -> list[Row]:
    """Leave out every column that counts nothing in all rows."""
    columns = zip(*(row.cells for row in rows), strict=True)
    kept = [not all(cell.zero for cell in column) for column in columns]
    return [replace(row, cells=tuple(compress(row.cells, kept))) for row in rows]


def pool_cells(pool: PoolResult) -> tuple[TableCell, ...]:
    """Show a pool's speed, latency, cost, share of the ideal, and what became of its tasks."""
    total = account_of(pool)
    return (*_speed_cells(pool.summary, pool.ideal_makespan_s), *_account_cells(total))


def account_of(pool: PoolResult) -> Account:
    """Return the account of all repeats."""
    if pool.summary is not None:
        return pool.summary.account
    return score.total([repeat.account for repeat in pool.repeats])


def repeats_table(pools: Sequence[PoolResult]) -> Markup:
    """Show every repeat of every pool, with the load generator's delays."""
    rows = [
        Row(name=label(pool, pools), cells=_repeat_cells(pool, turn, repeat))
        for pool in pools
        for turn, repeat in enumerate(pool.repeats, 1)
    ]
    return table("pool", rows, "All repeats")


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


def _speed_cells(summary: PoolSummary | None, ideal_s: float | None) -> tuple[TableCell, ...]:
    heads = (
        "makespan",
        "throughput",
        "p50 latency",
        "p95 latency",
        "p99 latency",
        "CPU per task",
        "memory (PSS)",
    )
    ideal = tag("small", f"(ideal {words.duration(ideal_s)})") if ideal_s is not None else ""
    if summary is None:
        empty = tuple(TableCell(head=head, body=words.NOTHING, quiet=True) for head in heads)
        return (
            *empty,
            TableCell(head="of ideal", body=join(f"{words.NOTHING} ", ideal), quiet=True),
        )
    texts = (
        words.spread(summary.makespan_s),
        words.rate(summary.throughput_per_s.median),
        words.duration(summary.latency_p50_s),
        words.duration(summary.latency_p95_s),
        words.duration(summary.latency_p99_s),
        words.known(summary.cpu_s_per_task, words.duration),
        words.known(summary.peak_pss_bytes, words.size),
    )
    cells = tuple(TableCell(head=head, body=text) for head, text in zip(heads, texts, strict=True))
    share = join(f"{words.known(summary.of_ideal, words.percent)} ", ideal)
    return (*cells, TableCell(head="of ideal", body=share, quiet=summary.of_ideal is None))


def _account_cells(total: Account) -> tuple[TableCell, ...]:
    whole = total.finished == total.submitted
    finished = f"{words.count(total.finished)} of {words.count(total.submitted)}"
    bad = {
        "failed": total.failed,
        "lost": total.lost,
        "timed out": total.timed_out,
        "still queued": total.unserved,
        "run twice": total.duplicated,
    }
    return (
        TableCell(head="finished", body=finished, alarm=not whole),
        *(
            TableCell(
                head=head,
                body=words.count(number),
                alarm=number > 0,
                quiet=number == 0,
                zero=number == 0,
            )
            for head, number in bad.items()
        ),
    )


def _repeat_cells(pool: PoolResult, turn: int, repeat: Repeat) -> tuple[TableCell, ...]:
    died = repeat.worker_died
    return (
        TableCell(head="repeat", body=str(turn)),
        TableCell(head="makespan", body=words.duration(repeat.makespan_s)),
        TableCell(head="throughput", body=words.rate(repeat.throughput_per_s)),
        TableCell(head="CPU", body=words.known(repeat.cpu_s, words.duration)),
        TableCell(head="memory (PSS)", body=words.known(repeat.peak_pss_bytes, words.size)),
        TableCell(head="time to submit", body=words.duration(repeat.submit_s)),
        TableCell(head="max send delay", body=words.duration(repeat.worst_slip_s)),
        _share_cell("CPU used by others", repeat.others_cpu_share),
        _share_cell("CPU withheld by the hypervisor", repeat.stolen_cpu_share),
        _share_cell("slots used by others", repeat.others_slot_share),
        TableCell(head="worker start-up", body=words.known(pool.start_up_s, words.duration)),
        TableCell(head="worker", body=died or "survived", alarm=bool(died), quiet=not died),
    )


def _share_cell(head: str, share: float | None) -> TableCell:
    return TableCell(head=head, body=words.known(share, words.percent), zero=not share)
