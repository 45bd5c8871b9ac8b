"""Whatever words preflight is given, it reports findings or says what is wrong with them."""

from __future__ import annotations

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
