"""`poolwise dead`: lists dead letters, and requeues or drops them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import click

from cluster.program import program
from kombu_lease import dead as letters
from lab.commands import broker_options, shared_options
from lab.commands.consent import ask
from lab.commands.console import for_results
from lab.commands.streams import say
from lab.dead.facts import facts, lines, short, whole
from lab.format import words
from lab.format.tables import Column, print_table
from producer import broker as brokers
from tasks.errors import PoolwiseError, UsageError

COLUMNS = (
    *(Column(heading=heading) for heading in ("id", "since", "queue", "task")),
    Column(heading="deliveries", right=True),
    Column(heading="reason", wraps=True),
)
_ID: Final = re.compile("([0-9]{1,20})-([0-9]{1,20})")


@click.group()
def dead() -> None:
    """List, show, requeue or drop dead letters.

    A dead letter is a message that workers stopped trying to run. Two kinds of workers make dead
    letters. On kombu's own Redis transport, workers that load Poolwise's code (celery worker -I
    worker.startup) stop trying to run a message whose task killed its process five times
    (POOLWISE_MAX_DEATHS). On the lease transport (docs/transport.md), every worker does so after 20
    deliveries without an acknowledgement (max_deliveries). Both also do so at once if they cannot
    read a message or do not know its task. A dead letter is kept whole, with the reason.

    \b
    Example:
      poolwise dead list
      poolwise dead show 1764207001123-0
      poolwise dead requeue 1764207001123-0
      poolwise dead drop --all
    """


_ids = click.argument("ids", nargs=-1, metavar="[ID]...")
_every = click.option("--all", "every", is_flag=True, help="All dead letters.")


@dead.command("list")
@broker_options.running_broker
@shared_options.json_output
def list_(*, as_json: bool, **named: Any) -> int:
    """List all dead letters.

    The oldest come first, without the arguments of their tasks.

    \b
    Example:
      poolwise dead list
      poolwise dead list --broker redis://localhost:6379/0 --json
    """
    with _store(named) as store:
        # Of each letter only this is kept: a message may be large.
        found = [facts(one, store.prefix) for one in letters.every(store.client, store.prefix)]
    if as_json:
        say(json.dumps(found))
    elif found:
        print_table(for_results(), COLUMNS, [_row(known) for known in found])
    else:
        say("no dead letters")
    return 0


@dead.command()
@click.argument("entry_id", metavar="ID")
@broker_options.running_broker
@shared_options.json_output
def show(*, entry_id: str, as_json: bool, **named: Any) -> int:
    """Show one dead letter, with its arguments.

    \b
    Example:
      poolwise dead show 1764207001123-0
    """
    _check((entry_id,))
    with _store(named) as store:
        letter = letters.entry(store.client, store.prefix, entry_id)
    if letter is None:
        raise _missing((entry_id,))
    if as_json:
        say(json.dumps(whole(letter, store.prefix)))
    else:
        for line in lines(letter, store.prefix):
            say(line)
    return 0


@dead.command()
@_ids
@_every
@broker_options.running_broker
@shared_options.json_output
def requeue(*, ids: tuple[str, ...], every: bool, as_json: bool, **named: Any) -> int:
    """Put dead letters back at the end of their queues.

    Name them by their IDs, or use --all. Fix the cause first: a message that kills its worker will
    kill workers again, until it is a dead letter again.

    \b
    Example:
      poolwise dead requeue 1764207001123-0
      poolwise dead requeue --all
    """
    with _store(named) as store:
        chosen = _chosen(store, ids, every=every)
        done = [one for one in chosen if letters.requeue(store.client, store.prefix, [one])]
    return _finish("requeued", chosen, done, every=every, as_json=as_json)


@dead.command()
@_ids
@_every
@click.option("--yes", is_flag=True, help="Do not ask.")
@broker_options.running_broker
@shared_options.json_output
def drop(*, ids: tuple[str, ...], every: bool, yes: bool, as_json: bool, **named: Any) -> int:
    """Delete dead letters permanently.

    Name them by their IDs, or use --all. At a terminal, it asks first; otherwise --yes is needed.

    \b
    Example:
      poolwise dead drop 1764207001123-0
      poolwise dead drop --all --yes
    """
    with _store(named) as store:
        chosen = _chosen(store, ids, every=every)
        if chosen and not yes:
            _confirm(len(chosen))
        done = [one for one in chosen if letters.drop(store.client, store.prefix, [one])]
    return _finish("dropped", chosen, done, every=every, as_json=as_json)


class _Store:
    """A broker whose dead letters a command works on."""

    def __init__(self, client: Any, prefix: str) -> None:
        self.client = client
        self.prefix = prefix


@contextmanager
def _store(named: Mapping[str, Any]) -> Iterator[_Store]:
    """Connect to the broker that the options name; raise BrokerError if there is none."""
    chosen = broker_options.broker_of_workers(named)
    advice = broker_options.start_some()
    client = brokers.connect(chosen.url or "", advice, check=brokers.answers)
    with client:
        yield _Store(client, str(chosen.options.get("global_keyprefix", "")))


def _chosen(store: _Store, ids: tuple[str, ...], *, every: bool) -> list[str]:
    if every and ids:
        raise UsageError("--all means all dead letters: leave out the ids")
    if every:
        return [letter.id for letter in letters.every(store.client, store.prefix)]
    if not ids:
        raise UsageError(f"name the ids that `{program()} dead list` shows, or use --all")
    _check(ids)
    return list(dict.fromkeys(ids))


def _check(ids: tuple[str, ...]) -> None:
    for one in ids:
        if not _is_id(one):
            raise UsageError(f"{one!r} is not an id: `{program()} dead list` shows the ids")


def _is_id(text: str) -> bool:
    """Return whether Redis accepts an id: two numbers of 64 bits."""
    found = _ID.fullmatch(text)
    return found is not None and all(int(number) < 2**64 for number in found.groups())


def _confirm(number: int) -> None:
    what = _count(number)
    ask(f"Delete {what} for ever?", f"deletes {what} for ever")


def _finish(verb: str, chosen: list[str], done: list[str], *, every: bool, as_json: bool) -> int:
    """Print what was done; raise PoolwiseError if an id that was named does not exist."""
    if as_json:
        say(json.dumps({verb: done}))
    else:
        say(f"{verb} {_count(len(done))}")
    missing = tuple(one for one in chosen if one not in set(done))
    if missing and not every:
        raise _missing(missing)
    return 0


def _missing(ids: tuple[str, ...]) -> PoolwiseError:
    names = " or ".join(ids)
    return PoolwiseError(f"no dead letter has the id {names}: see `{program()} dead list`")


def _count(number: int) -> str:
    return "1 dead letter" if number == 1 else f"{words.count(number)} dead letters"


def _row(known: Mapping[str, Any]) -> list[str]:
    """Return the cells of a dead letter, of which `known` are the facts."""
    deliveries = str(known["deliveries"]) if known["deliveries"] else words.NOTHING
    texts = (known["id"], known["at"], known["queue"], known["task"], deliveries, known["reason"])
    return [short(text) for text in texts]
