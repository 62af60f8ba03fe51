"""`Trace`: one execution of a workflow's body, in which calling a step adds it to the graph."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, TypeVar

from stretto.authoring.order import Order
from stretto.authoring.place import caller_place
from stretto.authoring.ref import Ref
from stretto.core.graph import Body, Graph, GroupSpec, MapSpec, Source, StepSpec, narrowed, sources_in
from stretto.core.graph.source import FRAME_BITS, LOCAL, STATE, WHOLE_STATE, framed
from stretto.core.values import snapshot
from stretto.core.values.atoms import ATOMS
from stretto.errors import DefinitionError, DuplicatePathError, RefError, ValueEncodingError

if TYPE_CHECKING:
    from collections.abc import Callable

    from stretto.authoring.step import AnyStep

__all__ = ["Trace", "active_trace"]

T = TypeVar("T")

MOST_DEEP = 50

active_trace: ContextVar[Trace | None] = ContextVar("stretto_trace", default=None)


class Trace:
    """Builds the graph. `functions` maps each spec to the step that declared it; the graph knows no code.

    A body that is yet to grow (a branch, a round) is traced inside the trace around it: it may use its Refs,
    but nobody outside may use those made inside.
    """

    __slots__ = (
        "_depth",
        "_family",
        "_first",
        "_loose",
        "_maybe",
        "_names",
        "_order",
        "_parent",
        "frame",
        "functions",
        "graph",
        "group",
        "is_plain",
        "prefix",
    )

    def __init__(self, parent: Trace | None = None, *, around: Trace | None = None) -> None:
        """`parent` lends its Refs to this body; `around` is where a nested workflow, which sees none, will
        stand."""
        near = parent or around
        self._parent = parent
        self._family: list[Trace] = [] if near is None else near._family
        self._first = 0  # what was added before belongs to another branch
        self._depth: int = 0 if near is None else near._depth + 1
        self._family.append(self)
        self.frame = len(self._family) - 1
        self.graph = Graph() if near is None else Body(self.frame)
        self.functions: dict[StepSpec, AnyStep] = {} if near is None else near.functions
        self.group: int | None = None
        self.prefix = ""
        self._names: set[str] = set()
        self._maybe: set[int] = set()
        self._loose: set[int] = set()  # maps whose items may be Missing, while their list always comes
        self._order = Order()
        self.is_plain = True  # whether any Ref of this trace is all there is to know about an input

    def path(self, index: int) -> str:
        """The path of a step of this trace or one around it, as far as it is known by now."""
        owner = self._family[index >> FRAME_BITS]
        local = index & LOCAL
        return "(the round before)" if local == STATE else owner.graph.path(local)

    def ref(self, local: int) -> Ref:
        """The Ref to this trace's own step number `local`."""
        return Ref(self, self.frame << FRAME_BITS | local)

    def children_of(self, ref: Source) -> list[Ref] | None:
        """The children of an anchor that has grown already; None for everything else."""
        owner = self._family[ref._index >> FRAME_BITS]
        known = owner.graph.children.get(ref._index & LOCAL)
        return None if known is None else [owner.ref(child) for child in known]

    def is_map(self, ref: Source) -> bool:
        """Whether `ref` is the list of a map."""
        return ref._index & LOCAL in self._family[ref._index >> FRAME_BITS].graph.maps

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
        name = self.take_name(name)
        if spec.reads or spec.writes:
            deps = self.ordered(spec.reads, spec.writes, deps)
        index = self.graph.add(spec, name, args, kwargs, deps)
        self.functions.setdefault(spec, step)
        if spec.optional:
            self._add_optional(index, step)
        if self.group is not None:
            self._join_group(self.group, index, spec)
        return Ref(self, self.frame << FRAME_BITS | index)

    def ordered(
        self, reads: tuple[str, ...], writes: tuple[str, ...], deps: tuple[int, ...]
    ) -> tuple[int, ...]:
        """What the step that is added next waits for, those before it that touch the same things included."""
        index = framed(self.frame, len(self.graph))
        return tuple(sorted({*deps, *self._order.before(index, reads, writes)}))

    def check_depth(self, what: str) -> None:
        """Raises DefinitionError where bodies stand in bodies without an end."""
        if self._depth > MOST_DEEP:
            raise DefinitionError(
                f"{what} stands inside {self._depth} others; does a workflow call itself with plain inputs?",
                where=caller_place(),
                mend="Give the inner use a Ref, so that it is traced when its inputs exist, or use `repeat`.",
            )

    def grow_known(self, anchor: Ref, inner: Trace) -> None:
        """Let an anchor grow now what `inner` has traced."""
        base = len(self.graph)
        self.graph.grow(anchor._index & LOCAL, inner.graph.as_fragment())
        self._maybe.update(base + local for local in inner._maybe)
        self._loose.update(base + local for local in inner._loose)
        self.is_plain = False  # what Refs to it stand for is to be looked up

    @property
    def touched(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """(reads, writes) of all that was added."""
        return self._order.touched

    def add_anchor(self, spec: StepSpec, name: str, args: tuple[object, ...], deps: tuple[int, ...]) -> Ref:
        """Add an anchor whose rule the caller knows."""
        name = self.take_name(name)
        index = self.graph.add(spec, name, args, None, self.ordered(spec.reads, spec.writes, deps))
        if self.group is not None:
            self._join_group(self.group, index, spec)
        return self.ref(index)

    def add_map(
        self, anchor: StepSpec, name: str, rule: MapSpec, step: AnyStep, deps: tuple[int, ...]
    ) -> Ref:
        """Add the anchor of a map; its children grow under it."""
        name = self.take_name(name)
        index = self.graph.add(anchor, name, (), None, deps)
        self.graph.maps[index] = rule
        self.functions.setdefault(rule.target, step)
        if rule.target.optional and not rule.target.has_default:
            self._loose.add(index)
            self.is_plain = False
        if self.group is not None:
            self._join_group(self.group, index, anchor)
        return self.ref(index)

    def take_name(self, name: str) -> str:
        """Claim a path segment in this scope; gives it with the scope's prefix."""
        full = self.prefix + name
        if full in self._names:
            raise DuplicatePathError(
                f"Two uses of a step would share the path {full!r}.",
                where=caller_place(),
                mend=f'Name each use: `step.named("{name}-2")(…)`, `name="{name}-2"` for choose, repeat, expand and '
                "group, or use `.map` for one use an item.",
            )
        self._names.add(full)
        return full

    # ---------------------------------------------------------------- bodies that are yet to grow

    def wired(self, wire: Callable[[], T]) -> T:
        """Let `wire` add its steps here."""
        token = active_trace.set(self)
        try:
            made = wire()
        finally:
            active_trace.reset(token)
        self.check_groups()
        return made

    def check_groups(self) -> None:
        """Raises DefinitionError if a group's block was left by an error that somebody swallowed: what follows
        would belong to it."""
        if self.group is not None:
            raise DefinitionError(
                f"The block of group {self.graph.groups[self.group].name!r} did not come to its end.",
                where=caller_place(),
                mend="Use `with group(…)`, and let errors inside it pass.",
            )

    def begin_branch(self, prefix: str) -> None:
        """What follows is one of several branches of which one will run: they order nothing between them, and
        none may use another's Refs."""
        self.prefix = prefix
        self._first = len(self.graph)
        self.is_plain = False  # whose branch a Ref belongs to is to be looked up
        self._order = Order(self._order)

    def output_of(self, branch: Callable[[], object], who: str) -> object:
        """What a branch gives, as a template."""
        return self.wired(lambda: self.template(branch(), set(), f"{who}, result,"))

    def is_maybe(self, template: object) -> bool:
        """Whether `Missing` may stand in a template's place, or anywhere in it."""
        return any(map(self.is_doubtful, sources_in(template)))

    def mark_maybe(self, ref: Ref) -> None:
        """`Missing` may come out of this anchor."""
        self._maybe.add(ref._index & LOCAL)
        self.is_plain = False

    def close(self) -> None:
        """The body has run. Refs keep their trace as long as the graph lives: let go of what is over."""
        self._names = set()

    def may_be_missing(self, ref: Source) -> bool:
        """Whether `ref` may stand for `Missing`: its step is optional, or it is one item of a map of such."""
        owner, local = self._family[ref._index >> FRAME_BITS], ref._index & LOCAL
        return local in owner._maybe or (local in owner._loose and bool(ref._projection))

    def may_hold_missing(self, ref: Source) -> bool:
        """Whether `ref` is the list of a map whose items may be `Missing`."""
        owner = self._family[ref._index >> FRAME_BITS]
        return ref._index & LOCAL in owner._loose and not ref._projection

    def is_doubtful(self, index: int) -> bool:
        """Whether `Missing` may come out of this step in any way."""
        owner, local = self._family[index >> FRAME_BITS], index & LOCAL
        return local in owner._maybe or local in owner._loose

    # ---------------------------------------------------------------- templates

    def template(self, value: object, found: set[int], who: str) -> object:
        """An input as a template: Refs stay, plain values become snapshots. Indices of Refs go to `found`."""
        kind = type(value)
        if kind in ATOMS:
            return value
        if kind is Ref:
            return self._through(self.checked(value, who), found)  # type: ignore[arg-type]  # exact Ref
        if kind is list and self.is_plain and _all_refs_of(self, value):  # type: ignore[arg-type]  # exact list
            found.update([ref._index for ref in value])  # type: ignore[attr-defined]  # Refs, as was looked
            return value.copy()  # type: ignore[attr-defined]  # exact list
        if kind is list:
            return [self.template(part, found, who) for part in value]  # type: ignore[attr-defined]  # exact list
        if kind is tuple:
            return tuple(self.template(part, found, who) for part in value)  # type: ignore[attr-defined]  # exact tuple
        if kind is dict and all(type(key) in ATOMS for key in value):  # type: ignore[attr-defined]  # exact dict
            return {key: self.template(part, found, who) for key, part in value.items()}  # type: ignore[attr-defined]  # exact dict
        return self._plain(value, who)

    def waited_for(self, ref: Ref, who: str) -> int:
        """What a step that is ordered after `ref` waits for."""
        index = self.checked(ref, who)._index
        return index - STATE + WHOLE_STATE if index & LOCAL == STATE else index

    def checked(self, ref: Ref, who: str) -> Ref:
        """A Ref of this trace or one around it; those of other runs, or of a body inside, mean nothing here."""
        around: Trace | None = self
        while around is not None:
            if ref._trace is around and ref._index & LOCAL >= around._first:
                return ref
            around = around._parent
        if ref._trace in self._family:
            raise RefError(
                f"{who} got {ref!r}, which was made inside a branch or a round.",
                where=caller_place(),
                mend="Return it from that body, and use what `choose` or `repeat` gives.",
            )
        raise RefError(
            f"{who} got {ref!r} of another run.",
            where=caller_place(),
            mend="A Ref lives in the body that made it; pass values between runs as inputs.",
        )

    def _through(self, ref: Ref, found: set[int]) -> object:
        """What a Ref to a nested workflow stands for, as far as it is known: its steps need not wait for all of
        the others in it."""
        owner, local = ref._trace, ref._index & LOCAL
        if local in owner.graph.outputs and not owner.may_be_missing(ref):
            try:
                template = narrowed(owner.graph.outputs[local], ref._projection)
            except (AttributeError, KeyError, IndexError, TypeError):
                template = ref  # it will fail as steps fail, when the run has come there
            if template is not ref:
                found |= sources_in(template)
                return template
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
            self.is_plain = False

    def _join_group(self, number: int, index: int, spec: StepSpec) -> None:
        self.graph.groups[number].members.append(index)
        self.graph.group_of[index] = number
        if not spec.has_default:
            self._maybe.add(index)
            self.is_plain = False

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
        name = self.take_name(group.name)
        members = tuple(framed(self.frame, member) for member in group.members)
        group.gate = self.graph.add(gate, name, (), None, members)
        return self.ref(group.gate)


def _all_refs_of(trace: Trace, values: list[object]) -> bool:
    for value in values:  # noqa: SIM110  # a generator takes 50 ns more a Ref
        if type(value) is not Ref or value._trace is not trace:
            return False
    return True
