"""A graph as parts to draw: maps folded with counts, what is yet to grow shown by the body it will grow from.

A part is a step, or an anchor with the steps under it: inside it where they are few, folded into it where they are
many. Branches of a choice and the round of a loop that have not grown yet are parts as well.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

from stretto.core.graph import ANCHORS, Choice, Loop, MapSpec, Role, StepSpec, sources_in
from stretto.core.graph.fragment import NO_SCOPE
from stretto.core.graph.source import FRAME_BITS, LOCAL, STATE, WHOLE_STATE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from stretto.core.graph import Fragment, Graph, GroupSpec, Node

__all__ = ["TOP", "Part", "Parts", "parts_of"]

TOP: Final = -1
"""The key of the whole picture."""

_FEW: Final = 4  # children of a map that are shown one by one
_SOME: Final = 40  # steps under another anchor that are shown one by one
_SHOWN: Final = 150  # steps in a picture that still shows children one by one

_BRANCH: Final = StepSpec(id="branch", role=Role.GROW)


@dataclass(slots=True)
class Part:
    """Something to draw. `inside` is the key of the part around it, of a group its gate.

    `needs` has what it waits for, by key, and whether data comes from there. `count` is the number of children
    folded into it, None where nothing is; `is_open` says that children will come that nobody can count yet.
    `is_certain` is False for what may grow, once or more, or not at all.
    """

    key: int
    path: str
    label: str
    spec: StepSpec
    scope: int
    inside: int
    needs: dict[int, bool] = field(default_factory=dict)
    count: int | None = None
    is_open: bool = False
    is_certain: bool = True
    is_branch: bool = False
    is_member: bool = False
    group: GroupSpec | None = None
    notes: tuple[str, ...] = ()
    target: StepSpec | None = None
    """What a map's children run."""


@dataclass(slots=True)
class Parts:
    """All parts by key, in author order; `part_of` says in which part a step of the graph is drawn."""

    parts: dict[int, Part]
    part_of: Sequence[int]


def parts_of(graph: Graph) -> Parts:
    """What is drawn of a graph. The keys of steps are their indices."""
    reader = _Reader(len(graph))
    own = reader.add(graph.as_fragment(), _Around(TOP, "", "", is_certain=True))
    return Parts(reader.parts, own)


class _Around(NamedTuple):
    """What a body stands in, and the beginning of its steps' paths."""

    key: int
    prefix: str
    label: str
    is_certain: bool


class _Reader:
    def __init__(self, count: int) -> None:
        self.parts: dict[int, Part] = {}
        self.frames: dict[int, Sequence[int]] = {}
        self.is_small = count <= _SHOWN
        self._next = 0

    def add(self, body: Fragment, around: _Around) -> Sequence[int]:
        """Make parts of a body's nodes; gives the part of each."""
        folded = self._folded(body)
        keys = range(self._next, self._next + len(body.nodes))
        self._next += len(body.nodes)
        drawn = list(keys)
        for place, node in enumerate(body.nodes):
            if node.scope != NO_SCOPE and (node.scope in folded or drawn[node.scope] != keys[node.scope]):
                drawn[place] = drawn[node.scope]
        self.frames[max(body.frame, 0)] = drawn
        sizes = _children(body)
        for place, node in enumerate(body.nodes):
            if drawn[place] == keys[place]:
                scope = around.key if node.scope == NO_SCOPE else drawn[node.scope]
                part = self._part(keys[place], node, scope, around)
                if place in folded:
                    part.count = sizes[place]
        self._add_groups(body.groups, drawn, keys)
        for place, node in enumerate(body.nodes):
            self._connect(self.parts[drawn[place]], node, body.rules.get(place), node.scope in folded)
            if drawn[place] == keys[place]:
                self._read_rule(self.parts[keys[place]], body.rules.get(place), has_grown=place in body.known)
        return drawn

    def _folded(self, body: Fragment) -> set[int]:
        """Anchors whose children are not shown one by one."""
        below = [0] * len(body.nodes)
        for place in range(len(body.nodes) - 1, -1, -1):
            scope = body.nodes[place].scope
            if scope != NO_SCOPE:
                below[scope] += below[place] + 1
        return {
            place for place, count in enumerate(below) if count and not self._is_shown(body, place, count)
        }

    def _is_shown(self, body: Fragment, place: int, count: int) -> bool:
        is_map = body.nodes[place].spec.role is Role.MAP
        return self.is_small and count <= (_FEW if is_map else _SOME)

    def _part(self, key: int, node: Node, scope: int, around: _Around) -> Part:
        above = None if scope == around.key else self.parts[scope]
        before, start = (around.label, around.prefix) if above is None else (above.label, f"{above.path}/")
        if isinstance(node.name, int):
            path, label = f"{start.removesuffix('/')}[{node.name}]", f"{before}[{node.name}]"
        else:
            is_round = node.name.startswith("#")
            path, label = (start.removesuffix("/") if is_round else start) + node.name, node.name
        part = Part(key, path, label, node.spec, scope, scope, is_certain=around.is_certain)
        self.parts[key] = part
        return part

    def _add_groups(self, groups: Sequence[GroupSpec], drawn: Sequence[int], keys: Sequence[int]) -> None:
        for group in groups:
            gate = self.parts.get(keys[group.gate]) if group.gate >= 0 else None
            members = [self.parts[keys[member]] for member in group.members if keys[member] == drawn[member]]
            if gate is None or not members:
                continue
            gate.group = group
            for member in members:
                member.inside = gate.key
                member.is_member = True

    def _connect(self, part: Part, node: Node, rule: object, is_below_fold: bool) -> None:
        data = sources_in((node.args, tuple((node.kwargs or {}).values())))
        known = {*node.deps}
        if isinstance(rule, MapSpec):
            data |= sources_in((rule.items, tuple((rule.fixed or {}).values())))
            known |= {*rule.after, *sources_in(rule.items)}
        elif isinstance(rule, Loop):
            data |= sources_in(rule.start)
            known |= sources_in(rule.start)
        for index in sorted(known):
            key = self._key(index)
            if key is not None and key != part.key:
                part.needs[key] = part.needs.get(key, False) or index in data
        if is_below_fold and part.target is None:
            part.target = node.spec

    def _key(self, index: int) -> int | None:
        """The part of a step; None for what the round before hands on."""
        local = index & LOCAL
        drawn = self.frames.get(index >> FRAME_BITS)
        return None if local in (STATE, WHOLE_STATE) or drawn is None else drawn[local]

    def _read_rule(self, part: Part, rule: object, *, has_grown: bool) -> None:
        if isinstance(rule, MapSpec):
            part.target = rule.target
        part.is_open = part.spec.role in ANCHORS and not has_grown and part.count is None
        if has_grown:
            return
        if isinstance(rule, Choice):
            self._read_choice(part, rule)
        elif isinstance(rule, Loop):
            self._read_loop(part, rule)

    def _read_choice(self, part: Part, choice: Choice) -> None:
        labels = [str(label) for label in choice.parts]
        if not self._has_room(choice.body.nodes):
            part.notes = (f"one of {', '.join(labels)}",)
            return
        part.is_open = False
        drawn = self.add(choice.body, _Around(part.key, f"{part.path}/", part.label, is_certain=False))
        for label, places in choice.parts.items():
            branch = Part(self._next, f"{part.path}/{label}", str(label), _BRANCH, part.key, part.key)
            branch.is_branch, branch.is_certain = True, False
            self._next += 1
            self.parts[branch.key] = branch
            branch.notes = () if places else ("no steps",)
            for place in places:
                self._move_into(branch, drawn[place], part.key)

    def _move_into(self, branch: Part, key: int, choice: int) -> None:
        part = self.parts[key]
        if part.scope == choice:
            part.scope = branch.key
            part.label = part.label.removeprefix(f"{branch.label}/")
            if part.inside == choice:
                part.inside = branch.key

    def _read_loop(self, part: Part, loop: Loop) -> None:
        part.notes = (f"at most {loop.max_rounds} rounds",)
        if self._has_room(loop.body.nodes):
            part.is_open = False
            self.add(loop.body, _Around(part.key, f"{part.path}#…/", part.label, part.is_certain))

    def _has_room(self, nodes: Iterable[object]) -> bool:
        return self.is_small and 0 < len(list(nodes)) <= _SOME


def _children(body: Fragment) -> Mapping[int, int]:
    """How many children each anchor has grown."""
    return {place: len(children) for place, children in body.known.items()}
