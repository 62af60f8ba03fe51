"""`Trace`: one execution of a workflow's body, in which calling a step adds it to the graph."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING

from stretto.authoring.place import caller_place
from stretto.authoring.ref import Ref
from stretto.core.graph import Graph, GroupSpec, MapSpec, Source, StepSpec
from stretto.core.values import snapshot
from stretto.core.values.atoms import ATOMS
from stretto.errors import DefinitionError, DuplicatePathError, RefError, ValueEncodingError

if TYPE_CHECKING:
    from stretto.authoring.step import AnyStep

__all__ = ["Trace", "active_trace"]

active_trace: ContextVar[Trace | None] = ContextVar("stretto_trace", default=None)


class Trace:
    """Builds the graph. `functions` maps each spec to the step that declared it; the graph knows no code."""

    __slots__ = ("_loose", "_maybe", "_names", "functions", "graph", "group")

    def __init__(self) -> None:
        self.graph = Graph()
        self.functions: dict[StepSpec, AnyStep] = {}
        self.group: int | None = None
        self._names: set[str] = set()
        self._maybe: set[int] = set()
        self._loose: set[int] = set()  # maps whose items may be Missing, while their list always comes

    def add(
        self,
        step: AnyStep,
        name: str,
        args: tuple[object, ...],
        kwargs: dict[str, object] | None,
        deps: tuple[int, ...],
    ) -> Ref:
        """Add one use of `step`; `args` and `kwargs` are templates."""
        spec = step.spec
        self.take_name(name)
        index = self.graph.add(spec, name, args, kwargs, deps)
        self.functions.setdefault(spec, step)
        if spec.optional:
            self._add_optional(index, step)
        if self.group is not None:
            self._join_group(self.group, index, spec)
        return Ref(self, index)

    def add_map(
        self, anchor: StepSpec, name: str, rule: MapSpec, step: AnyStep, deps: tuple[int, ...]
    ) -> Ref:
        """Add the anchor of a map; its children grow under it."""
        self.take_name(name)
        index = self.graph.add(anchor, name, (), None, deps)
        self.graph.maps[index] = rule
        self.functions.setdefault(rule.target, step)
        if rule.target.optional and not rule.target.has_default:
            self._loose.add(index)
        if self.group is not None:
            self._join_group(self.group, index, anchor)
        return Ref(self, index)

    def take_name(self, name: str) -> None:
        """Claim a path segment in this scope."""
        if name in self._names:
            raise DuplicatePathError(
                f"Two uses of a step would share the path {name!r}.",
                where=caller_place(),
                mend=f'Name each use: `step.named("{name}-2")(…)`, or use `.map` for one use an item.',
            )
        self._names.add(name)

    def close(self) -> None:
        """The body has run. Refs keep their trace as long as the graph lives: let go of what is over."""
        self._names = set()

    def may_be_missing(self, ref: Source) -> bool:
        """Whether `ref` may stand for `Missing`: its step is optional, or it is one item of a map of such."""
        index = ref._index
        return index in self._maybe or (index in self._loose and bool(ref._projection))

    def may_hold_missing(self, ref: Source) -> bool:
        """Whether `ref` is the list of a map whose items may be `Missing`."""
        return ref._index in self._loose and not ref._projection

    def is_doubtful(self, index: int) -> bool:
        """Whether `Missing` may come out of this step in any way."""
        return index in self._maybe or index in self._loose

    # ---------------------------------------------------------------- templates

    def template(self, value: object, found: set[int], who: str) -> object:
        """An input as a template: Refs stay, plain values become snapshots. Indices of Refs go to `found`."""
        kind = type(value)
        if kind in ATOMS:
            return value
        if kind is Ref:
            return self.checked(value, who, found)  # type: ignore[arg-type]  # exact Ref
        if kind is list:
            return [self.template(part, found, who) for part in value]  # type: ignore[attr-defined]  # exact list
        if kind is tuple:
            return tuple(self.template(part, found, who) for part in value)  # type: ignore[attr-defined]  # exact tuple
        if kind is dict and all(type(key) in ATOMS for key in value):  # type: ignore[attr-defined]  # exact dict
            return {key: self.template(part, found, who) for key, part in value.items()}  # type: ignore[attr-defined]  # exact dict
        return self._plain(value, who)

    def checked(self, ref: Ref, who: str, found: set[int]) -> Ref:
        """A Ref of this very trace; those of another run or body mean nothing here."""
        if ref._trace is not self:
            raise RefError(
                f"{who} got {ref!r} of another run.",
                where=caller_place(),
                mend="A Ref lives in the body that made it; pass values between runs as inputs.",
            )
        found.add(ref._index)
        return ref

    def _plain(self, value: object, who: str) -> object:
        if type(value).__name__ == "Group":
            raise RefError(
                f"{who} got a group as a value.",
                where=caller_place(),
                mend="Order by it with `.after(g)`, or take the number that succeeded as `g.count`.",
            )
        try:
            return snapshot(value)
        except ValueEncodingError as error:
            if error.type_name in ("Ref", "stretto.authoring.ref.Ref") or error.type_name.endswith(".Ref"):
                raise RefError(
                    f"{who} got a Ref inside {type(value).__name__}{error.where}.",
                    where=caller_place(),
                    mend="Refs pass in list, tuple and dict only; build the object inside a step.",
                ) from None
            raise DefinitionError(
                f"{who} got a value that cannot be journaled: {error}.",
                where=caller_place(),
                mend="Pass plain data; a live object (client, connection) is a `from_engine()` parameter.",
            ) from None

    # ---------------------------------------------------------------- optional steps and groups

    def _add_optional(self, index: int, step: AnyStep) -> None:
        if step.spec.has_default:
            self.graph.defaults[index] = step.default_value()
        else:
            self._maybe.add(index)

    def _join_group(self, number: int, index: int, spec: StepSpec) -> None:
        self.graph.groups[number].members.append(index)
        self.graph.group_of[index] = number
        if not spec.has_default:
            self._maybe.add(index)

    def open_group(self, name: str, within: float | None, min_success: int | None) -> int:
        """Start a group; what is added until `close_group` belongs to it."""
        if self.group is not None:
            outer = self.graph.groups[self.group].name
            raise DefinitionError(
                f"Group {name!r} stands inside group {outer!r}.",
                where=caller_place(),
                mend="Groups do not nest: close the outer one first.",
            )
        self.graph.groups.append(GroupSpec(name, within, min_success))
        self.group = len(self.graph.groups) - 1
        return self.group

    def close_group(self, number: int, gate: StepSpec) -> Ref:
        """End the open group and add its gate behind the members."""
        group = self.graph.groups[number]
        self.group = None
        wanted = group.min_success
        if not group.members:
            raise DefinitionError(
                f"Group {group.name!r} has no steps.",
                where=caller_place(),
                mend="Call its steps inside the `with`.",
            )
        if wanted is not None and wanted > len(group.members):
            raise DefinitionError(
                f"Group {group.name!r} wants {wanted} successes of {len(group.members)} steps.",
                where=caller_place(),
                mend=f"Give min_success={len(group.members)} or less.",
            )
        self.take_name(group.name)
        group.gate = self.graph.add(gate, group.name, (), None, tuple(group.members))
        return Ref(self, group.gate)
