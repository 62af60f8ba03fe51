"""A whole graph as plain data: every step and every edge, nothing folded, nothing left out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from stretto.core.graph import Choice, Loop, MapSpec, sources_in
from stretto.core.graph.fragment import NO_SCOPE
from stretto.core.graph.source import FRAME_BITS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stretto.core.graph import Graph, GroupSpec, StepSpec

__all__ = ["VERSION", "graph_data"]

VERSION: Final = 1
"""Of the form of the data: goes up when something is renamed, moved or removed; additions leave it."""


def graph_data(graph: Graph, workflow: str) -> dict[str, object]:
    """Steps in author order, edges by their ends' paths, groups; ready for JSON. Lengths are seconds, sizes bytes.

    An edge's `has_data` is False where it only orders. `children` of an anchor is None while nobody knows them;
    `grows` then says from what they will come.
    """
    order = sorted(range(len(graph)), key=graph.author_order)
    return {
        "format": "stretto.graph",
        "version": VERSION,
        "workflow": workflow,
        "steps": [_step(graph, index) for index in order],
        "edges": [_edge(graph, dep, index) for index in order for dep in _needs(graph, index)],
        "groups": [_group(graph, group) for group in graph.groups],
    }


def _step(graph: Graph, index: int) -> dict[str, object]:
    spec, scope = graph.specs[index], graph.scopes[index]
    group = graph.group_of.get(index)
    children = graph.children.get(index)
    return {
        "path": graph.path(index),
        "id": spec.id,
        "role": spec.role.name.lower(),
        "runs": spec.where.name.lower(),
        "under": None if scope == NO_SCOPE else graph.path(scope),
        "group": None if group is None else graph.groups[group].name,
        "is_optional": graph.is_optional(index),
        "after": [graph.path(dep) for dep in _needs(graph, index)],
        **_rules(spec),
        **(
            {}
            if not graph.is_anchor(index)
            else {
                "children": None if children is None else [graph.path(child) for child in children],
                "grows": _growth(graph, index),
            }
        ),
    }


def _rules(spec: StepSpec) -> dict[str, object]:
    retry = spec.retry
    return {
        "timeout": spec.timeout,
        "within": spec.within,
        "retry": {
            "attempts": retry.attempts,
            "on": sorted(retry.kinds),
            "on_timeout": retry.on_timeout,
            "first_wait": retry.first_wait,
            "factor": retry.factor,
            "longest_wait": retry.longest_wait,
            "jitter": retry.jitter,
        }
        if retry.attempts > 1
        else None,
        "limits": list(spec.limits),
        "reads": list(spec.reads),
        "writes": list(spec.writes),
        "memory": spec.memory,
        "has_default": spec.has_default,
    }


def _growth(graph: Graph, index: int) -> dict[str, object] | None:
    """What an anchor's children will be made of; None where only the run can say."""
    if index in graph.maps:
        target = graph.maps[index].target
        return {"step": target.id, "runs": target.where.name.lower(), **_rules(target)}
    rule = graph.bodies.get(index)
    if isinstance(rule, Choice):
        names = {
            str(label): [rule.body.nodes[place].name for place in places]
            for label, places in rule.parts.items()
        }
        return {"branches": names}
    if isinstance(rule, Loop):
        return {"body": [node.name for node in rule.body.nodes], "max_rounds": rule.max_rounds}
    return None


def _needs(graph: Graph, index: int) -> list[int]:
    """What a step waits for; for an anchor that has not grown, what its children will wait for as well."""
    found = {*graph.deps[index]}
    rule: object = graph.maps.get(index) or graph.bodies.get(index)
    if isinstance(rule, MapSpec):
        found |= {*rule.after, *sources_in(rule.items)}
    elif isinstance(rule, (Choice, Loop)):
        found |= {dep for node in rule.body.nodes for dep in node.deps}
    if isinstance(rule, Loop):
        found |= sources_in(rule.start)
    return sorted(dep for dep in found if not dep >> FRAME_BITS)


def _edge(graph: Graph, dep: int, index: int) -> dict[str, object]:
    return {"from": graph.path(dep), "to": graph.path(index), "has_data": dep in _data_of(graph, index)}


def _data_of(graph: Graph, index: int) -> frozenset[int]:
    found = sources_in((graph.args[index], _values(graph.kwargs[index])))
    rule: object = graph.maps.get(index) or graph.bodies.get(index)
    if isinstance(rule, MapSpec):
        return found | sources_in((rule.items, _values(rule.fixed)))
    if isinstance(rule, (Choice, Loop)):
        inner = (sources_in((node.args, _values(node.kwargs))) for node in rule.body.nodes)
        found = found.union(*inner)
    return found | sources_in(rule.start) if isinstance(rule, Loop) else found


def _values(named: Mapping[str, object] | None) -> tuple[object, ...]:
    return tuple((named or {}).values())


def _group(graph: Graph, group: GroupSpec) -> dict[str, object]:
    return {
        "name": group.name,
        "gate": graph.path(group.gate),
        "within": group.within,
        "min_success": group.min_success,
        "members": [graph.path(member) for member in group.members],
    }
