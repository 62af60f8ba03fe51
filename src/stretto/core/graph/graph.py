"""`Graph`: the steps of one run as columns. It grows; it never shrinks and never reorders."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stretto.core.graph.fragment import (
    CHILDREN,
    NO_FRAME,
    NO_SCOPE,
    Choice,
    Fragment,
    GroupSpec,
    Loop,
    MapSpec,
    Node,
)
from stretto.core.graph.rebase import Rebase
from stretto.core.graph.source import framed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stretto.core.graph.spec import StepSpec

__all__ = ["Body", "Graph"]


class Graph:
    """Columns by step index; index order is author order for what was traced, growth order for the rest.

    `maps` and `bodies` say what anchors grow, `children` what they have grown, `outputs` what their value is
    made of where it is not the list of their children's, `looks` the child whose end starts them again.

    Memory matters here: 100 000 steps are normal, so a column holds the smallest thing that will do. A
    consumer column entry is None, one index, or a list of them.
    """

    __slots__ = (
        "_index_of",
        "args",
        "bodies",
        "children",
        "consumers",
        "defaults",
        "deps",
        "group_of",
        "groups",
        "kwargs",
        "looks",
        "maps",
        "names",
        "output",
        "outputs",
        "scopes",
        "specs",
    )

    def __init__(self) -> None:
        self.specs: list[StepSpec] = []
        self.names: list[str | int] = []
        self.scopes: list[int] = []
        self.args: list[tuple[object, ...]] = []
        self.kwargs: list[dict[str, object] | None] = []
        self.deps: list[tuple[int, ...]] = []
        self.consumers: list[int | list[int] | None] = []
        self.groups: list[GroupSpec] = []
        self.group_of: dict[int, int] = {}
        self.defaults: dict[int, object] = {}
        self.maps: dict[int, MapSpec] = {}
        self.bodies: dict[int, Choice | Loop] = {}
        self.children: dict[int, Sequence[int]] = {}
        self.outputs: dict[int, object] = {}
        self.looks: dict[int, int] = {}
        self.output: object = None
        self._index_of: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self.specs)

    def add(
        self,
        spec: StepSpec,
        name: str | int,
        args: tuple[object, ...],
        kwargs: dict[str, object] | None,
        deps: tuple[int, ...],
        scope: int = NO_SCOPE,
    ) -> int:
        """Append one use of a step and give its index."""
        index = len(self.specs)
        self.specs.append(spec)
        self.names.append(name)
        self.scopes.append(scope)
        self.args.append(args)
        self.kwargs.append(kwargs)
        self.deps.append(deps)
        consumers = self.consumers
        consumers.append(None)
        for dep in deps:
            known = consumers[dep]
            if known is None:
                consumers[dep] = index
            else:
                self._add_consumer(dep, index)
        return index

    def _add_consumer(self, dep: int, index: int) -> None:
        known = self.consumers[dep]
        if known is None:
            self.consumers[dep] = index
        elif type(known) is list:
            known.append(index)
        else:
            self.consumers[dep] = [known, index]  # type: ignore[list-item]  # neither None nor a list: one index

    @property
    def frame(self) -> int:
        """Which body this is; 0 is the run itself."""
        return 0

    def grow(self, anchor: int, fragment: Fragment) -> range:
        """Append a fragment's nodes under `anchor`; gives their indices. An anchor may grow more than once."""
        base = len(self.specs)
        added = range(base, base + len(fragment.nodes))
        if fragment.frame == NO_FRAME:
            for node in fragment.nodes:
                self.add(node.spec, node.name, node.args, node.kwargs, node.deps, anchor)
            own: Sequence[int] = added
        else:
            own = self._grow_framed(anchor, fragment, base)
        for place, default in fragment.defaults.items():
            self.defaults[base + place] = default
        before = self.children.get(anchor)
        self.children[anchor] = (*before, *own) if before else own
        return added

    def _grow_framed(self, anchor: int, fragment: Fragment, base: int) -> Sequence[int]:
        moved = Rebase(fragment.frame, framed(self.frame, base))
        own: list[int] = []
        for place, node in enumerate(fragment.nodes):
            if node.scope == NO_SCOPE:
                own.append(base + place)
            scope = anchor if node.scope == NO_SCOPE else base + node.scope
            kwargs = None if node.kwargs is None else moved.named(node.kwargs)
            self.add(
                node.spec, node.name, moved.templates(node.args), kwargs, moved.indices(node.deps), scope
            )
        for place, rule in fragment.rules.items():
            if isinstance(rule, MapSpec):
                self.maps[base + place] = moved.map_rule(rule)
            elif isinstance(rule, (Choice, Loop)):
                self.bodies[base + place] = moved.body_rule(rule)
        for place, children in fragment.known.items():
            self.children[base + place] = [base + child for child in children]
        for place, output in fragment.outputs.items():
            self.outputs[base + place] = moved.template(output)
        if fragment.output is not CHILDREN:
            self.outputs[anchor] = moved.template(fragment.output)
        self.looks.pop(anchor, None)
        if fragment.looks_at is not None:
            self.looks[anchor] = base + fragment.looks_at
            self._add_consumer(base + fragment.looks_at, anchor)
        for group in fragment.groups:
            self._add_group(group, base)
        return own

    def _add_group(self, group: GroupSpec, base: int) -> None:
        members = [base + place for place in group.members]
        for member in members:
            self.group_of[member] = len(self.groups)
        self.groups.append(GroupSpec(group.name, group.within, group.min_success, base + group.gate, members))

    def copy(self) -> Graph:
        """The same steps in columns of their own: growing one leaves the other as it is."""
        other = Graph()
        other.specs, other.names, other.scopes = self.specs.copy(), self.names.copy(), self.scopes.copy()
        other.args, other.kwargs, other.deps = self.args.copy(), self.kwargs.copy(), self.deps.copy()
        other.consumers = [known.copy() if isinstance(known, list) else known for known in self.consumers]
        other.groups, other.group_of = self.groups.copy(), self.group_of.copy()
        other.defaults, other.maps, other.bodies = self.defaults.copy(), self.maps.copy(), self.bodies.copy()
        other.children, other.outputs, other.looks = (
            self.children.copy(),
            self.outputs.copy(),
            self.looks.copy(),
        )
        other.output = self.output
        return other

    def is_optional(self, index: int) -> bool:
        """Whether the run may go on without this step: declared so, or a member of a group."""
        return self.specs[index].optional or index in self.group_of

    def group_number(self, index: int) -> int | None:
        """The group a step belongs to, by itself or through the anchor it grew under."""
        while index != NO_SCOPE:
            number = self.group_of.get(index)
            if number is not None:
                return number
            index = self.scopes[index]
        return None

    def groups_around(self, index: int) -> list[int]:
        """All groups whose deadline covers a step, the innermost first."""
        found: list[int] = []
        while index != NO_SCOPE:
            number = self.group_of.get(index)
            if number is not None:
                found.append(number)
            index = self.scopes[index]
        return found

    def consumers_of(self, index: int) -> Sequence[int]:
        """Who waits for this step."""
        known = self.consumers[index]
        if known is None:
            return ()
        return known if isinstance(known, list) else (known,)

    def path(self, index: int) -> str:
        """The step's path: declared id, map index, loop round: ``sections/write[3]``, ``review#2/critic``."""
        name = self.names[index]
        scope = self.scopes[index]
        if isinstance(name, int):
            return f"{self.path(scope)}[{name}]"
        if scope == NO_SCOPE:
            return name
        return f"{self.path(scope)}{name}" if name.startswith("#") else f"{self.path(scope)}/{name}"

    def index_of(self, path: str) -> int | None:
        """The step at `path`, or None."""
        for index in range(len(self._index_of), len(self.specs)):
            self._index_of[self.path(index)] = index
        return self._index_of.get(path)

    def node(self, index: int) -> Node:
        """One step's columns together."""
        return Node(
            self.specs[index],
            self.names[index],
            self.args[index],
            self.kwargs[index],
            self.deps[index],
            self.scopes[index],
        )

    def as_fragment(self) -> Fragment:
        """All of this graph as something that grows elsewhere."""
        return Fragment(
            tuple(self.node(index) for index in range(len(self.specs))),
            self.defaults,
            self.frame,
            {**self.maps, **self.bodies},
            self.children,
            tuple(self.groups),
            self.output,
            self.outputs,
        )

    def author_order(self, index: int) -> tuple[int, ...]:
        """Sorts steps as their author wrote them: grown children stand where their anchor stands."""
        scope = self.scopes[index]
        return (index,) if scope == NO_SCOPE else (*self.author_order(scope), index)

    def is_anchor(self, index: int) -> bool:
        """Whether the step's value is made of its children's."""
        return index in self.children or self.specs[index].is_anchor

    def edges(self) -> tuple[list[tuple[int, ...]], list[tuple[int, ...]]]:
        """(deps, consumers) for measuring paths: an anchor hands over when its last child has settled.

        Children depend on what they name; an anchor that has grown depends on its children alone, so that the
        edges stay acyclic and a path runs through the work, not around it.
        """
        deps = [tuple(dep for dep in self._path_deps(index)) for index in range(len(self.specs))]
        outs: list[list[int]] = [[] for _ in deps]
        for index, needed in enumerate(deps):
            for dep in needed:
                outs[dep].append(index)
        return deps, [tuple(out) for out in outs]

    def _path_deps(self, index: int) -> Sequence[int]:
        children = self.children.get(index)
        if children is not None:
            return children if len(children) else self._outer_deps(index)
        return self._outer_deps(index)

    def _outer_deps(self, index: int) -> Sequence[int]:
        own = self.deps[index]
        scope = self.scopes[index]
        return own if own or scope == NO_SCOPE else self._outer_deps(scope)


class Body(Graph):
    """Steps that are yet to grow: their edges may lead out of the body, to steps of bodies around it."""

    __slots__ = ("_frame",)

    def __init__(self, frame: int) -> None:
        super().__init__()
        self._frame = frame

    @property
    def frame(self) -> int:
        """Which body this is."""
        return self._frame

    def add(
        self,
        spec: StepSpec,
        name: str | int,
        args: tuple[object, ...],
        kwargs: dict[str, object] | None,
        deps: tuple[int, ...],
        scope: int = NO_SCOPE,
    ) -> int:
        """Append one use of a step; nobody runs a body, and so it has no consumers."""
        index = super().add(spec, name, args, kwargs, (), scope)
        self.deps[index] = deps
        return index
