"""What a fork would do, before it does anything."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from stretto.api.past import is_at_or_under
from stretto.core.forecast.levels import span
from stretto.core.graph import Role
from stretto.core.graph.comparing import compare
from stretto.core.values.secret import has_hidden
from stretto.runtime.engine.hashes import SECRETIVE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from stretto.api.past import Past, PastResult
    from stretto.core.graph import Graph, StepSpec
    from stretto.ports import Code

__all__ = ["ForkPreview", "preview_of"]


class ForkPreview(NamedTuple):
    """Paths of the steps whose results are taken from the old run, and of those that run again, in author order.

    `seconds` is the longest path through what runs again, by what each step took in the old run: an estimate.
    `unknown` are steps among `again` that the old run never finished, and that count 0 there. What a result will be
    is not known before: a step that runs again and gives what it gave spares those that take it.
    """

    reused: tuple[str, ...]
    again: tuple[str, ...]
    unknown: tuple[str, ...]
    seconds: float


def preview_of(
    past: Past,
    before: Graph,
    after: Graph,
    code: Mapping[StepSpec, Code],
    start: str | None,
) -> ForkPreview:
    """Foresee a fork. `before` and `after` are today's graphs for the old inputs and for the new ones."""
    changed = _changed_code(past, after, code) | {each.path for each in compare(before, after).differences}
    graph = past.graph
    again = {
        index
        for index in range(len(graph))
        if (path := graph.path(index)) in changed or (start is not None and is_at_or_under(path, start))
    }
    again |= {index for index in range(len(graph)) if _is_secretive(past.results.get(graph.path(index)))}
    _spread(graph, again)
    return _told(past, graph, again, _new_paths(graph, after))


def _changed_code(past: Past, after: Graph, code: Mapping[StepSpec, Code]) -> set[str]:
    """The steps whose code is not what gave their results; of those grown, only what they have in common with
    their map is known by now."""
    changed = set()
    for index in range(len(after)):
        path, known = after.path(index), code.get(after.specs[index])
        found = past.results.get(path)
        if found is not None and known is not None and found.version != known.version:
            changed.add(path)
    for anchor, rule in after.maps.items():
        known = code.get(rule.target)
        for path, found in past.results.items():
            is_item = path.startswith(f"{after.path(anchor)}[")
            if is_item and known is not None and found.version != known.version:
                changed.add(path)
    return changed


def _is_secretive(result: PastResult | None) -> bool:
    """Whether a result is not lent: a secret is missing in it, or was not counted among what it was given."""
    return result is not None and (has_hidden(result.form) or (result.inputs or "").startswith(SECRETIVE))


def _spread(graph: Graph, again: set[int]) -> None:
    """Add what takes from these, or stands under them. An anchor hands on what its children make: those that take
    from it run again, its other children do not."""
    touched = set(again)
    count = -1
    while count != len(again) + len(touched):
        count = len(again) + len(touched)
        for index in range(len(graph)):
            if graph.scopes[index] in again or any(dep in touched for dep in graph.deps[index]):
                again.add(index)
            if index in again or any(child in touched for child in graph.children.get(index, ())):
                touched.add(index)


def _new_paths(graph: Graph, after: Graph) -> list[str]:
    known = {graph.path(index) for index in range(len(graph))}
    work = [index for index in range(len(after)) if after.specs[index].role in (Role.STEP, Role.WAIT)]
    return [path for index in work if (path := after.path(index)) not in known]


def _told(past: Past, graph: Graph, again: set[int], new: Iterable[str]) -> ForkPreview:
    reused: list[str] = []
    repeated: list[str] = []
    weights = [0.0] * len(graph)
    for index in sorted(range(len(graph)), key=graph.author_order):
        path, role = graph.path(index), graph.specs[index].role
        found = past.results.get(path)
        if role not in (Role.STEP, Role.WAIT):
            continue
        if found is not None and index not in again:
            reused.append(path)
            continue
        repeated.append(path)
        weights[index] = 0.0 if found is None else found.seconds
    whole = (*repeated, *new)
    unknown = tuple(path for path in whole if path not in past.results)
    return ForkPreview(tuple(reused), whole, unknown, span(graph.edges()[0], weights))
