"""`choose`: one of several branches, picked by a value that a step makes."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar, cast

from stretto.authoring.body import opened
from stretto.authoring.fields import hand_over_fields
from stretto.authoring.names import check_name
from stretto.authoring.place import caller_place
from stretto.authoring.ref import Ref
from stretto.authoring.trace import Trace
from stretto.core.graph import Choice, Role, StepSpec, Where
from stretto.core.graph.source import LOCAL
from stretto.errors import DefinitionError, DuplicatePathError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["choose"]

K = TypeVar("K", bound="str | int | bool | None")
R = TypeVar("R")

OTHERWISE = "otherwise"


def choose(
    selector: K,
    branches: Mapping[K, Callable[[], R]],
    *,
    otherwise: Callable[[], R] | None = None,
    name: str = "choose",
) -> R:
    """Run the branch that `selector`, a step's result, names; gives what that branch gives.

    A branch is a function without parameters that wires steps, such as ``lambda: write(draft)``; it may use
    Refs from around it. Its steps' paths are ``choose/LABEL/…``. `otherwise` is for selectors that name no
    branch; without it such a selector fails the run with a PermanentError that lists the branches. Steps of
    branches that were not chosen are skipped (``not_chosen``), which is no failure.

    Raises DefinitionError outside a workflow's body and for labels that cannot be part of a path.
    """
    check_name(name, "The name of a choice")
    trace = opened(f"choose {name!r}")
    found: set[int] = set()
    template = trace.template(selector, found, f"choose {name!r}")
    if trace.is_maybe(template):
        raise DefinitionError(
            f"choose {name!r} is decided by an optional step that may hand on `Missing`.",
            where=caller_place(),
            mend="Give that step a default=.",
        )
    labelled = _labelled(name, branches, otherwise)
    inner = Trace(trace)
    inner.check_depth(f"choose {name!r}")
    parts: dict[object, range] = {}
    outputs: dict[object, object] = {}
    for label, branch in labelled.items():
        start = len(inner.graph)
        inner.begin_branch(f"{label}/")
        output = inner.output_of(branch, f"choose {name!r}, branch {label!r}")
        outputs[label] = hand_over_fields(inner, output)
        parts[label] = range(start, len(inner.graph))
    inner.close()
    reads, writes = inner.touched
    spec = StepSpec(id=name, role=Role.CHOOSE, where=Where.INLINE, reads=reads, writes=writes)
    ref = trace.add_anchor(spec, name, (template,), tuple(sorted(found)))
    body = inner.graph.as_fragment()
    last = OTHERWISE if otherwise is not None else None
    trace.graph.bodies[ref._index & LOCAL] = Choice(body, parts, outputs, last)
    if any(inner.is_maybe(output) for output in outputs.values()):
        trace.mark_maybe(ref)
    return cast("R", ref)


def _labelled(
    name: str, branches: Mapping[K, Callable[[], R]], otherwise: Callable[[], R] | None
) -> dict[object, Callable[[], R]]:
    given: dict[object, Callable[[], R]] = dict(branches.items())
    if otherwise is not None:
        if OTHERWISE in given:
            raise DefinitionError(
                f"choose {name!r} has a branch 'otherwise' and otherwise=.",
                where=caller_place(),
                mend="Drop one of them.",
            )
        given[OTHERWISE] = otherwise
    if not given:
        raise DefinitionError(f"choose {name!r} has no branches.", where=caller_place(), mend="Give some.")
    paths: dict[str, object] = {}
    for label, branch in given.items():
        if not (label is None or isinstance(label, (str, int))):
            raise DefinitionError(
                f"choose {name!r}: a branch cannot be called {label!r}.",
                where=caller_place(),
                mend="Labels are texts, whole numbers, True, False or None.",
            )
        path = check_name(str(label), "A branch's label")
        if path in paths:
            raise DuplicatePathError(
                f"choose {name!r}: the branches {paths[path]!r} and {label!r} would share the path {path!r}.",
                where=caller_place(),
                mend="Let the selector give labels that differ as texts.",
            )
        paths[path] = label
        _check_branch(name, label, branch)
    return given


def _check_branch(name: str, label: object, branch: object) -> None:
    if isinstance(branch, Ref) or not callable(branch):
        raise DefinitionError(
            f"choose {name!r}: branch {label!r} is {type(branch).__name__}, not a function.",
            where=caller_place(),
            mend="Write `lambda: some_step(…)`, so that its steps belong to the branch alone.",
        )
