"""What an attempt gets: its templates filled with results, each consumer with its own copy of what can
change."""

from __future__ import annotations

from stretto.core.graph import Graph, Source, fill, project
from stretto.core.values import copy_for_consumer
from stretto.core.values.atoms import ATOMS
from stretto.errors import PermanentError

__all__ = ["Values", "map_items"]


class Values:
    """Reads results out of the scheduler's columns."""

    __slots__ = ("_graph", "_values")

    def __init__(self, graph: Graph, values: list[object]) -> None:
        self._graph = graph
        self._values = values

    def args(self, index: int) -> list[object]:
        """The positional arguments of a step's attempt."""
        args: list[object] = []
        for part in self._graph.args[index]:
            if type(part) in ATOMS:
                args.append(part)
            else:
                args.append(self.of(part) if isinstance(part, Source) else self.filled(part))
        return args

    def kwargs(self, index: int) -> dict[str, object] | None:
        """The keyword arguments of a step's attempt."""
        named = self._graph.kwargs[index]
        return None if named is None else {key: self.filled(part) for key, part in named.items()}

    def filled(self, template: object) -> object:
        """A template's value, shared with nobody."""
        if type(template) in ATOMS:
            return template
        listed = self._listed(template) if type(template) is list else None
        return copy_for_consumer(fill(template, self._raw) if listed is None else listed)

    def _listed(self, template: list[object]) -> list[object] | None:
        """A list of whole results, which is what most runs end with, without a call an item; None for others."""
        values, grown = self._values, self._graph.children
        found: list[object] = []
        for part in template:
            if not isinstance(part, Source) or part._projection or part._index in grown:
                return None
            found.append(values[part._index])
        return found

    def of(self, source: Source) -> object:
        """The value behind one source, shared with nobody."""
        value = self._raw(source)
        return value if type(value) in ATOMS else copy_for_consumer(value)

    def result(self, index: int) -> object:
        """A step's result as it was recorded; an anchor's is made of its children's."""
        graph = self._graph
        children = graph.children.get(index)
        own = self._values[index]
        if children is None or own is not None:
            return own  # an anchor's own is its default, which it hands on when it was lost
        if index in graph.outputs:
            return fill(graph.outputs[index], self._raw)
        return [self.result(child) for child in children]

    def _raw(self, source: Source) -> object:
        index = source._index
        value = self._values[index] if index not in self._graph.children else self.result(index)
        if not source._projection:
            return value
        try:
            return project(value, source._projection)
        except (AttributeError, KeyError, IndexError, TypeError) as error:
            steps = "".join(f".{key}" if how == "attr" else f"[{key!r}]" for how, key in source._projection)
            raise PermanentError(
                f"the result of {self._graph.path(index)!r} has no {steps}: {type(error).__name__}: {error}"
            ) from error


def map_items(graph: Graph, anchor: int, values: Values) -> list[object]:
    """The sources of a map's items, once what it maps over is there. Raises PermanentError for a non-list."""
    rule = graph.maps[anchor]
    if rule.shape_of is not None:
        return [Source(child) for child in graph.children[rule.shape_of]]
    source = rule.items
    if not isinstance(source, Source):  # what a loop hands on, where that is no step's result as a whole
        return _listed(source, f"{graph.path(anchor)}.map needs a list, but was handed")
    value = values._raw(source)
    needed = f"{graph.path(anchor)}.map needs a list, but {graph.path(source._index)!r} returned"
    count = len(_listed(value, needed))
    return [Source(source._index, (*source._projection, ("item", number))) for number in range(count)]


def _listed(value: object, needed: str) -> list[object]:
    if type(value) not in (list, tuple):
        raise PermanentError(f"{needed} {type(value).__name__}; return a list from that step.")
    return list(value)  # type: ignore[call-overload, no-any-return]  # exact list or tuple
