"""The messages of the lesson `submit`: its tasks and callbacks as any Celery client sends them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from lab.learn.engine.context import Context
from lab.learn.lessons.submit.method_run import (
    BODY,
    CALLBACK,
    ERRBACK,
    MethodRun,
    SubmitSetup,
)
from tasks.lessons import submit as submit_tasks


@dataclass(frozen=True, slots=True, kw_only=True)
class Messages:
    """Sends the tasks of one method, and makes signatures of their callbacks."""

    context: Context
    setup: SubmitSetup
    run: MethodRun

    def send(self, number: int, *, fails: bool = False, **callbacks: Any) -> Any:
        """Send one task; return its result object. `callbacks`: link and link_error."""
        arguments = (number, self.setup.pause_s, fails)
        options = self._work_options(number)
        return submit_tasks.work.apply_async(arguments, **options, **callbacks)

    def works(self) -> list[Any]:
        """Return all tasks as signatures that are not sent yet."""
        return [
            submit_tasks.work.s(number, self.setup.pause_s).set(**self._work_options(number))
            for number in range(self.setup.tasks)
        ]

    def callback(self, *, expected: bool = True) -> Any:
        """Return a callback; unless it is `expected`, nothing waits for it."""
        options = self._callback_options(CALLBACK, expected=expected)
        return submit_tasks.callback.s(self.setup.callback_s).set(**options)

    def errback_task(self, *, expected: bool) -> Any:
        """Return an errback that Celery sends as a task."""
        options = self._callback_options(ERRBACK, expected=expected)
        return submit_tasks.errback_task.s(pause_s=self.setup.callback_s).set(**options)

    def errback_in_slot(self, key: str) -> Any:
        """Return an errback that Celery calls in the slot; it marks the list at `key`."""
        return submit_tasks.errback_in_slot.s(key=key, pause_s=self.setup.callback_s)

    def chord_body(self) -> tuple[Any, str]:
        """Return the body of a chord, and the id of its task."""
        options = self._callback_options(BODY)
        body: Any = submit_tasks.chord_body.s(self.setup.callback_s).set(**options)
        return body, options["task_id"]

    def _work_options(self, number: int) -> dict[str, Any]:
        label = f"work {number + 1}"
        return self.context.send_options(self.run.scene, self.setup.worker, label)

    def _callback_options(self, label: str, *, expected: bool = True) -> dict[str, Any]:
        worker = self.setup.callback_worker
        return self.context.send_options(
            self.run.scene, worker, label, by_task=True, expected=expected
        )
