"""On which line of a TOML file each key stands: `tomllib` gives values alone."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["line_of", "lines_of"]

_PART = r"""(?:"[^"]*"|'[^']*'|[A-Za-z0-9_-]+)"""
_DOTTED = rf"{_PART}(?:\s*\.\s*{_PART})*"
_HEADER = re.compile(rf"\s*\[\s*({_DOTTED})\s*\]\s*(?:#.*)?$")
_KEY = re.compile(rf"\s*({_DOTTED})\s*=")


def lines_of(text: str) -> dict[str, int]:
    """Lines from 1 by dotted key, for the text of a file that is TOML.

    TOML has no key twice: one that seems to stand there twice stands in a text of several lines as well, and is
    left out rather than guessed.
    """
    found: dict[str, int] = {}
    doubtful: set[str] = set()
    table = ""
    for number, line in enumerate(text.splitlines(), 1):
        header = _HEADER.match(line)
        if header is not None:
            table = _plain(header[1]) + "."
        key = _KEY.match(line)
        if key is None:
            continue
        name = table + _plain(key[1])
        doubtful.update([name] if name in found else [])
        found.setdefault(name, number)
    return {name: number for name, number in found.items() if name not in doubtful}


def line_of(key: str, lines: Mapping[str, int]) -> int | None:
    """The line of a key, or of the inline table around it; None where that is not plain."""
    while key and key not in lines:
        key = key.rpartition(".")[0]
    return lines.get(key)


def _plain(dotted: str) -> str:
    return ".".join(part.strip("\"'") for part in re.findall(_PART, dotted))
