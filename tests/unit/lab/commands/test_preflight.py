"""Whatever words preflight is given, it reports findings or says what is wrong with them."""

from __future__ import annotations

import shlex

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.hostile.in_process import run
from tests.hostile.trial import assert_clean_end

WORDS = (
    *("celery", "worker", "-A", "proj", "--", "-c", "-P", "-Q", "-n", "-l", "-O", "-B", "-b", "-D"),
    *("--autoscale", "--autoscale=a", "1,2", "--pool", "prefork", "gevent", "custom", "solo"),
    *("--time-limit", "--soft-time-limit", "--max-tasks-per-child", "--prefetch-multiplier"),
    *("0", "3", "-1", "nan", "inf", "1e400", "9" * 5_000, "x", "", "=", "=x", "a=b", "fair"),
    *("multi", "beat", "redis://", "FOO=1", "CELERY_WORKER_POOL=x", "--json", "--version", "-q"),
    *("task.time_limit=x", "task.acks_late=1", "worker.concurrency=(json)[1]"),
    *("broker.transport_options=(json)[1]", "task.time_limit=(string)x"),
)


@settings(max_examples=500)
@given(st.lists(st.sampled_from(WORDS) | st.text(max_size=6), max_size=8), st.booleans())
def test_any_words_end_with_a_documented_code(words: list[str], complete: bool) -> None:
    beginning = ("celery", "-A", "proj", "worker") if complete else ()
    done = run("preflight", "--", *beginning, *words)
    if done.returncode == 1:
        assert "[" in done.stdout  # the code of a finding
    else:
        assert_clean_end(done, codes={0, 2})


@pytest.mark.parametrize(
    ("line", "praised"),
    [
        ("celery -A proj worker", True),
        ("celery -A proj worker -P solo", True),  # notes, but no warning
        ("celery -A proj worker -P threads --time-limit 5", False),
        ("celery -A proj worker -P eventlet --time-limit 5 -B", False),
        ("CELERY_CUSTOM_WORKER_POOL=shop.pool:Pool celery -A proj worker -P custom", False),
    ],
)
def test_a_line_is_free_of_warnings_only_if_it_was_checked(line: str, praised: bool) -> None:
    done = run("preflight", "--", *shlex.split(line))
    assert ("No warnings" in done.stdout) is praised
    assert "othing is lost" not in done.stdout
