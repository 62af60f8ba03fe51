"""What an anchor grows when it starts: from its rule and the values that are there by then."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stretto.core.graph import Choice, Fragment, Graph, Loop, Role, Source, map_fragment, round_of
from stretto.errors import PermanentError, RoundsExhaustedError
from stretto.ports import Growing, Grown
from stretto.runtime.engine.inputs import Values, map_items

if TYPE_CHECKING:
    from stretto.core.schedule.machine import Scheduler
    from stretto.ports import Code

__all__ = ["MOST_DEEP", "grown_by"]

MOST_DEEP = 100
"""Anchors inside anchors; whoever gets this far never comes to an end."""


def grown_by(
    graph: Graph, index: int, attempt: int, values: Values, code: Code | None, scheduler: Scheduler
) -> Grown:
    """The fragment of one attempt of an anchor. Raises what fails the attempt."""
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
        return round_of(loop, 1, loop.start, ())
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
    return round_of(loop, number, state, (verdict_at,))
