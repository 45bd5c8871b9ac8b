"""The page of one race: what it shows, and what it must never do."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
from dataclasses import replace

import pytest

from lab.format.words import TIMES
from lab.report import render
from lab.results.race import PoolResult, RaceResult, Verdict, WorkloadResult
from tests.unit.lab.report import sample
from tests.unit.lab.report.reading import Page, read

HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(2)>&<a href="http://evil">'


@pytest.fixture(scope="module")
def page() -> Page:
    return read(render([sample.race()]))


@pytest.fixture
def troubled() -> RaceResult:
    """An interrupted race in which one pool's worker died before any task finished."""
    whole = sample.race()
    work = whole.workloads[0]
    pools = (work.pools[0], sample.pool_without_a_finish(), *work.pools[2:])
    return replace(whole, interrupted=True, workloads=(replace(work, pools=pools),))


def test_every_workload_and_pool_is_named(page: Page) -> None:
    for work in sample.race().workloads:
        assert work.title in page.text
        assert work.task_label in page.text
        assert work.verdict.sentence in page.text
        for pool in work.pools:
            assert f"{pool.pool} {TIMES}{pool.concurrency}" in page.text


def test_the_top_shows_machine_time_versions_settings_and_clock_error(page: Page) -> None:
    top = page.plain().split("CPU-bound")[0]
    for part in (
        "bench-1", "2 cores", "8.3 GB", "2026-11-23 14:12 UTC", "Poolwise 0.1.0", "Celery 5.7.0",
        "Python 3.13.5", "valkey 9.1.2 (embedded)", "3 repeats", "seed 7", "183 µs",
    ):  # fmt: skip
        assert part in top


def test_the_numbers_of_a_pool_are_in_its_row(page: Page) -> None:
    row = re.search(rf"gevent {TIMES}100 fastest (.*?) 3,600 submitted", page.plain())
    assert row is not None
    for number in ("475 ms ± 2", "/s", "72 MB", "84 % (ideal 400 ms)", "1,200 of 1,200"):
        assert number in row[1]


def test_only_the_winner_is_called_fastest() -> None:
    work = sample.race().workloads[0]
    undecided = Verdict(
        winner=None, runner_up=None, ratio=None, noise=1.03, sentence="No difference measured."
    )
    text = read(render([_with_work(replace(work, verdict=undecided))])).text
    assert "No difference measured." in text
    assert "fastest" not in text


def test_an_interrupted_race_says_so(troubled: RaceResult) -> None:
    assert "was interrupted" in read(render([troubled])).text
    assert "was interrupted" not in read(render([replace(troubled, interrupted=False)])).text


def test_deaths_remarks_and_lost_tasks_are_listed(troubled: RaceResult) -> None:
    text = read(render([troubled])).text
    assert f"threads {TIMES}2: {sample.DIED}" in text
    assert f"threads {TIMES}2: lost tasks: 7f3a-lost-1, 7f3a-lost-2" in text
    assert "400 submitted = 360 finished + 38 still queued + 2 lost; 0 run twice." in text


def test_lost_tasks_beyond_the_first_twenty_are_only_counted(troubled: RaceResult) -> None:
    work = troubled.workloads[0]
    broken = work.pools[1]
    repeat = broken.repeats[0]
    ids = tuple(f"task-{number}" for number in range(25))
    account = replace(repeat.account, lost_ids=ids)
    broken = replace(broken, repeats=(replace(repeat, account=account),))
    text = read(render([_with_work(replace(work, pools=(broken,)))])).text
    assert "task-19 and 5 more" in text
    assert "task-20" not in text


def test_a_race_without_workloads_or_pools_still_makes_a_page() -> None:
    whole = sample.race()
    assert "bench-1" in render([replace(whole, workloads=())])
    empty = replace(whole.workloads[0], pools=())
    assert "Nothing was measured." in render([_with_work(empty)])


def test_rendering_no_result_is_an_error() -> None:
    with pytest.raises(ValueError, match="at least one"):
        render([])


def test_nothing_is_loaded_from_anywhere(page: Page) -> None:
    for _, attributes in page.tags:
        assert "src" not in attributes
        assert (attributes.get("href") or "#").startswith("#")
    assert not [name for name, _ in page.tags if name in {"link", "iframe", "img", "object"}]


def test_the_plotting_script_is_on_the_page_once() -> None:
    html = render([sample.race()])
    [packed] = [text for text in read(html).scripts if text.startswith("H4sI")]
    unpacked = gzip.decompress(base64.b64decode(packed))
    assert unpacked.count(b"plotly.js v") == 1
    allowed = base64.b64encode(hashlib.sha256(unpacked).digest()).decode()
    policies = [attributes.get("content") for _, attributes in read(html).tags]
    assert any(f"script-src 'sha256-{allowed}' " in (policy or "") for policy in policies)


def test_the_page_stays_small() -> None:
    assert len(render([sample.race()]).encode()) < 2_300_000


def test_the_same_result_always_gives_the_same_page() -> None:
    assert render([sample.race()]) == render([sample.race()])


def test_no_text_from_the_file_becomes_markup() -> None:
    clean, hostile = read(render([sample.race()])), read(render([_hostile()]))
    assert [name for name, _ in hostile.tags] == [name for name, _ in clean.tags]
    assert "<script>alert(1)</script>" in hostile.text
    assert not any("onerror" in attributes for _, attributes in hostile.tags)


def test_no_text_from_the_file_becomes_a_link_in_a_plot() -> None:
    figures = [json.loads(text) for text in read(render([_hostile()])).scripts if text[0] == "{"]
    assert figures
    written = json.dumps(figures)
    assert "&lt;script" in written
    assert not re.search(r"<(?!/?extra>)", written)


def _with_work(*works: WorkloadResult) -> RaceResult:
    return replace(sample.race(), workloads=works)


def _same_place(work: WorkloadResult, renamed: tuple[PoolResult, ...]) -> str:
    return next(
        new.pool
        for old, new in zip(work.pools, renamed, strict=True)
        if old.pool == work.verdict.winner
    )


def _hostile() -> RaceResult:
    whole = sample.race()
    works = []
    for work in whole.workloads:
        pools = tuple(
            replace(pool, pool=f"{HOSTILE[2:]}{place}", slot=HOSTILE)
            for place, pool in enumerate(work.pools)
        )
        verdict = replace(
            work.verdict, winner=_same_place(work, pools), runner_up=HOSTILE, sentence=HOSTILE
        )
        works.append(
            replace(work, name=HOSTILE, title=HOSTILE, task_label=HOSTILE, pools=pools,
                    verdict=verdict)
        )  # fmt: skip
    return replace(
        whole, run_id=HOSTILE, started_at=HOSTILE, host=replace(whole.host, name=HOSTILE),
        settings=replace(whole.settings, command=HOSTILE, broker=HOSTILE), workloads=tuple(works),
    )  # fmt: skip
