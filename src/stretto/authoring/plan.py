"""Plans as data: steps that name a capability and where their inputs come from; validated whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from stretto.authoring.names import check_name
from stretto.errors import DefinitionError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from stretto.authoring.step import AnyStep

__all__ = ["REF", "REPLAN", "PlanProblem", "PlanStep", "Planned", "check_plan", "read_plan", "targets_in"]

REF = "$ref"
"""``{"$ref": "key"}`` or ``{"$ref": "key.field"}`` inside a planned step's inputs stands for a result."""

REPLAN = "replan"
"""The name of the step that makes a new plan; no planned step can be called so."""

_FIELDS = ("key", "capability", "inputs", "after")


@dataclass(frozen=True)
class PlanStep:
    """One step of a plan: a `capability` of the registry, run with `inputs`, its result known as `key`.

    Inputs are plain data in which ``{"$ref": "key"}`` stands for the result of an earlier step. `after` names
    steps to wait for without taking their results.
    """

    key: str
    capability: str
    inputs: dict[str, object] = field(default_factory=dict)
    after: tuple[str, ...] = ()


@dataclass(frozen=True)
class PlanProblem:
    """Why a new plan is wanted: what was wrong with the last one, or what failed in it, a sentence each, and
    the results it brought all the same, by key."""

    problems: tuple[str, ...]
    finished: dict[str, object] = field(default_factory=dict)


class Planned(NamedTuple):
    """A planned step that has been read; `refs` are the keys it takes results of, in order."""

    key: str
    capability: str
    inputs: dict[str, object]
    after: tuple[str, ...]
    refs: tuple[str, ...]


def check_plan(plan: object, capabilities: Mapping[str, AnyStep]) -> tuple[str, ...]:
    """All that keeps a plan from being carried out, a sentence each; empty for a good one."""
    return read_plan(plan, capabilities)[1]


def read_plan(plan: object, capabilities: Mapping[str, AnyStep]) -> tuple[list[Planned], tuple[str, ...]]:
    """(its steps, all problems). The steps mean something only where there is no problem."""
    if not isinstance(plan, (list, tuple)):
        return [], (f"a plan is a list of steps, not {type(plan).__name__}",)
    steps: list[Planned] = []
    problems: list[str] = []
    for number, item in enumerate(plan, 1):
        found = _read(item, number)
        if isinstance(found, str):
            problems.append(found)
        else:
            steps.append(found)
    problems.extend(_problems_of(steps, capabilities))
    return steps, tuple(problems)


def _read(item: object, number: int) -> Planned | str:
    if not isinstance(item, Mapping):
        item = {name: getattr(item, name) for name in _FIELDS if hasattr(item, name)}
    unknown = sorted(str(name) for name in item if name not in _FIELDS)
    key, capability = item.get("key"), item.get("capability")
    inputs, after = item.get("inputs") or {}, item.get("after") or ()
    if unknown:
        return f"step {number} has unknown fields {', '.join(unknown)}; known: {', '.join(_FIELDS)}"
    if not isinstance(key, str) or not isinstance(capability, str):
        return f"step {number} needs a key and a capability, both texts"
    if not isinstance(inputs, Mapping) or not all(isinstance(name, str) for name in inputs):
        return f"{key!r}: its inputs are {type(inputs).__name__}, not an object by parameter"
    if not isinstance(after, (list, tuple)) or not all(isinstance(name, str) for name in after):
        return f"{key!r}: after is {after!r}, not a list of keys"
    try:
        check_name(key, "A key")
    except DefinitionError as error:
        return error.what.rstrip(".")
    if "." in key:
        return f"no step can have the key {key!r}: behind a dot a $ref names a field"
    if key == REPLAN:
        return f"no step can have the key {REPLAN!r}: the step that makes a new plan is called so"
    refs = tuple(dict.fromkeys(target.partition(".")[0] for target in targets_in(inputs)))
    return Planned(key, capability, dict(inputs), tuple(after), refs)


def targets_in(template: object) -> Iterator[str]:
    """What every ``{"$ref": …}`` names."""
    if isinstance(template, Mapping):
        if set(template) == {REF} and isinstance(template[REF], str):
            yield template[REF]
        else:
            for part in template.values():
                yield from targets_in(part)
    elif isinstance(template, (list, tuple)):
        for part in template:
            yield from targets_in(part)


def _problems_of(steps: Sequence[Planned], capabilities: Mapping[str, AnyStep]) -> Iterator[str]:
    order: dict[str, int] = {}
    for place, step in enumerate(steps):
        order.setdefault(step.key, place)
    for place, step in enumerate(steps):
        if order[step.key] != place:
            yield f"the key {step.key!r} is there twice"
        yield from _capability_problems(step, capabilities)
        for key in dict.fromkeys((*step.refs, *step.after)):
            if key not in order:
                known = ", ".join(order)
                yield f"{step.key!r} needs {key!r}, which no step of the plan makes; there are: {known}"
            elif order[key] >= place and not _circle(steps, order, step.key, key):
                yield f"{step.key!r} needs {key!r}, which comes after it; put {key!r} first"
    yield from _circles(steps, order)


def _capability_problems(step: Planned, capabilities: Mapping[str, AnyStep]) -> Iterator[str]:
    capability = capabilities.get(step.capability)
    if capability is None:
        known = ", ".join(sorted(capabilities))
        yield f"{step.key!r} asks for the capability {step.capability!r}; there are: {known}"
        return
    every = capability.shape.signature.parameters
    takes_any = any(each.kind is each.VAR_KEYWORD for each in every.values())
    parameters = {
        name: each
        for name, each in every.items()
        if each.kind in (each.POSITIONAL_OR_KEYWORD, each.KEYWORD_ONLY)  # inputs are given by name
    }
    known = ", ".join(parameters) or "no inputs"
    for name in step.inputs:
        if name not in parameters and not takes_any:
            yield f"{step.key!r}: {step.capability!r} has no input {name!r}; it takes {known}"
    for name, parameter in parameters.items():
        if parameter.default is parameter.empty and name not in step.inputs:
            yield f"{step.key!r}: {step.capability!r} needs the input {name!r}; it takes {known}"


def _circle(steps: Sequence[Planned], order: Mapping[str, int], start: str, then: str) -> bool:
    """Whether `then` comes back to `start`."""
    seen: set[str] = set()
    todo = [then]
    while todo:
        key = todo.pop()
        if key == start:
            return True
        if key not in seen and key in order:
            seen.add(key)
            todo.extend((*steps[order[key]].refs, *steps[order[key]].after))
    return False


def _circles(steps: Sequence[Planned], order: Mapping[str, int]) -> Iterator[str]:
    if all(order.get(key, -1) < order[step.key] for step in steps for key in (*step.refs, *step.after)):
        return  # nothing points forward or at itself; the search takes long in a long plan
    told: set[str] = set()
    for step in steps:
        path = _way_back(steps, order, step.key)
        if path and told.isdisjoint(path):
            told.update(path)
            yield f"a circle: {' needs '.join(path)}"


def _way_back(steps: Sequence[Planned], order: Mapping[str, int], start: str) -> list[str]:
    """The shortest way from a key back to itself; empty without one."""
    ways = [[start]]
    seen: set[str] = set()
    for way in ways:
        step = steps[order[way[-1]]]
        for key in (*step.refs, *step.after):
            if key == start:
                return [*way, start]
            if key in order and key not in seen:
                seen.add(key)
                ways.append([*way, key])
    return []
