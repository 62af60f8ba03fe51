"""`Graph`: the steps of one run as columns. It grows; it never shrinks and never reorders."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from stretto.core.graph.fragment import Fragment, Node
from stretto.core.graph.spec import Role, StepSpec

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Graph", "GroupSpec", "MapSpec"]

NO_SCOPE = -1


@dataclass(slots=True)
class GroupSpec:
    """A block of optional steps with a deadline (seconds) and a threshold. `gate` is the index of its
    gate."""

    name: str
    within: float | None
    min_success: int | None
    gate: int = -1
    members: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class MapSpec:
    """What an anchor grows: one use of `target` an item of its input, with `fixed` other arguments."""

    target: StepSpec
    items: object
    fixed: dict[str, object] | None
    after: tuple[int, ...]
    shape_of: int | None
    default: tuple[object, ...]


class Graph:
    """Columns by step index; index order is author order for what was traced, growth order for the rest.

    Memory matters here: 100 000 steps are normal, so a column holds the smallest thing that will do. A
    consumer column entry is None, one index, or a list of them.
    """

    __slots__ = (
        "_index_of",
        "args",
        "children",
        "consumers",
        "defaults",
        "deps",
        "group_of",
        "groups",
        "kwargs",
        "maps",
        "names",
        "output",
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
        self.children: dict[int, range] = {}
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
            elif type(known) is list:
                known.append(index)
            else:
                consumers[dep] = [known, index]  # type: ignore[list-item]  # neither None nor a list: one index
        return index

    def grow(self, anchor: int, fragment: Fragment) -> range:
        """Append a fragment's nodes under `anchor`; gives their indices."""
        base = len(self.specs)
        for node in fragment.nodes:
            self.add(node.spec, node.name, node.args, node.kwargs, node.deps, anchor)
        for offset, default in fragment.defaults.items():
            self.defaults[base + offset] = default
        self.children[anchor] = range(base, base + len(fragment.nodes))
        return self.children[anchor]

    def copy(self) -> Graph:
        """The same steps in columns of their own: growing one leaves the other as it is."""
        other = Graph()
        other.specs, other.names, other.scopes = self.specs.copy(), self.names.copy(), self.scopes.copy()
        other.args, other.kwargs, other.deps = self.args.copy(), self.kwargs.copy(), self.deps.copy()
        other.consumers = [known.copy() if isinstance(known, list) else known for known in self.consumers]
        other.groups, other.group_of = self.groups, self.group_of  # growth adds no members
        other.defaults, other.maps = self.defaults.copy(), self.maps.copy()
        other.children, other.output = self.children.copy(), self.output
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

    def consumers_of(self, index: int) -> Sequence[int]:
        """Who waits for this step."""
        known = self.consumers[index]
        if known is None:
            return ()
        return known if isinstance(known, list) else (known,)

    def path(self, index: int) -> str:
        """The step's path: declared id, map index, in its scope, e.g. ``sections/write[3]``."""
        name = self.names[index]
        scope = self.scopes[index]
        if isinstance(name, int):
            return f"{self.path(scope)}[{name}]"
        return name if scope == NO_SCOPE else f"{self.path(scope)}/{name}"

    def index_of(self, path: str) -> int | None:
        """The step at `path`, or None."""
        for index in range(len(self._index_of), len(self.specs)):
            self._index_of[self.path(index)] = index
        return self._index_of.get(path)

    def node(self, index: int) -> Node:
        """One step's columns together."""
        return Node(
            self.specs[index], self.names[index], self.args[index], self.kwargs[index], self.deps[index]
        )

    def author_order(self, index: int) -> tuple[int, ...]:
        """Sorts steps as their author wrote them: grown children stand where their anchor stands."""
        scope = self.scopes[index]
        return (index,) if scope == NO_SCOPE else (*self.author_order(scope), index)

    def is_anchor(self, index: int) -> bool:
        """Whether the step's value is made of its children's."""
        return index in self.children or self.specs[index].role is Role.MAP

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
