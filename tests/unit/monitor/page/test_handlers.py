"""The data has the access rules of Flower, and says in its status that somebody is signed out."""

from __future__ import annotations

import asyncio
import base64
from types import SimpleNamespace
from typing import Any

import pytest
from tornado.httpclient import AsyncHTTPClient, HTTPResponse
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port
from tornado.web import Application, create_signed_value

from monitor.page.handlers import ROUTES

SECRET = "what signs the cookies"  # noqa: S105 - of a test
PAGE, API = "/throughput/data", "/api/throughput"
PASSWORD = {"basic_auth": ["ada:a password"]}
OAUTH = {"auth": "ada@example.org"}


def login(pair: str) -> dict[str, str]:
    return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}


def session(user: str, secret: str = SECRET) -> dict[str, str]:
    return {"Cookie": f"user={create_signed_value(secret, 'user', user).decode()}"}


RIGHT, RIGHT_SESSION = login("ada:a password"), session("ada@example.org")
#: The settings of Flower, what a request brings, and whether it gets the data.
REQUESTS: dict[str, tuple[dict[str, Any], dict[str, str], bool]] = {
    "password, no login": (PASSWORD, {}, False),
    "password, a wrong login": (PASSWORD, login("ada:another"), False),
    "password, no pair": (PASSWORD, {"Authorization": "Basic"}, False),
    "password, another scheme": (PASSWORD, {"Authorization": "Bearer YWRhOmEgcGFzc3dvcmQ="}, False),
    "password, a session": (PASSWORD, RIGHT_SESSION, False),
    "password, the right login": (PASSWORD, RIGHT, True),
    "OAuth, no session": (OAUTH, {}, False),
    "OAuth, a forged session": (OAUTH, session("ada@example.org", "a guess"), False),
    "OAuth, the session of a stranger": (OAUTH, session("eve@example.org"), False),
    "OAuth, a password": (OAUTH, RIGHT, False),
    "OAuth, the right session": (OAUTH, RIGHT_SESSION, True),
    "both, nothing": (PASSWORD | OAUTH, {}, False),
    "both, only a password": (PASSWORD | OAUTH, RIGHT, False),
    "both, only a session": (PASSWORD | OAUTH, RIGHT_SESSION, False),
    "both, both": (PASSWORD | OAUTH, RIGHT | RIGHT_SESSION, True),
}


def reply(path: str, settings: dict[str, Any], headers: dict[str, str]) -> HTTPResponse:
    """Request a path of a Flower with these settings."""

    async def ask() -> HTTPResponse:
        collector = SimpleNamespace(respond=lambda _query, _cursor: {"now": 1.0})
        app = Application(ROUTES, throughput=collector, cookie_secret=SECRET, login_url="/login")
        known = {"basic_auth": None, "auth": None, **settings}
        app.options = SimpleNamespace(**known)  # type: ignore[attr-defined]
        socket, port = bind_unused_port()
        server = HTTPServer(app)
        server.add_socket(socket)
        found = await AsyncHTTPClient().fetch(
            f"http://127.0.0.1:{port}{path}",
            headers=headers,
            follow_redirects=False,
            raise_error=False,
        )
        server.stop()
        await server.close_all_connections()
        return found

    return asyncio.run(ask())


@pytest.mark.parametrize("path", [PAGE, API])
@pytest.mark.parametrize("name", REQUESTS)
def test_only_the_right_login_gets_the_data_and_any_other_status_401(name: str, path: str) -> None:
    settings, headers, allowed = REQUESTS[name]
    found = reply(path, settings, headers)
    assert found.code == (200 if allowed else 401)
    assert (b"now" in found.body) is allowed
    assert "Location" not in found.headers


@pytest.mark.parametrize("name", [name for name, one in REQUESTS.items() if not one[2]])
def test_a_browser_is_asked_for_a_password_only_if_a_password_is_missing(name: str) -> None:
    settings, headers, _ = REQUESTS[name]
    missing = "basic_auth" in settings and headers.get("Authorization") != RIGHT["Authorization"]
    challenge = reply(PAGE, settings, headers).headers.get("WWW-Authenticate")
    assert challenge == ('Basic realm="flower"' if missing else None)


@pytest.mark.parametrize(
    ("path", "variable", "status"), [(PAGE, "", 200), (API, "", 401), (API, "true", 200)]
)
def test_without_a_login_the_page_is_open_and_the_api_only_if_a_variable_says_so(
    path: str, variable: str, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLOWER_UNAUTHENTICATED_API", variable)
    assert reply(path, {}, {}).code == status
