"""The options that name a broker, the same for all commands that use one."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from shlex import quote
from typing import Any, Final

import click
from click.core import ParameterSource

from cluster.discovery import RemoteControl
from cluster.program import program
from lab.commands.shared_options import was_typed
from lab.project.broker import read_broker
from producer import broker_words
from producer.address import HIDDEN, redacted, usable
from producer.broker import EMBEDDED, connect
from tasks import settings, transport_options
from tasks.celery import app, use_transport_options
from tasks.errors import UsageError


class BrokerUrl(click.ParamType[str]):
    """The address of a Redis; an invalid one is reported, but not shown."""

    name = "url"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the address as every library reads it; raise UsageError if it is invalid."""
        source = _source(param, ctx)
        if not value.strip():  # an empty variable, passed on
            raise UsageError(f"{source} is empty: set it to a broker URL, or leave it out")
        return usable(value, source)


def _source(param: click.Parameter | None, context: click.Context | None) -> str:
    """Return the option or environment variable that holds the value of `param`."""
    if param is None or context is None or param.name is None:
        return "--broker"
    if context.get_parameter_source(param.name) is not ParameterSource.ENVIRONMENT:
        return param.opts[0]
    variables = [param.envvar] if isinstance(param.envvar, str) else param.envvar or ()
    return next((name for name in variables if os.environ.get(name)), param.opts[0])


class TransportOptions(click.ParamType[Mapping[str, Any]]):
    """Broker transport options as a JSON object."""

    name = "json"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Mapping[str, Any]:
        """Return the options; raise UsageError if they are not valid."""
        return transport_options.parse(str(value), _source(param, ctx))


_OF_ANY: Final = click.option(
    "--broker",
    metavar="URL",
    type=BrokerUrl(),
    envvar="POOLWISE_BROKER",
    show_envvar=True,
    help="URL of the Redis to use, such as redis://:PASSWORD@HOST:6379/0. `ps` shows a password "
    "given here; set the variable instead to hide it. [default: an embedded one]",
)
_OF_WORKERS: Final = click.option(
    "--broker",
    metavar="URL",
    type=BrokerUrl(),
    envvar=["POOLWISE_BROKER", "CELERY_BROKER_URL"],
    show_envvar=True,
    default="redis://localhost:6379/0",
    show_default=True,
    help="URL of the broker that the workers use.",
)


def _app(use: str) -> Any:
    return click.option(
        "-A",
        "--app",
        "project",
        metavar="MODULE",
        envvar="POOLWISE_APP",
        show_envvar=True,
        help=f"{use} It is imported from the current folder, with the project's own interpreter: "
        "the one in .venv, venv or env here, or in the active environment.",
    )


_BROKER_OF_APP: Final = _app(
    "Use the broker and the transport options of this Celery app, as in celery -A. --broker and "
    "POOLWISE_BROKER override its broker; it overrides CELERY_BROKER_URL."
)
_APP_OF_RACE: Final = _app(
    "Your Celery app, as in celery -A. With a TASK or --calls, it is the app of these tasks, and "
    "the app's broker is not used. Otherwise, the race uses the app's broker and transport options."
)
_TRANSPORT_OPTIONS: Final = click.option(
    "--transport-options",
    metavar="JSON",
    type=TransportOptions(),
    envvar=transport_options.VARIABLE,
    show_envvar=True,
    help="The project's broker_transport_options, such as "
    """'{"global_keyprefix": "shop:"}'. If they set a key prefix, a separator or priority """
    "steps, Poolwise needs them to find the project's workers and queues.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Broker:
    """The broker that a command uses."""

    url: str | None  # None: an embedded one
    options: Mapping[str, Any]  # the transport options that decide where messages are
    named_by: str | None = None  # the flag that names it again, empty if a variable does
    advice: str = EMBEDDED  # what to do if it does not answer, as a sentence

    @property
    def flags(self) -> str:
        """Return the options that name it again, without a password; empty for an embedded one.

        If its address has a password, what named it is repeated instead: a variable still does.
        """
        if not self.url:
            return ""
        shown = redacted(self.url)
        if HIDDEN in shown and self.named_by is not None:
            return self.named_by
        return broker_words.flags(shown, self.options)


def any_broker(command: Any) -> Any:
    """Add the options `broker`, `project` and `transport_options`; without, it is embedded."""
    return _add(_OF_ANY, _BROKER_OF_APP, command)


def broker_of_race(command: Any) -> Any:
    """Add the same options to a command whose app may also be that of the user's tasks."""
    return _add(_OF_ANY, _APP_OF_RACE, command)


def running_broker(command: Any) -> Any:
    """Add the same options to a command that needs running workers."""
    return _add(_OF_WORKERS, _BROKER_OF_APP, command)


def _add(address: Any, app_option: Any, command: Any) -> Any:
    for option in reversed((address, app_option, _TRANSPORT_OPTIONS)):
        command = option(command)
    return command


def chosen_broker(named: Mapping[str, Any], *, on_running: bool) -> Broker:
    """Return the broker that the options of `any_broker` name, and use its transport options.

    Raises UsageError if the project cannot be imported, or its broker's address is not valid.
    """
    fallback = settings.broker_url if on_running else None
    chosen = _used(named["broker"], fallback, "CELERY_BROKER_URL", named)
    return replace(chosen, advice=NAME_IT if on_running else _back_to_embedded(named))


def _back_to_embedded(named: Mapping[str, Any]) -> str:
    """Return how to use the embedded broker instead of the one that the options name."""
    name, flag, variable = (
        ("broker", "--broker", "POOLWISE_BROKER")
        if named["broker"]
        else ("project", "-A", "POOLWISE_APP")
    )
    how = f"Leave {flag} out" if was_typed(name) else f"Unset {variable}"
    also = ", and name no app," if name == "broker" and named["project"] else ""
    return f"{how}{also} to use the embedded one."


def broker_of_workers(named: Mapping[str, Any]) -> Broker:
    """The same for the options of `running_broker`."""
    url = named["broker"]
    own = was_typed("broker") or os.environ.get("POOLWISE_BROKER")
    return _used(url if own else None, url, "--broker", named)


def _used(
    url: str | None, fallback: str | None, fallback_source: str, named: Mapping[str, Any]
) -> Broker:
    """Return the named broker, or else the project's, or else the fallback."""
    project, typed = named["project"], named["transport_options"]
    options: dict[str, Any] = {}
    named_by = None if url and was_typed("broker") else ""
    if project is not None:
        found = read_broker(project, named.get("python") or "")
        options |= found.options
        named_by = named_by if url else f"-A {quote(project)}"
        url = url or usable(found.url, f"-A {project}")
    elif not url and fallback:
        url = usable(fallback, fallback_source)
    options |= typed or {}
    if options:
        use_transport_options(options)
    return Broker(url=url, options=transport_options.placing(options), named_by=named_by)


#: What to do if no broker of running workers answers, for commands that can start workers.
NAME_IT: Final = (
    "Check that --broker names the broker of your workers, or start new workers with --on-new "
    "instead of --on-running."
)


def start_some() -> str:
    """Say the same for commands that cannot."""
    return (
        f"Check the address, or start a cluster with `{program()} up`. If your cluster runs in "
        "docker compose, put `docker compose run --rm` in front of `poolwise`, and leave out "
        "--broker."
    )


@contextmanager
def remote_control(broker: Broker) -> Iterator[RemoteControl]:
    """Connect to the workers of a broker; raise BrokerError if no broker answers."""
    assert broker.url is not None, "only a started broker has no address yet"  # noqa: S101
    connect(broker.url, start_some()).close()
    with RemoteControl(app, broker.url) as remote:
        yield remote
