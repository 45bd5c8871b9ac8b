"""Flower's handlers for the page, its data and its files: requests in, replies out."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Final

import msgspec
from flower.api import BaseApiHandler
from flower.views import BaseHandler
from tornado.ioloop import IOLoop
from tornado.web import HTTPError, authenticated, url

from monitor import assets
from monitor.answer import STEPS_S, Ask
from monitor.suggestions import suggestions
from monitor.watch import Watch

#: Seconds that a browser may keep a file whose address carries its version: a year.
KEEP_S: Final = 365 * 86_400


class _Answering(BaseHandler):  # type: ignore[misc]
    """Answers with what the history holds; see `docs/throughput.md` for the shape."""

    @authenticated
    async def get(self) -> None:
        """Reply with JSON. Raises HTTPError 400 for a range or grouping that there is none of."""
        watch: Watch = self.settings["throughput"]
        found = watch.answer(self._ask(), self._word("since"))
        self.set_header("Content-Type", "application/json; charset=utf-8")
        self.set_header("Cache-Control", "no-store")
        self.finish(msgspec.json.encode(found))

    def _word(self, name: str, default: str = "") -> str:
        return str(self.get_argument(name, default, escape=False))

    def _ask(self) -> Ask:
        range_s, by = self._word("range_s", str(max(STEPS_S))), self._word("by", "pool")
        if range_s not in map(str, STEPS_S):
            raise HTTPError(400, f"range_s must be one of {', '.join(map(str, STEPS_S))}")
        if by not in {"pool", "worker"}:
            raise HTTPError(400, "by must be pool or worker")
        return Ask(
            range_s=int(range_s),
            by="pool" if by == "pool" else "worker",
            pool=self._word("pool"),
            worker=self._word("worker"),
            task=self._word("task"),
        )


class ThroughputData(_Answering):
    """The page's own source: open to whoever may see Flower's pages."""


class ThroughputApi(BaseApiHandler, _Answering):  # type: ignore[misc]
    """The same for programs, under the rules of Flower's API."""


class ThroughputView(BaseHandler):  # type: ignore[misc]
    """The page."""

    @authenticated
    async def get(self) -> None:
        """Reply with the page, which then asks for its data."""
        watch: Watch = self.settings["throughput"]
        self.render(
            "throughput.html",
            base=self.reverse_url("throughput"),
            version=assets.version,
            ranges=STEPS_S,
            suggestions=[asdict(one) for one in suggestions(watch.broker_url)],
        )


class ThroughputAsset(BaseHandler):  # type: ignore[misc]
    """Files of the page, to be kept by the browser for as long as it likes."""

    @authenticated
    async def get(self, name: str) -> None:
        """Reply with a file. Raises HTTPError 404 for one that there is none of."""
        if name not in assets.FILES:
            raise HTTPError(404)
        found = await IOLoop.current().run_in_executor(None, assets.load, name)
        self.set_header("Content-Type", found.content_type)
        self.set_header("Cache-Control", f"private, max-age={KEEP_S}, immutable")
        self.set_header("Vary", "Accept-Encoding")
        if "gzip" in self.request.headers.get("Accept-Encoding", ""):
            self.set_header("Content-Encoding", "gzip")
            self.finish(found.compressed)
        else:
            self.finish(found.plain)


ROUTES: Final[list[Any]] = [
    url(r"/throughput", ThroughputView, name="throughput"),
    url(r"/throughput/data", ThroughputData),
    url(r"/throughput/assets/([\w.-]+)", ThroughputAsset),
    url(r"/api/throughput", ThroughputApi),
]
