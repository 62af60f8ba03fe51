"""``stretto plan``: the graph, its critical path and its lower bound, before anything runs."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from stretto.core.forecast.bounds import lower_bound
from stretto.core.forecast.levels import critical_path
from stretto.core.graph import Choice, Graph, Loop, Role, Where, sources_in
from stretto.service.cli.exits import Exit
from stretto.service.cli.inputs import chosen_inputs
from stretto.service.cli.running import body_errors
from stretto.service.cli.watching import json_on_stdout
from stretto.service.cli.words import say, say_lines
from stretto.service.settings import load_settings
from stretto.service.targets import load_target

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from stretto.service.settings import Settings
    from stretto.service.targets import AnyWorkflow

__all__ = ["PlanRequest", "plan_target"]

_WIDTH = 80
_LABEL = 28
_SHOWN_STEPS = 60


@dataclass(frozen=True, slots=True)
class PlanRequest:
    """What was asked for."""

    target: str
    inputs: tuple[str, ...] = ()
    input_file: Path | None = None
    max_concurrency: int | None = None
    is_json: bool = False


class _Plan(NamedTuple):
    """A graph with what can be said about it. Lengths are in steps: none has been measured."""

    workflow: str
    inputs_from: str
    graph: Graph
    critical: tuple[int, ...]
    bound: float
    permits: int
    has_unknown: bool


def plan_target(request: PlanRequest) -> Exit:
    """Trace the target and print what is known of it."""
    with json_on_stdout(request.is_json):
        workflow = load_target(request.target)
        inputs, origin = chosen_inputs(workflow, request.inputs, request.input_file)
        with body_errors(workflow.definition):
            graph = workflow.definition.trace(inputs).graph
        plan = _plan(workflow, origin, graph, _permits(workflow, request, load_settings()))
    if request.is_json:
        say(json.dumps(_as_data(plan), ensure_ascii=False))
    else:
        say_lines(_lines(plan))
    return Exit.OK


def _permits(workflow: AnyWorkflow, request: PlanRequest, settings: Settings) -> int:
    return request.max_concurrency or settings.max_concurrency or workflow.engine.max_concurrency


def _plan(workflow: AnyWorkflow, origin: str, graph: Graph, permits: int) -> _Plan:
    deps, outs = graph.edges()
    weights = [_weight(graph, index) for index in range(len(graph))]
    bound = lower_bound(deps, outs, weights, permits)
    has_unknown = any(_is_unknown(graph, index) for index in range(len(graph)))
    return _Plan(
        workflow.name, origin, graph, tuple(critical_path(deps, weights)), bound, permits, has_unknown
    )


def _weight(graph: Graph, index: int) -> float:
    """Each step counts 1, which is an estimate; gates, inline glue and anchors take no time of their own."""
    spec = graph.specs[index]
    takes_none = spec.role is Role.GATE or spec.where is Where.INLINE or index in graph.children
    return 0.0 if takes_none else 1.0


def _is_unknown(graph: Graph, index: int) -> bool:
    """Whether it is an anchor that grows when the run has come there."""
    return graph.specs[index].is_anchor and index not in graph.children


_GROWN = {Role.MAP: "[?]", Role.REPEAT: "#?"}
"""What paths below an anchor begin with; "/?" for all others."""


# -------------------------------------------------------------------- for people


def _lines(plan: _Plan) -> Iterator[str]:
    graph = plan.graph
    edges = sum(len(_needed(graph, index)) for index in range(len(graph)))
    yield f"{plan.workflow}  {_count(len(graph), 'step')}, {_count(edges, 'edge')}"
    yield f"inputs: {plan.inputs_from}"
    yield ""
    order = sorted(range(len(graph)), key=graph.author_order)
    critical = frozenset(plan.critical)
    width = min(_LABEL, max((len(_label(graph, index)) for index in order), default=0))
    for index in order[:_SHOWN_STEPS]:
        yield _step_line(graph, index, critical, width)
    if len(order) > _SHOWN_STEPS:
        yield f"  … and {len(order) - _SHOWN_STEPS} more; --json lists all"
    yield ""
    yield from _forecast_lines(plan)


def _step_line(graph: Graph, index: int, critical: frozenset[int], width: int) -> str:
    mark = "◆" if index in critical else " "
    label = _label(graph, index)
    short = label if len(label) <= width else f"{label[: width - 1]}…"
    rules = ", ".join(f"{name} {value}".strip() for name, value in _rules(graph, index).items())
    words = f"{_after(graph, index)}; {rules}" if rules else _after(graph, index)
    line = f"{mark} {short:<{width}}  {words}".rstrip()
    return line if len(line) <= _WIDTH else f"{line[: _WIDTH - 1]}…"


def _label(graph: Graph, index: int) -> str:
    return graph.path(index) + (
        _GROWN.get(graph.specs[index].role, "/?") if _is_unknown(graph, index) else ""
    )


def _needed(graph: Graph, index: int) -> tuple[int, ...]:
    """What a step waits for; a loop starts before its first round can, which waits for what it starts from."""
    body = graph.bodies.get(index)
    if not isinstance(body, Loop):
        return graph.deps[index]
    return tuple(sorted({*graph.deps[index], *sources_in(body.start)}))


def _after(graph: Graph, index: int) -> str:
    names = [graph.path(dep) for dep in _needed(graph, index)]
    if not names:
        return "at once"
    return f"after {names[-1]}" + (f" +{len(names) - 1}" if len(names) > 1 else "")


def _rules(graph: Graph, index: int) -> dict[str, object]:
    spec = graph.specs[index]
    number = graph.group_number(index)
    rules: dict[str, object] = {}
    if spec.timeout is not None:
        rules["timeout"] = f"{spec.timeout:g} s"
    if spec.within is not None:
        rules["within"] = f"{spec.within:g} s"
    if spec.retry.attempts > 1:
        rules["attempts"] = spec.retry.attempts
    if spec.limits:
        rules["limit"] = "+".join(spec.limits)
    if spec.optional:
        rules["optional"] = ""
    if number is not None:
        rules["group"] = graph.groups[number].name
    if spec.where is Where.INLINE and not spec.is_anchor:
        rules["inline"] = ""
    rules.update(_body_rules(graph.bodies.get(index)))
    if spec.role is Role.GATE:
        rules.update(_gate_rules(graph, index))
    return rules


def _body_rules(body: Choice | Loop | None) -> dict[str, object]:
    if isinstance(body, Choice):
        return {"one of": " | ".join(map(str, body.parts))}
    return {} if body is None else {"rounds up to": body.max_rounds}


def _gate_rules(graph: Graph, index: int) -> dict[str, object]:
    group = next(group for group in graph.groups if group.gate == index)
    rules: dict[str, object] = {"gate of": f"{len(group.members)} steps"}
    if group.min_success is not None:
        rules["needs"] = f"{group.min_success} of them"
    if group.within is not None:
        rules["within"] = f"{group.within:g} s"
    return rules


def _forecast_lines(plan: _Plan) -> Iterator[str]:
    counted = [index for index in plan.critical if _weight(plan.graph, index)]
    path = " → ".join(_label(plan.graph, index) for index in counted)
    yield "critical path (estimate: no step was measured yet, so each counts as 1)"
    yield from _wrapped(path)
    yield ""
    covers = "; the bound covers the known part, ? is not in it" if plan.has_unknown else ""
    yield f"lower bound (estimate): {plan.bound:g} {_steps(plan.bound)} one after another{covers}"
    yield f"at most {plan.permits} at once"


def _steps(bound: float) -> str:
    return "step" if bound == 1 else "steps"


def _wrapped(text: str) -> list[str]:
    from textwrap import wrap

    return wrap(text, _WIDTH, initial_indent="  ", subsequent_indent="  ") or ["  (nothing takes time)"]


# -------------------------------------------------------------------- for programs


def _as_data(plan: _Plan) -> dict[str, object]:
    graph = plan.graph
    order = sorted(range(len(graph)), key=graph.author_order)
    return {
        "workflow": plan.workflow,
        "inputs_from": plan.inputs_from,
        "steps": [_step_data(plan, index) for index in order],
        "edges": [[graph.path(dep), graph.path(index)] for index in order for dep in _needed(graph, index)],
        "critical_path": [graph.path(index) for index in plan.critical],
        "lower_bound": {
            "value": plan.bound,
            "unit": "steps",
            "is_estimate": True,
            "covers": "the known part" if plan.has_unknown else "everything",
        },
        "max_concurrency": plan.permits,
    }


def _step_data(plan: _Plan, index: int) -> dict[str, object]:
    spec = plan.graph.specs[index]
    return {
        "path": _label(plan.graph, index),
        "role": spec.role.name.lower(),
        "runs": spec.where.name.lower(),
        "after": [plan.graph.path(dep) for dep in _needed(plan.graph, index)],
        "rules": {name: True if value == "" else value for name, value in _rules(plan.graph, index).items()},
        "is_critical": index in plan.critical,
    }


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
