"""What has changed between two traces of a workflow: which steps are the same, and what differs, in sentences.

Nodes are paired by path, so the order in which an author wrote them does not matter; sources are compared by the
path of the step that they name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from stretto.core.graph.fragment import CHILDREN, Choice, Fragment, Loop, MapSpec
from stretto.core.graph.options import changed_options, contrast, length
from stretto.core.graph.sides import Side, shown, taken
from stretto.core.graph.template import sources_in
from stretto.core.values.comparing import equal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from stretto.core.graph.fragment import GroupSpec, Node
    from stretto.core.graph.graph import Graph
    from stretto.core.graph.spec import StepSpec

__all__ = ["Comparison", "Difference", "compare"]


class Difference(NamedTuple):
    """One difference; `str` of it is a sentence.

    `kind` is added, removed, renamed, option (of a declaration, a group, a loop), wiring (what it waits for or
    takes) or input (a plain value). `path` is the step's in the old graph, in the new one if it was added, "" for
    the whole. A step of a body that is yet to grow is ``anchor body name``.
    """

    kind: str
    path: str
    what: str

    def __str__(self) -> str:
        who = f"step {self.path}" if self.path else "the workflow"
        return f"{who} {self.what}" if self.kind in _WHOLE_STEPS else f"{who}: {self.what}"


class Comparison(NamedTuple):
    """`pairs` are declarations, old to new, of all nodes of equal path, and of what their rules grow."""

    pairs: dict[StepSpec, StepSpec]
    differences: tuple[Difference, ...]


def compare(old: Graph | Fragment, new: Graph | Fragment) -> Comparison:
    """Compare two graphs, or two fragments that grew under the same anchor.

    Places of the run outside of two fragments are taken for the same where they have the same index.
    """
    walk = _Walk()
    walk.bodies(Side(_fragment_of(old)), Side(_fragment_of(new)))
    return Comparison(walk.pairs, tuple(walk.differences))


_WHOLE_STEPS: Final = frozenset(("added", "removed", "renamed"))


def _fragment_of(graph: Graph | Fragment) -> Fragment:
    return graph if isinstance(graph, Fragment) else graph.as_fragment()


class _Walk:
    """A comparison in progress."""

    def __init__(self) -> None:
        self.pairs: dict[StepSpec, StepSpec] = {}
        self.differences: list[Difference] = []
        self._reported: set[tuple[StepSpec, StepSpec]] = set()

    def _say(self, kind: str, path: str, what: str) -> None:
        self.differences.append(Difference(kind, path, what))

    # ---------------------------------------------------------------- bodies

    def bodies(self, old: Side, new: Side) -> None:
        """Compare two bodies, node by node, in the old one's author order."""
        was = list(old.paths)
        while found := _renames(old, new):
            for place, name in found.items():
                self._say("renamed", was[place], f"was renamed to {name}")
            old.rename(found)
        for place in old.without_partner(new):
            self._say("removed", old.paths[place], "was removed")
        for place, path in enumerate(old.paths):
            partner = new.places.get(path)
            if partner is not None:
                self._nodes(old, place, new, partner, is_paired=was[place] == path)
        for place in new.without_partner(old):
            self._say("added", new.paths[place], "was added")
        self._groups(old, new)
        self._results(old, new)

    def _nodes(self, old: Side, place: int, new: Side, partner: int, *, is_paired: bool) -> None:
        path = new.paths[partner]
        left, right = old.fragment.nodes[place], new.fragment.nodes[partner]
        self._specs(left.spec, right.spec, path, is_paired=is_paired)
        self._waiting(path, old.ordered_by(place), new.ordered_by(partner))
        for name, mine, yours in _aligned(_inputs(left), _inputs(right)):
            self._templates(path, name, (old, mine), (new, yours))
        self._defaults(
            path, _value_at(old.fragment.defaults, place), _value_at(new.fragment.defaults, partner)
        )
        if left.spec.role is right.spec.role:
            rules = old.fragment.rules.get(place), new.fragment.rules.get(partner)
            self._rules(path, (old, rules[0]), (new, rules[1]))
        outputs = (_value_at(side.fragment.outputs, at) for side, at in ((old, place), (new, partner)))
        self._outputs(path, old, new, *outputs)

    def _specs(self, old: StepSpec, new: StepSpec, path: str, *, is_paired: bool = True) -> None:
        if is_paired and self.pairs.setdefault(old, new) is not new:
            self._say(
                "option", path, f"is not the same declaration of {old.id} as in its other uses any more"
            )
        if (old, new) in self._reported:
            return  # what differs in a declaration is said once, at its first use
        self._reported.add((old, new))
        if is_paired and old.id != new.id:
            self._say("option", path, f"id {old.id} -> {new.id}")
        for what in changed_options(old, new):
            self._say("option", path, what)

    def _waiting(self, path: str, old: frozenset[str], new: frozenset[str]) -> None:
        for name in sorted(old - new):
            self._say("wiring", path, f"does not wait for {name} any more")
        for name in sorted(new - old):
            self._say("wiring", path, f"waits for {name} now")

    def _defaults(self, path: str, old: tuple[object, ...], new: tuple[object, ...]) -> None:
        if old and new and not equal(old[0], new[0]):
            self._say("option", path, f"default {contrast(old[0], new[0])}")

    def _groups(self, old: Side, new: Side) -> None:
        theirs = {new.paths[group.gate]: group for group in new.fragment.groups}
        for mine in old.fragment.groups:
            path = old.paths[mine.gate]
            yours = theirs.get(path)
            if yours is not None:
                self._group(path, (old, mine), (new, yours))

    def _group(self, path: str, old: tuple[Side, GroupSpec], new: tuple[Side, GroupSpec]) -> None:
        mine, yours = old[1], new[1]
        if mine.within != yours.within:
            self._say("option", path, f"within {length(mine.within)} -> {length(yours.within)}")
        if mine.min_success != yours.min_success:
            self._say("option", path, f"min_success {contrast(mine.min_success, yours.min_success)}")
        members = [{side.paths[place] for place in group.members} for side, group in (old, new)]
        for name in sorted(members[0] - members[1]):
            self._say("wiring", path, f"{name} is not in this group any more")
        for name in sorted(members[1] - members[0]):
            self._say("wiring", path, f"{name} is in this group now")

    def _results(self, old: Side, new: Side) -> None:
        left, right = (_output(side.fragment) for side in (old, new))
        self._outputs(new.anchor, old, new, left, right)
        if old.fragment.renews is not new.fragment.renews:
            self._say("option", new.anchor, f"a new plan after a loss {contrast(*_renewing(old, new))}")

    def _outputs(
        self, path: str, old: Side, new: Side, left: tuple[object, ...], right: tuple[object, ...]
    ) -> None:
        if len(left) != len(right):
            self._say("wiring", path, "its result is not made of the same steps any more")
        elif left:
            self._templates(path, "its result", (old, left[0]), (new, right[0]))

    # ---------------------------------------------------------------- what anchors grow

    def _rules(self, path: str, old: tuple[Side, object], new: tuple[Side, object]) -> None:
        (mine, left), (yours, right) = old, new
        if isinstance(left, MapSpec) and isinstance(right, MapSpec):
            self._maps(path, (mine, left), (yours, right))
        elif isinstance(left, Choice) and isinstance(right, Choice):
            self._choices(path, (mine, left), (yours, right))
        elif isinstance(left, Loop) and isinstance(right, Loop):
            self._loops(path, (mine, left), (yours, right))
        elif left is not None or right is not None:
            self._say("wiring", path, "it is known at another time which items it has")

    def _maps(self, path: str, old: tuple[Side, MapSpec], new: tuple[Side, MapSpec]) -> None:
        (mine, left), (yours, right) = old, new
        each = f"{path}[*]"
        self._specs(left.target, right.target, each)
        self._templates(path, "its items", (mine, left.items), (yours, right.items))
        for name, before, after in _aligned(left.fixed or {}, right.fixed or {}):
            self._templates(each, f"argument {name}", (mine, before), (yours, after))
        self._waiting(each, mine.names_of(_only_after(left)), yours.names_of(_only_after(right)))
        shapes = [
            None if rule.shape_of is None else side.name(rule.shape_of)
            for side, rule in ((mine, left), (yours, right))
        ]
        if shapes[0] != shapes[1]:
            self._say("wiring", path, f"has as many items as {contrast(*shapes)}")
        self._defaults(each, left.default, right.default)

    def _choices(self, path: str, old: tuple[Side, Choice], new: tuple[Side, Choice]) -> None:
        (mine, left), (yours, right) = old, new
        labels = [sorted(map(repr, rule.outputs)) for rule in (left, right)]
        if labels[0] != labels[1]:
            self._say("option", path, f"branches {', '.join(labels[0])} -> {', '.join(labels[1])}")
        if left.otherwise != right.otherwise:
            self._say("option", path, f"otherwise {contrast(left.otherwise, right.otherwise)}")
        inner = mine.inside(path, left.body), yours.inside(path, right.body)
        self.bodies(*inner)
        for label, output in left.outputs.items():
            if label in right.outputs:
                name = f"the result of branch {label!r}"
                self._templates(path, name, (inner[0], output), (inner[1], right.outputs[label]))

    def _loops(self, path: str, old: tuple[Side, Loop], new: tuple[Side, Loop]) -> None:
        (mine, left), (yours, right) = old, new
        if left.max_rounds != right.max_rounds:
            self._say("option", path, f"max_rounds {contrast(left.max_rounds, right.max_rounds)}")
        if left.keeps_last is not right.keeps_last:
            words = ["'last'" if rule.keeps_last else "'fail'" for rule in (left, right)]
            self._say("option", path, f"on_exhausted {words[0]} -> {words[1]}")
        self._templates(path, "what the first round gets", (mine, left.start), (yours, right.start))
        inner = mine.inside(path, left.body), yours.inside(path, right.body)
        self.bodies(*inner)
        self._templates(path, "its verdict", (inner[0], left.verdict), (inner[1], right.verdict))

    # ---------------------------------------------------------------- templates

    def _templates(self, path: str, name: str, old: tuple[Side, object], new: tuple[Side, object]) -> None:
        (mine, left), (yours, right) = old, new
        if left is _ABSENT or right is _ABSENT:
            side = "is not given any more" if right is _ABSENT else "is given now"
            self._say("input", path, f"{name} {side}")
        elif not sources_in(left) and not sources_in(right):
            if not equal(left, right):
                self._say("input", path, f"{name} {contrast(left, right)}")
        elif shown(mine, left) != shown(yours, right):
            parts = _parts(left, right)
            if not parts:
                self._say("wiring", path, f"{name} {taken(mine, left)} -> {taken(yours, right)}")
            for place, before, after in parts:
                self._templates(path, f"{name}{place}", (mine, before), (yours, after))


_ABSENT: Final = object()


def _aligned(old: Mapping[str, object], new: Mapping[str, object]) -> Iterator[tuple[str, object, object]]:
    """Both values of each name; `_ABSENT` for what one side does not have."""
    for name in (*old, *(name for name in new if name not in old)):
        yield name, old.get(name, _ABSENT), new.get(name, _ABSENT)


def _parts(old: object, new: object) -> list[tuple[str, object, object]]:
    """The parts of two templates that have the same places; none where they have not."""
    if type(old) is not type(new):
        return []
    if isinstance(old, dict) and isinstance(new, dict):
        return (
            [(f"[{key!r}]", part, new[key]) for key, part in old.items()] if old.keys() == new.keys() else []
        )
    if isinstance(old, (list, tuple)) and isinstance(new, (list, tuple)) and len(old) == len(new):
        return [(f"[{at}]", *pair) for at, pair in enumerate(zip(old, new, strict=True))]
    return []


def _only_after(rule: MapSpec) -> set[int]:
    return set(rule.after) - sources_in(rule.fixed)


def _inputs(node: Node) -> dict[str, object]:
    given = {f"argument {number}": part for number, part in enumerate(node.args, 1)}
    return given | {f"argument {name}": part for name, part in (node.kwargs or {}).items()}


def _value_at(values: Mapping[int, object], place: int) -> tuple[object, ...]:
    return (values[place],) if place in values else ()


def _output(fragment: Fragment) -> tuple[object, ...]:
    return () if fragment.output is CHILDREN else (fragment.output,)


def _renewing(*sides: Side) -> list[str]:
    return ["is made" if side.fragment.renews else "is not made" for side in sides]


# -------------------------------------------------------------------- renamed steps


def _renames(old: Side, new: Side) -> dict[int, str | int]:
    """The new name by place, of nodes that are gone where one has come that is like them, and no other is."""
    gone, came = old.without_partner(new), new.without_partner(old)
    found: dict[int, str | int] = {}
    for key_of in (_declared, _given):
        mine, yours = _single(old, gone, key_of), _single(new, came, key_of)
        for key, place in mine.items():
            if key in yours and place not in found and yours[key] in came:
                found[place] = new.names[yours[key]]
                came.remove(yours[key])
    return found


def _declared(side: Side, place: int) -> object:
    spec = side.fragment.nodes[place].spec
    return (side.parent(place), spec.role, spec.id)


def _given(side: Side, place: int) -> object:
    node = side.fragment.nodes[place]
    given = [shown(side, part) for part in _inputs(node).values()]
    return (side.parent(place), node.spec.role, *given) if given else None


def _single(side: Side, places: Sequence[int], key_of: object) -> dict[object, int]:
    """The places whose key no other of them has."""
    found: dict[object, list[int]] = {}
    for place in places:
        key = key_of(side, place)  # type: ignore[operator]  # one of the two functions above
        if key is not None:
            found.setdefault(key, []).append(place)
    return {key: each[0] for key, each in found.items() if len(each) == 1}
