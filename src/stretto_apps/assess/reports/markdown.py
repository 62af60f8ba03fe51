"""Markdown written from data that may say anything.

Every value put into a template is escaped unless it is `Md`, which only this package makes: names and
findings cannot open a heading, a table cell, a link or a tag. A model's prose keeps paragraphs, lists and
emphasis, and nothing else.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Self

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from stretto_apps.assess.reports.wording import clean, one_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_SPECIAL = re.compile(r"[\\`*\[\]|<]|&(?=#?\w+;)|~(?=~)|(?<![^\W_])_|_(?![^\W_])")
_PROSE_SPECIAL = re.compile(r"[\\`\[\]|<]|&(?=#?\w+;)|~(?=~)")
_LINE_START = re.compile(r"^(?:(#{1,6}|[-+])(?=\s|$)|(>|[-=]+$)|(\d{1,9})([.)])(?=\s|$))")
_PROSE_START = re.compile(r"^((?:(?:[-*+]|\d{1,9}[.)])\s+)*)(#{1,6}(?=\s|$)|>|=+$|-+$)")
_ENTITIES = {"<": "&lt;", "&": "&amp;"}


class Md(str):
    """Markdown that is written already: templates print it as it is."""

    __slots__ = ()

    @classmethod
    def lines(cls, lines: Iterable[str]) -> Self:
        """The lines as one block."""
        return cls("\n".join(lines))


def escaped(text: str) -> Md:
    """`text` on one line, so that Markdown shows just these characters."""
    if isinstance(text, Md):
        return text
    return Md(_LINE_START.sub(_literal_start, _SPECIAL.sub(_literal, one_line(text))))


def _literal(match: re.Match[str]) -> str:
    return _ENTITIES.get(match[0], "\\" + match[0])


def _literal_start(match: re.Match[str]) -> str:
    return f"{match[3]}\\{match[4]}" if match[3] else "\\" + match[0]


def prose(words: str) -> Md:
    """A model's `words`: paragraphs, lists and emphasis stay; headings, code, links and tags become text."""
    lines = [_prose_line(line) for line in clean(words).strip().splitlines()]
    return Md.lines(lines) if any(lines) else Md("The model gave no words for this report.")


def _prose_line(line: str) -> str:
    return _PROSE_START.sub(r"\1\\\2", _PROSE_SPECIAL.sub(_literal, line.strip()))


def bold(text: str) -> Md:
    """`text` set strongly."""
    return Md(f"**{escaped(text)}**")


def link(text: str, heading: str) -> Md:
    """`text` leading to the `heading` of the same document."""
    return Md(f"[{escaped(text)}](#{slug(heading)})")


def slug(heading: str) -> str:
    """The anchor of a heading, as code hosts make it, so that one link works in both forms of a report."""
    return re.sub(r"[^\w\- ]", "", one_line(heading).lower()).replace(" ", "-")


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Md:
    """A table; a column whose name ends with ``>`` is set to the right."""
    names: list[str] = [escaped(column.removesuffix(">")) for column in columns]
    rule = ["---:" if column.endswith(">") else "---" for column in columns]
    body = [[escaped(cell) or "–" for cell in row] for row in rows]
    return Md.lines(f"| {' | '.join(cells)} |" for cells in [names, rule, *body])


def render(template: str, values: Mapping[str, object]) -> str:
    """The Markdown template of that name filled with `values`, each escaped unless it is `Md`."""
    text = _environment().get_template(template).render(values)
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader(__package__ or "", "templates"),
        autoescape=select_autoescape(("html", "html.j2")),
        undefined=StrictUndefined,
        finalize=_finalized,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _finalized(value: object) -> str:
    return value if isinstance(value, Md) else escaped(str(value))
