"""The commands that documents show, and what is wrong with one. It must not run any."""

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
    """Read the names a Makefile defines."""
    return frozenset(TARGET.findall(makefile))


def recipe_commands(makefile: str) -> list[tuple[str, ...]]:
    """Read the `poolwise` commands that a Makefile's recipes run."""
    lines = RECIPE_COMMAND.findall(makefile)
    return [tuple(line.replace("$(ARGS)", "").split()) for line in lines]


def commands_shown(path: Path, *, programs: frozenset[str]) -> Iterator[Shown]:
    """Read the commands of these programs from the shell fences of one Markdown file."""
    text = path.read_text(encoding="utf-8")
    for fence in FENCE.finditer(text):
        if fence["language"] not in SHELLS:
            continue
        first_line = text.count("\n", 0, fence.start("body")) + 1
        for offset, typed in _typed_lines(fence["body"]):
            for words in _split(typed, programs=programs):
                yield Shown(document=path.name, line=first_line + offset, words=words)


def _typed_lines(body: str) -> Iterator[tuple[int, str]]:
    """Join continued lines; where prompts are shown, what lacks one is output."""
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
    """Take a shell line apart at its operators, and keep the simple commands of `programs`."""
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
    """Say what does not exist in `make TARGET... ARGS="..."`, or None."""
    named = [word for word in words[1:] if "=" not in word and not word.startswith("-")]
    for target in named:
        if target not in targets:
            return f"the Makefile has no target {target!r}"
    passed_on = next((word[5:] for word in words if word.startswith("ARGS=")), "")
    if passed_on and _sub_commands(poolwise).get(named[-1]) is not None:
        return wrong_with_click(("poolwise", named[-1], *passed_on.split()), command=poolwise)
    return None


def wrong_with_click(words: tuple[str, ...], *, command: click.Command) -> str | None:
    """Say which sub-command or option is not declared, or None.

    Values are not judged: a document may show NODE, FILE or a project of its reader's.
    """
    spoken, rest = words[0], list(words[1:])
    while rest:
        word = rest.pop(0)
        if word == "--":
            return None
        if word.startswith("-") and word != "-":
            option = _option(command, word)
            if option is None:
                return f"`{spoken}` has no option {word.partition('=')[0]}"
            if option.takes_next(word) and rest:
                rest.pop(0)
        elif isinstance(command, click.Group):
            sub_command = _sub_commands(command).get(word)
            if sub_command is None:
                return f"`{spoken}` has no sub-command {word!r}"
            spoken, command = f"{spoken} {word}", sub_command
    return None


def _sub_commands(command: click.Command) -> Mapping[str, click.Command]:
    """Ask the group itself, so that commands loaded late are found as well."""
    if not isinstance(command, click.Group):
        return {}
    context = click.Context(command)
    found = {name: command.get_command(context, name) for name in command.list_commands(context)}
    return {name: sub_command for name, sub_command in found.items() if sub_command is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Option:
    """One declared option, as far as telling its value from the next word needs."""

    name: str
    takes_value: bool

    def takes_next(self, word: str) -> bool:
        return self.takes_value and word == self.name


def _option(command: click.Command, word: str) -> _Option | None:
    """Find the option that a word such as --pool=gevent, --pool or -c4 speaks of."""
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
