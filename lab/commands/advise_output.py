"""Saves what `poolwise advise` has found, and prints it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import msgspec

from lab.advise.table import show
from lab.commands.console import for_results
from lab.commands.streams import say
from lab.format import deployment
from lab.results import files as result_files
from lab.results.advice import AdviceResult
from lab.results.output import write_whole

#: The file with the answer as a Compose service, a systemd unit and a Kubernetes Deployment.
DEPLOY: Final = "deploy.txt"


def finish(result: AdviceResult, run: Path, *, as_json: bool) -> None:
    """Save the result in the folder `run`, and print it."""
    try:
        report = _save(result, run)
    finally:  # shown even if it could not be saved, so that a full disk does not lose it
        if as_json:
            say(msgspec.json.encode(result).decode())
        else:
            show(result, for_results())
    if not as_json:
        to_paste = f"To deploy: {run / DEPLOY}\n" if (run / DEPLOY).exists() else ""
        say(f"\n{to_paste}Report: {report}   ·   to repeat: {result.settings.command}")


def _save(result: AdviceResult, run: Path) -> Path:
    """Write the result, its page and what to paste; return the page's path."""
    result_files.write(result, run / "result.json")
    if (texts := deployment.of_result(result)) is not None:
        write_whole(run / DEPLOY, "\n".join(deployment.lines(texts)).encode())
    # Imported here because plotly loads slowly, and a command may end without a page.
    from lab.report import advice  # noqa: PLC0415

    report = run / "report.html"
    write_whole(report, advice.render(result).encode())
    return report
