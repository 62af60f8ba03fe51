"""The hash of what a step is given: whether a result may stand for what would be computed today."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stretto.core.graph import fill
from stretto.core.values import digest
from stretto.core.values.atoms import ATOMS

if TYPE_CHECKING:
    from stretto.core.graph import Graph, Source
    from stretto.runtime.engine.inputs import Values

__all__ = ["InputHashes"]


class InputHashes:
    """SHA-256 of a step's inputs: its plain arguments, and the hash of each result among them.

    A result is hashed once, however many steps take it; steps take parts of it, and only the part counts.
    """

    __slots__ = ("_graph", "_known", "_values")

    def __init__(self, graph: Graph, values: Values) -> None:
        self._graph = graph
        self._values = values
        self._known: dict[tuple[int, tuple[tuple[str, object], ...]], object] = {}

    def of(self, index: int) -> str:
        """The hash of what one step is given, 64 hexadecimal digits. Its inputs must be there.

        Raises what filling them in raises.
        """
        graph = self._graph
        return digest((fill(graph.args[index], self._hashed), fill(graph.kwargs[index], self._hashed)))

    def _hashed(self, source: Source) -> object:
        key = (source._index, source._projection)
        known = self._known.get(key, self)
        if known is self:
            value = self._values.of(source)
            known = value if type(value) in ATOMS else ("sha256", digest(value))
            self._known[key] = known
        return known
