"""One of two graphs that are compared: its nodes by path, and indices in words that mean the same on both sides."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from stretto.core.graph.fragment import NO_SCOPE, MapSpec
from stretto.core.graph.source import FRAME_BITS, LOCAL, STATE, WHOLE_STATE, Source
from stretto.core.graph.template import sources_in
from stretto.core.values.hashing import canonical

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from stretto.core.graph.fragment import Fragment

__all__ = ["Side", "shown", "taken"]

_Frames = dict[int, tuple[str, list[str]]]
"""The anchor of each body by its frame, and the paths of its nodes."""


class Side:
    """One of two bodies: its nodes by path. Inside its anchor's graph it knows the bodies around it."""

    def __init__(self, fragment: Fragment, anchor: str = "", around: _Frames | None = None) -> None:
        self.fragment = fragment
        self.anchor = anchor
        self.frames: _Frames = dict(around or {})
        self.names = {place: node.name for place, node in enumerate(fragment.nodes)}
        self.rename({})

    def rename(self, names: Mapping[int, str | int]) -> None:
        """Look at it as if nodes were called otherwise."""
        self.names.update(names)
        self.paths = self._paths()
        self.frames[self.fragment.frame] = (self.anchor, self.paths)
        self.places = {path: place for place, path in enumerate(self.paths)}

    def _paths(self) -> list[str]:
        """An anchor stands before what has grown under it."""
        paths: list[str] = []
        top = f"{self.anchor} body " if self.anchor else ""
        for place, node in enumerate(self.fragment.nodes):
            name = self.names[place]
            scope = top if node.scope == NO_SCOPE else paths[node.scope]
            if isinstance(name, int):
                paths.append(f"{scope}[{name}]")
            else:
                is_joined = node.scope == NO_SCOPE or name.startswith("#")
                paths.append(f"{scope}{name}" if is_joined else f"{scope}/{name}")
        return paths

    def name(self, index: int) -> str:
        """What an index names, in words that mean the same on both sides."""
        place = index & LOCAL
        anchor, paths = self.frames.get(index >> FRAME_BITS, ("", []))
        if place in (STATE, WHOLE_STATE):
            return f"the state of {anchor}"
        return paths[place] if place < len(paths) else f"step number {index} of the run"

    def names_of(self, indices: Iterable[int]) -> frozenset[str]:
        """The same for many."""
        return frozenset(map(self.name, indices))

    def ordered_by(self, place: int) -> frozenset[str]:
        """What a node waits for without taking its value."""
        node, rule = self.fragment.nodes[place], self.fragment.rules.get(place)
        items = rule.items if isinstance(rule, MapSpec) else None
        return self.names_of(set(node.deps) - sources_in((node.args, node.kwargs, items)))

    def parent(self, place: int) -> str:
        """The path of the anchor it stands under."""
        scope = self.fragment.nodes[place].scope
        return "" if scope == NO_SCOPE else self.paths[scope]

    def without_partner(self, other: Side) -> list[int]:
        """Nodes whose path the other side does not have, without those under such a node."""
        alone = [place for place, path in enumerate(self.paths) if path not in other.places]
        under = set(alone)
        return [place for place in alone if self.fragment.nodes[place].scope not in under]

    def inside(self, anchor: str, body: Fragment) -> Side:
        """A body that one of its anchors grows."""
        return Side(body, anchor, self.frames)


def shown(side: Side, template: object) -> str:
    """A template as a text that is the same where it takes the same."""
    return canonical(_named(side, template))


def _named(side: Side, template: object) -> object:
    """The template with paths in place of sources. Tuples that stand for those have a mark, as no value has."""
    if isinstance(template, Source):
        return ("source", side.name(template._index), list(template._projection))
    kind = type(template)
    if kind is list:
        return [_named(side, part) for part in cast("list[object]", template)]
    if kind is tuple:
        return ("tuple", *(_named(side, part) for part in cast("tuple[object, ...]", template)))
    if kind is dict:
        return {key: _named(side, part) for key, part in cast("dict[object, object]", template).items()}
    return template


def taken(side: Side, template: object) -> str:
    """What a template takes, in few words."""
    if isinstance(template, Source):
        parts = [f".{key}" if how != "item" else f"[{key!r}]" for how, key in template._projection]
        return side.name(template._index) + "".join(parts)
    names = sorted(side.names_of(sources_in(template)))
    return f"{type(template).__name__} with {', '.join(names)}" if names else "a plain value"
