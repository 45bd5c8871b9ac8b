"""Finds the commands that documents show and checks that they exist. It must not run any."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import click

FENCE = re.compile(r"^ *```(?P<language>\w*)[^\n]*\n(?P<body>.*?)^ *```", re.MULTILINE | re.DOTALL)
SHELLS = frozenset({"", "bash", "console", "sh", "shell"})
ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")
TARGET = re.compile(r"^([a-z][\w-]*):(?!=)", re.MULTILINE)
RECIPE_COMMAND = re.compile(r"^\t@?\$\(BIN\)/(poolwise .*)$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One command in one document."""

    document: str
    line: int
    words: tuple[str, ...]  # the program's name first, without its directory


def make_targets(makefile: str) -> frozenset[str]:
    """Return the targets that a Makefile defines."""
    return frozenset(TARGET.findall(makefile))


def recipe_commands(makefile: str) -> list[tuple[str, ...]]:
    """Return the `poolwise` commands that a Makefile's recipes run."""
    lines = RECIPE_COMMAND.findall(makefile)
    return [tuple(line.replace("$(ARGS)", "").split()) for line in lines]


def commands_shown(path: Path, *, programs: frozenset[str]) -> Iterator[Shown]:
    """Yield the commands of `programs` in the shell code blocks of one Markdown file."""
    text = path.read_text(encoding="utf-8")
    for fence in FENCE.finditer(text):
        if fence["language"] not in SHELLS:
            continue
        first_line = text.count("\n", 0, fence.start("body")) + 1
        for offset, typed in _typed_lines(fence["body"]):
            for words in _split(typed, programs=programs):
                yield Shown(document=path.name, line=first_line + offset, words=words)


def _typed_lines(body: str) -> Iterator[tuple[int, str]]:
    """Yield typed lines, with continuations joined.

    If a block shows prompts, the lines without one are output and are skipped.
    """
    has_prompts = re.search(r"^ *\$ ", body, re.MULTILINE) is not None
    lines = body.splitlines()
    at = 0
    while at < len(lines):
        began, typed = at, lines[at]
        while typed.endswith("\\") and at + 1 < len(lines):
            at += 1
            typed = typed[:-1] + lines[at]
        at += 1
        typed = typed.strip()
        if not has_prompts or typed.startswith("$ "):
            yield began, typed.removeprefix("$ ")


def _split(typed: str, *, programs: frozenset[str]) -> Iterator[tuple[str, ...]]:
    """Split a shell line at its operators and yield the simple commands of `programs`."""
    if not any(program in typed for program in programs):
        return
    lexer = shlex.shlex(typed, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    words: list[str] = []
    for word in [*lexer, ";"]:
        if not set(word) <= set(lexer.punctuation_chars):
            words.append(word)
            continue
        while words and ASSIGNMENT.match(words[0]):
            words.pop(0)
        if words and words[0].rpartition("/")[2] in programs:
            yield (words[0].rpartition("/")[2], *words[1:])
        words = []


def wrong_with_make(
    words: tuple[str, ...], *, targets: frozenset[str], poolwise: click.Command
) -> str | None:
    """Return what does not exist in `make TARGET... ARGS="..."`, or None."""
    named = [word for word in words[1:] if "=" not in word and not word.startswith("-")]
    for target in named:
        if target not in targets:
            return f"the Makefile has no target {target!r}"
    passed_on = next((word[5:] for word in words if word.startswith("ARGS=")), "")
    if passed_on and _sub_commands(poolwise).get(named[-1]) is not None:
        return wrong_with_click(("poolwise", named[-1], *passed_on.split()), command=poolwise)
    return None


def wrong_with_click(words: tuple[str, ...], *, command: click.Command) -> str | None:
    """Return which subcommand or option does not exist, or None.

    Values are not checked: a document may show placeholders such as NODE or FILE.
    """
    path, rest = words[0], list(words[1:])
    while rest:
        word = rest.pop(0)
        if word == "--":
            return None
        if word.startswith("-") and word != "-":
            option = _option(command, word)
            if option is None and command.context_settings.get("ignore_unknown_options"):
                continue  # it passes them on, as Flower does to Tornado
            if option is None:
                return f"`{path}` has no option {word.partition('=')[0]}"
            if option.takes_next(word) and rest:
                rest.pop(0)
        elif isinstance(command, click.Group):
            sub_command = _sub_commands(command).get(word)
            if sub_command is None:
                return f"`{path}` has no subcommand {word!r}"
            path, command = f"{path} {word}", sub_command
    return None


def _sub_commands(command: click.Command) -> Mapping[str, click.Command]:
    """Ask the group itself, so that lazily loaded commands are found too."""
    if not isinstance(command, click.Group):
        return {}
    context = click.Context(command)
    found = {name: command.get_command(context, name) for name in command.list_commands(context)}
    return {name: sub_command for name, sub_command in found.items() if sub_command is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Option:
    """What must be known of an option to tell its value from the next word."""

    name: str
    takes_value: bool

    def takes_next(self, word: str) -> bool:
        return self.takes_value and word == self.name


def _option(command: click.Command, word: str) -> _Option | None:
    """Find the option that a word such as --pool=gevent, --pool or -c4 refers to."""
    long_name = word.partition("=")[0]
    for parameter in command.get_params(click.Context(command)):
        if not isinstance(parameter, click.Option):
            continue
        for name in (*parameter.opts, *parameter.secondary_opts):
            is_short = len(name) == len("-x") and word.startswith(name)
            if name == long_name or is_short:
                takes_value = not parameter.is_flag and not parameter.count
                return _Option(name=name, takes_value=takes_value)
    return None
