"""The page of advice on a task: the answer, the candidates, the warnings, what to paste."""

from __future__ import annotations

from markupsafe import Markup

from lab.format import advice, deployment, words
from lab.report.document import document
from lab.report.embed import plot
from lab.report.facts import machine
from lab.report.markup import dotted, join, tag
from lab.report.plots.knee import knee
from lab.report.tables import Row, TableCell, table
from lab.results.advice import AdviceResult


def render(result: AdviceResult) -> str:
    """Render advice as an HTML document that loads nothing."""
    tasks = ", ".join(result.settings.tasks)
    return document(
        f"Poolwise advice: {tasks}",
        join(
            tag("h1", f"Which pool for {tasks}?"),
            tag("p", dotted(_stamp(result)), cls="stamp"),
            _answer(result),
            _candidates(result) if advice.ordered(result) else None,
            _deployments(result),
        ),
    )


def _stamp(result: AdviceResult) -> list[str]:
    asked = result.settings
    return [
        machine(result.host),
        words.moment(result.started_at),
        f"Poolwise {result.versions.poolwise}",
        f"{asked.app}: Celery {asked.celery}, Python {asked.python}",
        result.versions.broker,
        f"{words.duration(result.elapsed_s)} of {words.duration(asked.budget_s)}",
        f"seed {asked.seed}",
    ]


def _answer(result: AdviceResult) -> Markup:
    commands = advice.command_lines(result)
    return tag(
        "section",
        tag("h2", "Answer"),
        tag("pre", "\n".join(commands)) if commands else None,
        *(tag("p", line, cls="verdict") for line in advice.answer_lines(result)[:1]),
        *(tag("p", line) for line in advice.answer_lines(result)[1:]),
        *(tag("p", f"Warning: {one.text} [{one.name}]", cls="warning") for one in result.warnings),
        *(tag("p", line, cls="account") for line in advice.task_lines(result)),
    )


def _candidates(result: AdviceResult) -> Markup:
    rows = [
        Row(
            name=advice.label(one),
            note=advice.note(result, one),
            best=advice.is_recommended(result, one),
            cells=tuple(
                TableCell(head=head, body=text) for head, text in advice.cells(result, one).items()
            ),
        )
        for one in advice.ordered(result)
    ]
    drawn = any(one.trials for one in advice.ordered(result))
    caption = "Median of the trials. A line joins candidates that differ only in concurrency."
    return tag(
        "section",
        tag("h2", "Candidates"),
        table("candidate", rows, "Candidates"),
        plot(knee(result), "Throughput by slots", caption, wide=True) if drawn else None,
    )


def _deployments(result: AdviceResult) -> Markup | None:
    texts = deployment.of_result(result)
    if texts is None:
        return None
    return tag(
        "section",
        tag("h2", "Deploy"),
        *(
            tag("details", tag("summary", title), tag("pre", text))
            for title, text in deployment.titled(texts).items()
        ),
        tag("p", "To repeat this: ", tag("code", result.settings.command), cls="account"),
    )
