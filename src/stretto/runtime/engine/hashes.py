"""The hash of what a step is given: whether a result may stand for what would be computed today."""

from __future__ import annotations

from json.encoder import encode_basestring
from typing import TYPE_CHECKING, Final, cast

from stretto.core.graph import Source, fill
from stretto.core.values import canonical
from stretto.core.values.atoms import ATOMS
from stretto.core.values.places import passes_secret
from stretto.core.values.secret import HIDDEN, REDACTED, Redacted

if TYPE_CHECKING:
    from stretto.core.graph import Graph
    from stretto.runtime.engine.inputs import Values

__all__ = ["SECRETIVE", "InputHashes"]

SECRETIVE: Final = "secret:"
"""Begins the hash of inputs whose secrets do not count."""

_SMALL: Final = 2**53 - 1
"""Up to here an integer's canonical text is its digits."""


class InputHashes:
    """SHA-256 of a step's inputs: its plain arguments, and the hash of each result among them.

    With `hides_secrets` secrets do not count, since whoever reads a hash could guess at them; such a hash begins with
    `SECRETIVE`, and does not say that a result may stand for another run's.

    A result is hashed once, however many steps take it; steps take parts of it, and only the part counts.
    """

    __slots__ = ("_graph", "_has_met", "_hides", "_known", "_values")

    def __init__(self, graph: Graph, values: Values, *, hides_secrets: bool) -> None:
        self._graph = graph
        self._values = values
        self._hides = hides_secrets
        self._has_met = False
        self._known: dict[tuple[int, tuple[tuple[str, object], ...]], tuple[object, str, bool]] = {}

    def of(self, index: int) -> str:
        """The hash of what one step is given, 64 hexadecimal digits: `digest` of its arguments, a tuple, and of its
        keyword arguments, a dict or None. Its inputs must be there.

        Raises what filling them in raises.
        """
        graph = self._graph
        self._has_met = False
        kwargs = graph.kwargs[index]
        named = "null" if kwargs is None else self._text(kwargs)
        from hashlib import sha256  # takes milliseconds to load, and only journals ask

        text = f'{{"$":"tuple","v":[{self._text(graph.args[index])},{named}]}}'
        found = sha256(text.encode()).hexdigest()
        return SECRETIVE + found if self._has_met else found

    def _text(self, template: object) -> str:
        """The canonical text of a template's value. Put together from those of its parts: the whole would be turned
        into a JSON form first, which takes three times as long."""
        kind = type(template)
        if kind in ATOMS and kind is not Redacted:
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
        return self._canonical(fill(template, self._form))

    def _canonical(self, value: object) -> str:
        text = canonical(value, hides_secrets=self._hides)
        self._has_met = self._has_met or (self._hides and HIDDEN in text)
        return text

    def _entries(self, entries: dict[object, object]) -> str:
        if not all(map(_is_plain, entries)):
            return self._canonical(fill(entries, self._form))
        named = sorted(cast("dict[str, object]", entries).items())
        return f"{{{','.join([f'{encode_basestring(key)}:{self._text(part)}' for key, part in named])}}}"

    def _form(self, source: Source) -> object:
        return self._hashed(source)[0]

    def _hashed(self, source: Source) -> tuple[object, str, bool]:
        """What stands for a result among inputs, and its canonical text."""
        key = (source._index, source._projection)
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = self._looked_at(source)
        self._has_met = self._has_met or known[2]
        return known

    def _looked_at(self, source: Source) -> tuple[object, str, bool]:
        """With it whether that left out a secret."""
        if self._hides and source._projection:
            whole = self._values.result(source._index)
            if passes_secret(whole, source._projection):
                return REDACTED, HIDDEN, True
        value = self._values.of(source)
        if type(value) in ATOMS:
            return value, _atom(value), type(value) is Redacted
        from hashlib import sha256  # see `of`

        text = canonical(value, hides_secrets=self._hides)
        stand_in = ("sha256", sha256(text.encode()).hexdigest())
        return stand_in, canonical(stand_in), self._hides and HIDDEN in text


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
