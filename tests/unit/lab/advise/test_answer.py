"""The answer names a winner only if it is one; otherwise it prefers less memory, fewer slots."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lab.advise.answer.answer import answer
from lab.advise.answer.deployed import against_deployed
from lab.advise.answer.measured import of_result
from lab.advise.mix.answer import deployed_of
from lab.format.advice import is_recommended, label
from lab.format.deployment import deployments
from lab.project.candidates import Candidate
from lab.results.advice import CandidateResult
from tests.unit.lab.advise.sample import candidate, result
from worker.pools import POOLS


def test_a_clear_winner_is_named_with_its_command_and_its_lead() -> None:
    found = answer(
        [
            candidate("gevent", 100, [900, 910, 905]),
            candidate("threads", 50, [450, 455, 460]),
            candidate("gevent", 200, [908]),
        ],
        "shop",
        seed=1,
    )
    assert found is not None
    assert found.command == (
        "celery -A shop worker --pool gevent --concurrency 100 --prefetch-multiplier 2"
    )
    assert (found.runner_up, found.confidence) == ("threads ×50", "high")
    assert found.ratio == pytest.approx(1.99, abs=0.01)
    assert "1.99 times" in found.sentence


@pytest.mark.parametrize(
    ("setting", "name"), [(None, "prefork"), ("prefork", "prefork"), ("threads", "processes")]
)
def test_the_command_runs_prefork_although_the_app_sets_another_pool(
    setting: str | None, name: str
) -> None:
    found = answer([candidate("prefork", 4, [100])], "shop", seed=1, worker_pool=setting)
    assert found is not None
    assert found.command == f"celery -A shop worker --pool {name} --concurrency 4"
    assert found.pool == "prefork"


@pytest.mark.parametrize(
    ("ruled_out", "why"),
    [
        ((), "no other pool, and no other number of workers, was measured often enough to compare"),
        (("threads",), "no other pool to compare it with: threads was ruled out"),
        (("threads", "gevent"), "to compare it with: threads and gevent were ruled out"),
    ],
)
def test_an_answer_without_a_rival_says_why_there_is_none(
    ruled_out: tuple[str, ...], why: str
) -> None:
    unsafe = [replace(candidate(pool, 8, []), rejected="unsafe") for pool in ruled_out]
    found = answer([candidate("prefork", 4, [100]), *unsafe], "shop", seed=1)
    assert found is not None
    assert found.sentence.endswith(why)
    assert found.confidence == "low"


def test_a_rival_that_was_measured_too_rarely_is_not_said_to_be_ruled_out() -> None:
    unsafe = replace(candidate("threads", 8, []), rejected="unsafe")
    rarely = candidate("gevent", 8, [90])
    found = answer([candidate("prefork", 4, [100] * 4), unsafe, rarely], "shop", seed=1)
    assert found is not None
    assert "ruled out" not in found.sentence


def test_of_equal_candidates_the_one_with_less_memory_is_chosen() -> None:
    found = answer(
        [
            candidate("prefork", 32, [500, 480, 520], memory_bytes=900_000_000),
            candidate("threads", 40, [490, 510, 495], memory_bytes=60_000_000),
        ],
        "shop",
        seed=1,
    )
    assert found is not None
    assert found.pool == "threads"
    assert "no real difference from prefork ×32" in found.sentence
    assert "60 MB of memory instead of 900 MB" in found.sentence


def test_a_single_lucky_trial_does_not_win_against_candidates_measured_in_turn() -> None:
    found = answer(
        [candidate("gevent", 9, [2_000]), candidate("threads", 8, [500, 510, 505, 500])],
        "shop",
        seed=1,
    )
    assert found is not None
    assert found.pool == "threads"


@pytest.mark.parametrize(
    ("few", "many"),
    [([100, 156, 212], [180, 224, 260]), ([88, 94, 102], [93, 100, 104])],
    ids=["much slower", "seven per cent slower"],
)
def test_a_slower_candidate_is_not_preferred_for_its_fewer_slots(
    few: list[float], many: list[float]
) -> None:
    rivals = [candidate("gevent", 14, few), candidate("threads", 28, many)]
    found = answer(rivals, "shop", seed=1)
    assert found is not None
    assert (found.pool, found.runner_up) == ("threads", "gevent ×14")
    assert "no real difference" in found.sentence
    assert "memory" not in found.sentence


@pytest.mark.parametrize(
    ("chosen", "other", "reason"),
    [
        (candidate("threads", 4, [100] * 3), candidate("prefork", 8, [100] * 3), "fewer slots"),
        (
            candidate("threads", 4, [100] * 3, memory_bytes=10),
            candidate("prefork", 2, [100] * 3),
            "memory",
        ),
        (
            candidate("threads", 4, [100] * 3),
            candidate("threads", 4, [101] * 3, workers=2),
            "simpler to run",
        ),
        (
            candidate("prefork", 4, [100] * 3),
            candidate("gevent", 4, [101] * 3),
            "prefork is Celery's default",
        ),
    ],
)
def test_the_preference_among_equals_is_explained(
    chosen: CandidateResult, other: CandidateResult, reason: str
) -> None:
    found = answer([other, chosen], "shop", seed=1)
    assert found is not None
    assert (found.pool, found.workers) == (chosen.pool, 1)
    assert reason in found.sentence


@pytest.mark.parametrize(
    ("fast", "chosen", "text"),
    [
        ([1_035, 1_036, 1_037], "threads", "only 1.04 times as fast (1,036/s), and"),
        ([1_060, 1_061, 1_062], "gevent", "1.06 times the throughput of threads ×20"),
    ],
)
def test_a_simpler_candidate_is_preferred_although_another_is_a_little_faster(
    fast: list[float], chosen: str, text: str
) -> None:
    results = [candidate("gevent", 80, fast), candidate("threads", 20, [1_000, 1_001, 999])]
    found = answer(results, "shop", seed=1)
    assert found is not None
    assert found.pool == chosen
    assert text in found.sentence


def test_a_rival_that_was_dropped_early_is_named_and_the_confidence_is_high() -> None:
    found = answer(
        [candidate("prefork", 8, [120, 121, 119, 120]), candidate("threads", 22, [16])],
        "shop",
        seed=1,
    )
    assert found is not None
    assert (found.runner_up, found.confidence) == ("threads ×22", "high")
    assert "7.50 times the throughput of threads ×22" in found.sentence


def test_a_rejected_candidate_is_not_recommended() -> None:
    assert answer([candidate("threads", 8, [100], rejected="unsafe")], "shop", seed=1) is None
    assert answer([], "shop", seed=1) is None


def test_the_texts_to_paste_contain_the_command_and_enough_memory() -> None:
    found = answer([candidate("threads", 8, [100, 101, 99])], "shop", seed=1)
    assert found is not None
    texts = deployments(found, 100 * 1024 * 1024)
    assert f"command: {found.command} --hostname worker@%h" in texts.compose
    assert "mem_limit: 192m" in texts.compose
    assert f".venv/bin/{found.command}" in texts.systemd
    assert '"--concurrency", "8"' in texts.kubernetes


@pytest.mark.parametrize(
    ("rates", "confidence"),
    [([98, 100, 103], "high"), ([88, 100, 114], "medium"), ([40, 100, 180], "low")],
)
def test_no_difference_on_a_noisy_machine_is_not_sure(rates: list[float], confidence: str) -> None:
    found = answer([candidate("threads", 4, rates), candidate("gevent", 8, rates)], "shop", seed=1)
    assert found is not None
    assert "no real difference" in found.sentence
    assert found.confidence == confidence


@pytest.mark.parametrize(
    ("rates", "short", "text"),
    [
        ([450, 455, 445], True, "2.00 times its throughput"),
        ([870, 860, 865], False, "within 10 %"),
        ([], True, "it was not measured"),
    ],
)
def test_what_runs_today_falls_short_only_beyond_the_margin(
    rates: list[float], short: bool, text: str
) -> None:
    results = [candidate("gevent", 100, [900, 910, 890]), candidate("prefork", 4, rates)]
    found = answer(results, "shop", seed=1)
    assert found is not None
    today = Candidate(pool=POOLS["prefork"], concurrency=4)
    deployed = against_deployed(results, of_result(results[0]), today, margin=0.1, seed=1)
    assert deployed.falls_short is short
    assert text in deployed.sentence


def test_what_runs_today_with_flags_of_its_own_is_compared_but_not_recommended() -> None:
    flags = ("--max-tasks-per-child", "1")
    results = [
        candidate("prefork", 4, [900, 910, 890]),
        candidate("prefork", 4, [450, 455, 445], flags=flags),
        candidate("threads", 4, [950, 960, 940], flags=("--disable-prefetch",)),
    ]
    found = answer(results, "shop", seed=1)
    assert found is not None
    assert found.sentence.startswith("900/s with prefork ×4;")
    assert deployed_of(found, results[::-1], None) == of_result(results[0])
    today = Candidate(pool=POOLS["prefork"], concurrency=4, flags=flags)
    deployed = against_deployed(results, of_result(results[0]), today, margin=0.1, seed=1)
    assert deployed.falls_short
    assert deployed.flags == flags
    assert "Your current prefork ×4 --max-tasks-per-child 1: 450/s; " in deployed.sentence
    assert "2.00 times its throughput" in deployed.sentence


def test_only_the_row_without_flags_is_marked_as_recommended() -> None:
    flags = ("--max-tasks-per-child", "1")
    rows = (candidate("prefork", 4, [90, 91, 89]), candidate("prefork", 4, [90, 90], flags=flags))
    shown = result(candidates=rows, caveats=())
    assert [is_recommended(shown, one) for one in rows] == [True, False]
    assert [label(one) for one in rows] == ["prefork ×4", "prefork ×4 --max-tasks-per-child 1"]
