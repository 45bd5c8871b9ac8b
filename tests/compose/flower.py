"""Reads what Flower shows from its pages."""

from __future__ import annotations

import base64
import html
import json
import re
import urllib.error
import urllib.request


class Flower:
    """A Flower on a loopback port."""

    def __init__(self, port: int, credential: str = "") -> None:
        self.url = f"http://127.0.0.1:{port}"
        self._credential = credential

    def get(self, path: str) -> tuple[int, str]:
        """Return the status and text of a page; status 0 if nothing answers."""
        request = urllib.request.Request(self.url + path)  # noqa: S310 - loopback
        if self._credential:
            encoded = base64.b64encode(self._credential.encode()).decode()
            request.add_header("Authorization", f"Basic {encoded}")
        try:
            with urllib.request.urlopen(request, timeout=10) as reply:  # noqa: S310 - loopback
                return reply.status, reply.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, ""
        except OSError:
            return 0, ""

    def workers(self) -> list[str]:
        """Return the names of the workers that are online."""
        status, text = self.get("/workers?json=1")
        if status != 200:
            return []
        return [row["hostname"] for row in json.loads(text)["data"] if row["status"]]

    def facts(self, worker: str) -> dict[str, str]:
        """Return the two-column tables of a worker's page as a dict of first to second column."""
        text = self.get(f"/worker/{worker}")[1]
        rows = re.findall(r"<tr>\s*<td>([^<]*)</td>\s*<td>([^<]*)</td>\s*</tr>", text)
        return {html.unescape(name).strip(): html.unescape(value).strip() for name, value in rows}

    def pool(self, worker: str) -> tuple[str, str]:
        """Return the module and the size of a worker's pool, as its page shows them."""
        facts = self.facts(worker)
        implementation = facts.get("Implementation", "?").partition(":")[0]
        return implementation.lower(), facts.get("Max concurrency", "?")
