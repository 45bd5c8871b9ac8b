"""The lesson `pools`: what is taught about the number of slots."""

from __future__ import annotations

from typing import Final

from lab.learn.engine.context import Context
from lab.learn.engine.lesson import Dial, Lesson, Question
from lab.learn.lessons.pools.judge import judge
from lab.learn.lessons.pools.play import SLOTS, play
from lab.results.lesson import Findings
from tasks import mixed
from tasks.lessons import pools as pools_tasks


def run(context: Context) -> Findings:
    """Run 20 tasks on pools of 5, then measure larger pools."""
    return judge(play(context))


LESSON: Final = Lesson(
    name="pools",
    title="Pools are small on purpose: more slots cost more and soon gain nothing",
    setting=(
        "20 tasks run on pools of 5 slots. Then workers with an increasing number of slots run "
        "tasks that each compute for 4 ms and wait for 30 ms."
    ),
    question=Question(
        text="A threads pool gets 60 slots instead of 5. What happens to its throughput?",
        choices=("it grows twelvefold", "it grows threefold", "it grows little, if at all"),
        right=2,
    ),
    workers={"prefork": SLOTS, "threads": SLOTS, "gevent": SLOTS},
    started_here=True,
    tasks=frozenset({pools_tasks.hold.name, mixed.work.name}),
    dials=(
        Dial(
            flag="--hold-ms",
            default=150.0,
            low=50,
            high=2_000,
            help="How long each of the 20 tasks takes, in ms.",
        ),
    ),
    run=run,
    lecture=(
        "The lecture opens a pool of 5 for 20 tasks of 2 s: five workers, created in advance and "
        "reused, in four waves. You see the same here, with one difference: gevent creates a new "
        "greenlet for each task, because that costs almost nothing; the pool only limits how many "
        "run at once. The lecture says that starting workers without limit would be fast if the "
        "hardware could take it, so a pool trades speed for safety. The measurements show no "
        "such trade-off: throughput stops growing long before memory runs out."
    ),
    turn_next=(
        "poolwise learn pools --hold-ms 500",
        "poolwise learn pools --pools prefork",
        "poolwise race --workloads mixed",
    ),
)
