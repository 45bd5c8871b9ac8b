"""What a user should know before advice runs their task: pure text."""

from __future__ import annotations

from lab.advise.advise_options import AdviseOptions
from lab.format import words
from lab.project.consent import consent
from lab.project.description import Description
from lab.project.first_tries import MOST_RUNS


def consent_lines(options: AdviseOptions, found: Description) -> list[str]:
    """Say what will run, how often at most, and where."""
    several = len(options.tasks) > 1
    each, them = ("each ", "the tasks") if several else ("", "the task")
    hooks = {"setup": options.hooks.setup, "teardown": options.hooks.teardown}
    runs = (
        f"{', '.join(options.tasks)}, for real: {each}up to {MOST_RUNS + 1} times alone. "
        f"Then a search of at most {words.duration(options.budget_s)} runs {them} many more times; "
        "Poolwise first prints how many it plans"
    )
    return [
        *consent(found, options.python, runs),
        *(f"{name:<8} {command}" for name, command in hooks.items() if command),
    ]
