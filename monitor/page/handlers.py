"""The Tornado handlers that serve the page, its data and its files within Flower."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Final

import msgspec
from flower.api import BaseApiHandler
from flower.views import BaseHandler
from tornado.ioloop import IOLoop
from tornado.web import HTTPError, authenticated, url

from monitor.answer import cursor
from monitor.answer.cursor import Cursor
from monitor.answer.points import DEFAULT_RANGE_S, STEPS_S
from monitor.answer.response import Query
from monitor.collecting.collector import Collector
from monitor.page import assets
from monitor.page.suggestions import suggestions
from monitor.reading.inspection import task_names

#: Seconds that a browser may cache a file, whose URL carries its version: a year.
CACHE_S: Final = 365 * 86_400


class _DataHandler(BaseHandler):  # type: ignore[misc]
    """Replies with the history as JSON; `docs/throughput.md` describes its shape."""

    async def get(self) -> None:
        """Reply with JSON, or with status 401 if nobody is signed in.

        Raises HTTPError 400 for an unknown range or grouping, or no cursor.
        """
        if not self.current_user:
            self._refuse()
            return
        collector: Collector = self.settings["throughput"]
        found = collector.respond(self._query(), self._cursor())
        self.set_header("Content-Type", "application/json; charset=utf-8")
        self.set_header("Cache-Control", "no-store")
        self.finish(msgspec.json.encode(found))

    def _refuse(self) -> None:
        """Reply to somebody without a session of OAuth.

        A page cannot follow a redirect to the provider of logins. A challenge for a password, as
        HTTPError 401 would send it, would make browsers ask for one that does not exist.
        """
        self.set_status(401)
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        self.finish("signed out")

    def _argument(self, name: str, default: str = "") -> str:
        return str(self.get_argument(name, default, escape=False))

    def _cursor(self) -> Cursor | None:
        try:
            return cursor.parse(self._argument("since"))
        except ValueError:
            raise HTTPError(400, "since must be the cursor of an earlier answer") from None

    def _query(self) -> Query:
        range_s, by = self._argument("range_s", str(DEFAULT_RANGE_S)), self._argument("by", "pool")
        if range_s not in map(str, STEPS_S):
            raise HTTPError(400, f"range_s must be one of {', '.join(map(str, STEPS_S))}")
        if by not in {"pool", "worker"}:
            raise HTTPError(400, "by must be pool or worker")
        return Query(
            range_s=int(range_s),
            by="pool" if by == "pool" else "worker",
            pool=self._argument("pool"),
            worker=self._argument("worker"),
            task=self._argument("task"),
        )


class HealthCheck(BaseHandler):  # type: ignore[misc]
    """Flower's health check, which also fails if a restart of Flower might help the page.

    A broker that is away is no reason: Flower finds it again by itself.
    """

    async def get(self) -> None:
        """Reply with OK, or with status 503 and a line for each job that is stuck."""
        collector: Collector = self.settings["throughput"]
        stuck = collector.stuck()
        self.set_status(503 if stuck else 200)
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        self.write("\n".join(stuck) or "OK")


class ThroughputData(_DataHandler):
    """The data for the page, open to anyone who may see Flower's pages."""


class ThroughputApi(BaseApiHandler, _DataHandler):  # type: ignore[misc]
    """The data for programs, protected like the rest of Flower's API."""


class ThroughputView(BaseHandler):  # type: ignore[misc]
    """The Throughput page."""

    @authenticated
    async def get(self) -> None:
        """Reply with the page, which then polls its data."""
        collector: Collector = self.settings["throughput"]
        workers = self.application.workers.values()
        suggested = suggestions(
            collector.broker_url,
            collector.transport_options,
            [task_names(worker["registered"]) for worker in workers if "registered" in worker],
        )
        self.render(
            "throughput.html",
            base=self.reverse_url("throughput"),
            version=assets.version,
            ranges=STEPS_S,
            suggestions=[asdict(one) for one in suggested],
        )


class ThroughputAsset(BaseHandler):  # type: ignore[misc]
    """The page's static files, which browsers may cache."""

    @authenticated
    async def get(self, name: str) -> None:
        """Reply with a file. Raises HTTPError 404 if it does not exist."""
        if name not in assets.FILES:
            raise HTTPError(404)
        found = await IOLoop.current().run_in_executor(None, assets.load, name)
        self.set_header("Content-Type", found.content_type)
        self.set_header("Cache-Control", f"private, max-age={CACHE_S}, immutable")
        self.set_header("Vary", "Accept-Encoding")
        if "gzip" in self.request.headers.get("Accept-Encoding", ""):
            self.set_header("Content-Encoding", "gzip")
            self.finish(found.compressed)
        else:
            self.finish(found.plain)


#: The health check, which must come before Flower's.
HEALTH: Final = url(r"/healthcheck", HealthCheck)
ROUTES: Final[list[Any]] = [
    url(r"/throughput", ThroughputView, name="throughput"),
    url(r"/throughput/data", ThroughputData),
    url(r"/throughput/assets/([\w.-]+)", ThroughputAsset),
    url(r"/api/throughput", ThroughputApi),
]
