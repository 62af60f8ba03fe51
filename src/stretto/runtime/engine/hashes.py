"""The hash of what a step is given: whether a result may stand for what would be computed today."""

from __future__ import annotations

from json.encoder import encode_basestring
from typing import TYPE_CHECKING, Final, cast

from stretto.core.graph import Source, fill
from stretto.core.values import canonical, digest
from stretto.core.values.atoms import ATOMS

if TYPE_CHECKING:
    from stretto.core.graph import Graph
    from stretto.runtime.engine.inputs import Values

__all__ = ["InputHashes"]

_SMALL: Final = 2**53 - 1
"""Up to here an integer's canonical text is its digits."""


class InputHashes:
    """SHA-256 of a step's inputs: its plain arguments, and the hash of each result among them.

    A result is hashed once, however many steps take it; steps take parts of it, and only the part counts.
    """

    __slots__ = ("_graph", "_known", "_values")

    def __init__(self, graph: Graph, values: Values) -> None:
        self._graph = graph
        self._values = values
        self._known: dict[tuple[int, tuple[tuple[str, object], ...]], tuple[object, str]] = {}

    def of(self, index: int) -> str:
        """The hash of what one step is given, 64 hexadecimal digits: `digest` of its arguments, a tuple, and of its
        keyword arguments, a dict or None. Its inputs must be there.

        Raises what filling them in raises.
        """
        graph = self._graph
        kwargs = graph.kwargs[index]
        named = "null" if kwargs is None else self._text(kwargs)
        from hashlib import sha256  # takes milliseconds to load, and only journals ask

        text = f'{{"$":"tuple","v":[{self._text(graph.args[index])},{named}]}}'
        return sha256(text.encode()).hexdigest()

    def _text(self, template: object) -> str:
        """The canonical text of a template's value. Put together from those of its parts: the whole would be turned
        into a JSON form first, which takes three times as long."""
        kind = type(template)
        if kind in ATOMS:
            return _atom(template)
        if kind is Source:
            return self._hashed(template)[1]  # type: ignore[arg-type]  # a Source, see above
        if kind is tuple:
            parts = [self._text(part) for part in template]  # type: ignore[attr-defined]  # exact tuple
            return f'{{"$":"tuple","v":[{",".join(parts)}]}}'
        if kind is list:
            return f"[{','.join([self._text(part) for part in template])}]"  # type: ignore[attr-defined]  # exact list
        if kind is dict:
            return self._entries(cast("dict[object, object]", template))
        return canonical(fill(template, self._form))

    def _entries(self, entries: dict[object, object]) -> str:
        if not all(map(_is_plain, entries)):
            return canonical(fill(entries, self._form))
        named = sorted(cast("dict[str, object]", entries).items())
        return f"{{{','.join([f'{encode_basestring(key)}:{self._text(part)}' for key, part in named])}}}"

    def _form(self, source: Source) -> object:
        return self._hashed(source)[0]

    def _hashed(self, source: Source) -> tuple[object, str]:
        """What stands for a result among inputs, and its canonical text."""
        key = (source._index, source._projection)
        known = self._known.get(key)
        if known is None:
            value = self._values.of(source)
            is_atom = type(value) in ATOMS
            stand_in = value if is_atom else ("sha256", digest(value))
            known = self._known[key] = (stand_in, _atom(value) if is_atom else canonical(stand_in))
        return known


def _is_plain(key: object) -> bool:
    """Whether a dict's key is written as the key of a JSON object, as it is; "$" is a tag's."""
    return type(key) is str and key.isascii() and "\0" not in key and key != "$"


def _atom(value: object) -> str:
    """The canonical text of an atom; what is common goes a short way."""
    if type(value) is int and -_SMALL <= value <= _SMALL:
        return str(value)
    if type(value) is str and value.isascii() and "\0" not in value:
        return encode_basestring(value)
    if type(value) is float and value - value == 0:
        return repr(value)
    return "null" if value is None else canonical(value)
