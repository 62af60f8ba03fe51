"""JSON and YAML files, read with the line and column of everything in them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

import yaml

from stretto.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

__all__ = ["SUFFIXES", "Document", "read_document", "read_text"]

SUFFIXES = (".json", ".yaml", ".yml")

Way = tuple[str | int, ...]


class Document(NamedTuple):
    """A file's value; `places` has the line and column (from 1) of each part by the way that leads to it."""

    source: str
    value: object
    places: Mapping[Way, tuple[int, int]]

    def place(self, way: Sequence[str | int]) -> str:
        """``file.yaml:3:7``: where the part at `way` stands, or the nearest part around it."""
        for length in range(len(way), -1, -1):
            found = self.places.get(tuple(way[:length]))
            if found is not None:
                return f"{self.source}:{found[0]}:{found[1]}"
        return self.source


def read_text(path: Path) -> str:
    """A file's text. Raises `InputError`."""
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise InputError(f"{path}: there is no such file. Check the path.") from None
    except (OSError, UnicodeDecodeError) as trouble:
        raise InputError(f"{path} cannot be read: {trouble}. It must be UTF-8 text.") from None


def read_document(path: Path) -> Document:
    """What a file holds: JSON for ``.json``, YAML for anything else. Raises `InputError` with line and
    column.
    """
    text = read_text(path)
    if path.suffix.lower() == ".json":
        return Document(str(path), _json(text, path), _places(text))
    return Document(str(path), _yaml(text, path), _places(text))


def _json(text: str, path: Path) -> object:
    try:
        value: object = json.loads(text)
        return value
    except ValueError as error:
        line, column = (error.lineno, error.colno) if isinstance(error, json.JSONDecodeError) else (1, 1)
        what = error.msg if isinstance(error, json.JSONDecodeError) else str(error)
        raise InputError(f"{path}:{line}:{column}: not JSON: {what}. Mend it there.") from None


def _yaml(text: str, path: Path) -> object:
    try:
        value: object = yaml.safe_load(text)
        return value
    except (yaml.YAMLError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        place = f":{mark.line + 1}:{mark.column + 1}" if mark is not None else ""
        what = getattr(error, "problem", None) or " ".join(str(error).split())
        raise InputError(
            f"{path}{place}: not YAML: {what}. Look at indentation, colons and quotes there."
        ) from None


def _places(text: str) -> dict[Way, tuple[int, int]]:
    """Empty where the text, JSON with tabs say, is not YAML as well: places are a courtesy."""
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError:
        return {}
    return {} if root is None else dict(_walk(root, (), frozenset()))


def _walk(node: yaml.Node, way: Way, above: frozenset[int]) -> Iterator[tuple[Way, tuple[int, int]]]:
    if id(node) in above:
        return  # an alias of something around it
    yield way, (node.start_mark.line + 1, node.start_mark.column + 1)
    inside = above | {id(node)}
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield from _walk(value, (*way, str(key.value)), inside)
    elif isinstance(node, yaml.SequenceNode):
        for number, value in enumerate(node.value):
            yield from _walk(value, (*way, number), inside)
