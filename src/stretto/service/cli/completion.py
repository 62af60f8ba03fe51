"""``stretto completion``: the scripts by which shells ask, and the answers they get.

A script hands over the line up to the cursor. Splitting it here rather than in the shell makes targets
with a colon and inputs with an equals sign whole words again, which bash has broken in two.
"""

from __future__ import annotations

import re
import shlex
from importlib import import_module
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol, cast

from stretto.service.cli.candidates import Candidate, inputs_of, targets
from stretto.service.cli.exits import Exit
from stretto.service.cli.words import say, say_lines

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import ModuleType

__all__ = ["SHELLS", "answer", "complete_input", "complete_target", "say_answer", "say_script"]


def say_script(shell: str) -> Exit:
    """Print the script; its head says where it belongs."""
    say(_SCRIPTS[shell].strip())
    return Exit.OK


def say_answer(shell: str, command: object, line: str, breaks: str) -> Exit:
    """Print what may follow, a line each; nothing at all where anything goes wrong: a Tab says no errors.

    `command` is the program; `breaks` are the characters at which the shell has broken the word it asks for.
    """
    try:
        found = answer(command, line)
    except Exception:  # noqa: BLE001  # as the docstring says
        found = _Answer([], "", is_quoted=False)
    if shell == "bash":
        lines = _for_bash(found, breaks)
    else:
        lines = [f"{value}\t{_one_line(about)}" for value, about in found.candidates]
    if lines:
        say_lines(lines)
    return Exit.OK


def complete_target(incomplete: str) -> list[Candidate]:
    """For typer: what a target may be."""
    return targets(incomplete)


def complete_input(target: object, given: Sequence[str], incomplete: str) -> list[Candidate]:
    """For typer: the inputs of the target that stands before, without those given already."""
    if not isinstance(target, str) or "=" in incomplete:
        return []
    taken = {pair.partition("=")[0] for pair in given}
    return [each for each in inputs_of(target) if each[0].removesuffix("=") not in taken]


# -------------------------------------------------------------------- answers


_CURSOR: Final = (
    "\0"  # no command line has one: it keeps the last word, empty or not, apart from those before
)


class _Answer(NamedTuple):
    """`word` is what stands there, its quotes taken off; `is_quoted` says that a quote is still open."""

    candidates: list[Candidate]
    word: str
    is_quoted: bool


class _Item(Protocol):
    value: str
    type: str
    help: str | None


def answer(command: object, line: str) -> _Answer:
    """What may stand at the end of `line`, in which `command` is the program that stands first."""
    library = _library(command)
    words: list[str] = library.split_arg_string(line + _CURSOR)
    word = words.pop().removesuffix(_CURSOR)
    is_quoted = _is_open(line)
    if not words:  # the program's own name is not ours to complete
        return _Answer([], "", is_quoted)
    items = _items(library, command, words[1:], word)
    found = [(_whole(item.value, word), item.help or "") for item in items if item.type == "plain"]
    return _Answer(found, word, is_quoted)


def _library(command: object) -> ModuleType:
    """The completion of click; where that lives differs between versions of typer."""
    home = next(cls.__module__ for cls in type(command).__mro__ if cls.__name__ == "Command")
    return import_module(f"{home.rpartition('.')[0]}.shell_completion")


def _items(library: ModuleType, command: object, words: list[str], word: str) -> list[_Item]:
    """What click has to offer. An option that still waits for its value is kept from the parser, which would
    give up there and forget the arguments it has seen.
    """
    is_waiting = words[-1:] != [] and words[-1].startswith("-")
    context = library._resolve_context(command, {}, "stretto", words[:-1] if is_waiting else words)
    place, rest = library._resolve_incomplete(context, words, word)
    return cast("list[_Item]", place.shell_complete(context, rest))


def _is_open(line: str) -> bool:
    try:
        shlex.split(line)
    except ValueError:
        return True
    return False


def _whole(value: str, word: str) -> str:
    """``--option=value`` is one word for the shell, while only the value was completed."""
    if value.startswith(word) or not word.startswith("--") or "=" not in word:
        return value
    return f"{word.partition('=')[0]}={value}"


def _for_bash(found: _Answer, breaks: str) -> list[str]:
    """Only what follows the last break in the word, with what is special to the shell escaped."""
    if found.is_quoted:
        return [value for value, _ in found.candidates]
    cut = max((found.word.rfind(mark) + 1 for mark in breaks if mark in "=:"), default=0)
    return [re.sub(r"([^\w@%+=:,./-])", r"\\\1", value[cut:]) for value, _ in found.candidates]


def _one_line(text: str) -> str:
    return " ".join(text.split())


# -------------------------------------------------------------------- scripts

_SCRIPTS: Final[Mapping[str, str]] = {
    "bash": r"""
# Completion of stretto for bash. In ~/.bashrc: eval "$(stretto completion bash)"
_stretto_complete() {
    local word
    COMPREPLY=()
    while IFS= read -r word; do
        COMPREPLY+=("$word")
    done < <("$1" completion bash --line "${COMP_LINE:0:COMP_POINT}" --breaks "$COMP_WORDBREAKS" 2>/dev/null)
    if [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *[=:/] ]]; then
        compopt -o nospace 2>/dev/null
    fi
}
complete -o bashdefault -o default -F _stretto_complete stretto
""",
    "zsh": r"""
#compdef stretto
# Completion of stretto for zsh. In ~/.zshrc, after compinit: eval "$(stretto completion zsh)"
_stretto() {
    local value about line="${(j: :)words[1,CURRENT-1]} $PREFIX"
    local -a whole unfinished
    while IFS=$'\t' read -r value about; do
        if [[ $value == *[=:/] ]]; then
            unfinished+=("${value//:/\\:}${about:+:$about}")
        else
            whole+=("${value//:/\\:}${about:+:$about}")
        fi
    done < <("${words[1]}" completion zsh --line "$line" 2>/dev/null)
    if (( $#whole + $#unfinished )); then
        (( $#unfinished )) && _describe stretto unfinished -S ''
        (( $#whole )) && _describe stretto whole
    else
        compset -P '*='
        _files
    fi
}
compdef _stretto stretto
""",
    "fish": r"""
# Completion of stretto for fish. In ~/.config/fish/config.fish: stretto completion fish | source
function __stretto_complete
    set -l line (commandline --current-process --cut-at-cursor)
    set -l found (stretto completion fish --line "$line" 2>/dev/null)
    if test (count $found) -gt 0
        printf '%s\n' $found
    else
        __fish_complete_path (commandline --current-token --cut-at-cursor)
    end
end
complete --command stretto --no-files --arguments '(__stretto_complete)'
""",
}

SHELLS: Final = tuple(_SCRIPTS)
"""Shells there is a script for."""
