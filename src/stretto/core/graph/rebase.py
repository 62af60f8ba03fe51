"""`Rebase`: the places of a body become steps of what it grows in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stretto.core.graph.fragment import Choice, Fragment, Loop, MapSpec, Node
from stretto.core.graph.source import FRAME_BITS, LOCAL, STATE, WHOLE_STATE, Source, framed
from stretto.core.graph.template import narrowed, sources_in

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Rebase", "round_of"]


class Rebase:
    """Moves what names places of `frame` to indices from `base` on; everything else stays.

    `state` is the template that replaces what the round before handed on, `also` what every node waits for.
    """

    def __init__(self, frame: int, base: int, state: object = None, also: tuple[int, ...] = ()) -> None:
        self._frame = frame
        self._base = base
        self._state_index = framed(frame, STATE)
        self._whole_state_index = framed(frame, WHOLE_STATE)
        self._state = state
        self._also = also
        self._state_deps = sources_in(state)

    def index(self, index: int) -> int:
        """One index, moved."""
        return self._base + (index & LOCAL) if index >> FRAME_BITS == self._frame else index

    def indices(self, indices: Iterable[int], taken: frozenset[int] | None = None) -> tuple[int, ...]:
        """What a node waits for, moved. `taken` is what it waits for in place of the state: all of it if
        None."""
        found = set(self._also)
        for index in indices:
            if index == self._state_index:
                found |= self._state_deps if taken is None else taken
            elif index == self._whole_state_index:
                found |= self._state_deps
            else:
                found.add(self.index(index))
        return tuple(sorted(found))

    def template(self, template: object) -> object:
        """A template, moved."""
        if isinstance(template, Source):
            if template._index == self._state_index:
                return narrowed(self._state, template._projection)
            if template._index >> FRAME_BITS == self._frame:
                return Source(self._base + (template._index & LOCAL), template._projection)
            return template
        kind = type(template)
        if kind is tuple:
            return tuple([self.template(part) for part in template])  # type: ignore[attr-defined]  # exact tuple
        if kind is list:
            return [self.template(part) for part in template]  # type: ignore[attr-defined]  # exact list
        if kind is dict:
            return {key: self.template(part) for key, part in template.items()}  # type: ignore[attr-defined]  # exact dict
        return template

    def templates(self, templates: tuple[object, ...]) -> tuple[object, ...]:
        """Positional arguments, moved."""
        return tuple([self.template(part) for part in templates])

    def named(self, templates: dict[str, object]) -> dict[str, object]:
        """Keyword arguments, moved."""
        return {key: self.template(part) for key, part in templates.items()}

    def map_rule(self, rule: MapSpec) -> MapSpec:
        """A map's rule, moved."""
        fixed = None if rule.fixed is None else self.named(rule.fixed)
        shape = None if rule.shape_of is None else self.index(rule.shape_of)
        after = self.indices(rule.after) if rule.after else ()
        return MapSpec(rule.target, self.template(rule.items), fixed, after, shape, rule.default)

    def body_rule(self, rule: Choice | Loop) -> Choice | Loop:
        """What a branch or a round takes from around it, moved. Its own places keep their frame."""
        body = self.fragment(rule.body)
        if isinstance(rule, Choice):
            outputs = {label: self.template(output) for label, output in rule.outputs.items()}
            return rule._replace(body=body, outputs=outputs)
        verdict = self.template(rule.verdict)
        assert isinstance(verdict, Source)  # noqa: S101  # a source moved is a source
        return rule._replace(body=body, start=self.template(rule.start), verdict=verdict)

    def fragment(self, fragment: Fragment) -> Fragment:
        """A body with all that it takes from this frame moved."""
        return fragment._replace(
            nodes=tuple([self.node(node) for node in fragment.nodes]),
            rules={place: self._rule(rule) for place, rule in fragment.rules.items()},
            outputs={place: self.template(output) for place, output in fragment.outputs.items()},
            output=self.template(fragment.output),
        )

    def node(self, node: Node) -> Node:
        """One node, moved; its name and scope are its own."""
        args = self.templates(node.args)
        kwargs = None if node.kwargs is None else self.named(node.kwargs)
        taken = sources_in((args, kwargs)) if self._takes_state(node) else None
        return node._replace(args=args, kwargs=kwargs, deps=self.indices(node.deps, taken))

    def _takes_state(self, node: Node) -> bool:
        """Whether the node's own inputs say which part of the state it waits for; a map's do not."""
        is_waiting = self._state_index in node.deps
        return is_waiting and self._state_index in sources_in((node.args, node.kwargs))

    def _rule(self, rule: object) -> object:
        if isinstance(rule, MapSpec):
            return self.map_rule(rule)
        if isinstance(rule, (Choice, Loop)):
            return self.body_rule(rule)
        return rule


def round_of(loop: Loop, number: int, state: object, after: tuple[int, ...]) -> Fragment:
    """Round `number` of a loop: its body with `state` put in, each node of it waiting for `after`.

    The places keep their frame until it grows.
    """
    frame = loop.body.frame
    body = Rebase(frame, framed(frame, 0), state, after).fragment(loop.body)
    nodes = tuple([_numbered(node, number) for node in body.nodes])
    return body._replace(nodes=nodes, looks_at=loop.verdict._index & LOCAL)


def _numbered(node: Node, number: int) -> Node:
    return node if node.scope >= 0 else node._replace(name=f"#{number}/{node.name}")
