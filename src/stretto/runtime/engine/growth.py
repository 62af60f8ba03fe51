"""What an anchor grows when it starts: from its rule and the values that are there by then."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stretto.core.graph import Choice, Fragment, Graph, Loop, Role, Source, map_fragment, round_of
from stretto.core.graph.fragment import NO_SCOPE
from stretto.errors import PermanentError, RoundsExhaustedError
from stretto.ports import Growing, Grown
from stretto.runtime.engine.inputs import Values, map_items

if TYPE_CHECKING:
    from stretto.core.graph import StepSpec
    from stretto.core.schedule.machine import Scheduler
    from stretto.ports import Code

__all__ = ["MOST_DEEP", "grown_by"]

MOST_DEEP = 100
"""Anchors inside anchors; whoever gets this far never comes to an end."""


def grown_by(
    graph: Graph, index: int, attempt: int, values: Values, code: Code | None, scheduler: Scheduler
) -> Grown:
    """The fragment of one attempt of an anchor. Raises what fails the attempt."""
    attempt = scheduler.turn(index, attempt)  # rounds are counted by it
    role = graph.specs[index].role
    if role is Role.MAP:
        rule = graph.maps[index]
        items = map_items(graph, index, values)
        return Grown(map_fragment(rule.target, items, rule.fixed, rule.after, rule.default))
    body = graph.bodies.get(index)
    if isinstance(body, Choice):
        return Grown(_chosen(graph, index, body, values.args(index)[0]))
    if isinstance(body, Loop):
        return Grown(_round(graph, index, attempt, body, values))
    assert code is not None  # noqa: S101  # every anchor without a rule has code
    _check_depth(graph, index)
    growing = Growing(index, attempt, values.args(index), values.kwargs(index) or {}, scheduler, values)
    grown = code.fn(growing)
    assert isinstance(grown, Grown)  # noqa: S101  # the engine wraps what authors write
    return grown


def _check_depth(graph: Graph, index: int) -> None:
    depth, scope = 0, graph.scopes[index]
    while scope >= 0:
        depth, scope = depth + 1, graph.scopes[scope]
    if depth >= MOST_DEEP:
        raise PermanentError(
            f"{graph.specs[index].id!r} stands under {depth} others; does the workflow call itself without an end?"
        )


def _chosen(graph: Graph, index: int, choice: Choice, selected: object) -> Fragment:
    label = _label(choice, selected)
    if label is _NONE:
        known = ", ".join(map(repr, choice.parts))
        raise PermanentError(
            f"{graph.path(index)} was to choose {selected!r}, but its branches are {known}; "
            "add that branch, or give otherwise=."
        )
    places = {place for other, part in choice.parts.items() if other != label for place in part}
    return choice.body._replace(output=choice.outputs[label], unchosen=frozenset(places))


_NONE = object()


def _label(choice: Choice, selected: object) -> object:
    for label in choice.parts:
        if isinstance(label, bool) is isinstance(selected, bool) and label == selected:
            return label  # 1 is not True here, but a StrEnum's member is its text
    return _NONE if choice.otherwise is None else choice.otherwise


def _round(graph: Graph, index: int, number: int, loop: Loop, values: Values) -> Fragment:
    if number == 1:
        return _filled(graph, index, loop, 1, loop.start, ())
    verdict_at = graph.looks[index]
    verdict = values.of(Source(verdict_at, loop.verdict._projection))
    if not isinstance(verdict, bool):
        raise PermanentError(
            f"{graph.path(verdict_at)!r} says whether {graph.path(index)!r} is done, but returned "
            f"{type(verdict).__name__}; return True or False."
        )
    state = graph.outputs[index]
    if verdict or (number > loop.max_rounds and loop.keeps_last):
        return Fragment((), {}, loop.body.frame, output=state)
    if number > loop.max_rounds:
        raise RoundsExhaustedError(graph.path(index), loop.max_rounds)
    return _in_order(graph, index, _filled(graph, index, loop, number, state, (verdict_at,)))


def _filled(
    graph: Graph, index: int, loop: Loop, number: int, state: object, after: tuple[int, ...]
) -> Fragment:
    try:
        return round_of(loop, number, state, after)
    except (AttributeError, KeyError, IndexError, TypeError) as error:
        raise PermanentError(
            f"what round {number} of {graph.path(index)!r} takes from the one before is not there: "
            f"{type(error).__name__}: {error}; hand on what the body narrows."
        ) from error


def _in_order(graph: Graph, anchor: int, fragment: Fragment) -> Fragment:
    """A round whose steps also wait for those of the round before that touch the same named things."""
    count = sum(node.scope == NO_SCOPE for node in fragment.nodes)
    specs = graph.specs
    before = [child for child in graph.children[anchor][-count:] if specs[child].reads or specs[child].writes]
    if not before:
        return fragment
    nodes = tuple(
        node._replace(deps=(*node.deps, *(child for child in before if _clash(specs[child], node.spec))))
        for node in fragment.nodes
    )
    return fragment._replace(nodes=nodes)


def _clash(before: StepSpec, after: StepSpec) -> bool:
    """Whether one writes what the other touches."""
    touched = {*after.reads, *after.writes}
    return not touched.isdisjoint(before.writes) or not {*before.reads}.isdisjoint(after.writes)
