"""The code behind the steps of a traced workflow, with what it asks of its engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stretto.api.stand_ins import stand_ins
from stretto.authoring.known import classes_of, version_of
from stretto.authoring.nested import Grower
from stretto.authoring.travel import address_of
from stretto.core.graph import Where
from stretto.core.limits import Pools
from stretto.errors import DefinitionError
from stretto.ports import Code, Grown

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Mapping

    from stretto.api.stand_ins import StandIns
    from stretto.authoring.step import AnyStep
    from stretto.authoring.workflow import Traced
    from stretto.core.graph import StepSpec
    from stretto.ports import Growing

__all__ = ["Binder"]


class Binder:
    """Binds steps to their functions. `limits` and `resources` are the engine's own."""

    def __init__(self, limits: Mapping[str, int], resources: Mapping[str, object]) -> None:
        self._limits = limits
        self._resources = resources
        self._made: dict[Callable[[], object], object] = {}

    def code_of(self, traced: Traced, classes: dict[str, type] | None = None) -> dict[StepSpec, Code]:
        """The code behind each spec. With `classes`, for a run that is journaled, those that its values may be made of
        are added there, and steps have versions. Raises DefinitionError for a resource or a limit that is not there."""
        return self._code(traced.functions, stand_ins.get(), classes)

    def _code(
        self,
        functions: Mapping[StepSpec, AnyStep],
        chosen: StandIns | None,
        classes: dict[str, type] | None = None,
    ) -> dict[StepSpec, Code]:
        """`chosen` says what a test has put in place of steps' functions."""
        pools = Pools(self._limits)
        code: dict[StepSpec, Code] = {}
        if classes is not None:
            classes.update(classes_of(step.fn for step in functions.values()))
        for spec, step in functions.items():
            pools.check(spec.limits, spec.id)
            version = None if classes is None else version_of(step)
            if isinstance(step, Grower):
                grow = self._growing(step, chosen, classes)
                code[spec] = Code(grow, self._resources_of(step), version=version)
                continue
            other = None if chosen is None else chosen(step)
            if other is None:
                address = address_of(step) if spec.where is Where.PROCESS else None
                code[spec] = Code(step.fn, self._resources_of(step), address=address, version=version)
            else:
                resources = self._resources_of(step, other.resources)
                code[spec] = Code(other.fn, resources, other.is_on_loop, version=version)
        return code

    def _growing(
        self, step: Grower, chosen: StandIns | None, classes: dict[str, type] | None
    ) -> Callable[[Growing], Grown]:
        def grow(growing: Growing) -> Grown:
            fragment, functions = step.grow(growing)
            return Grown(fragment, self._code(functions, chosen, classes))

        return grow

    def _resources_of(self, step: AnyStep, only: Container[str] | None = None) -> dict[str, object]:
        found: dict[str, object] = {}
        for parameter, marker in step.shape.resources.items():
            if only is not None and parameter not in only:
                continue
            key = marker.key or parameter
            if key in self._resources:
                found[parameter] = self._resources[key]
            elif marker.default is not None:
                if marker.default not in self._made:
                    self._made[marker.default] = marker.default()
                found[parameter] = self._made[marker.default]
            else:
                raise DefinitionError(
                    f"Step {step.spec.id!r} needs the resource {key!r}, which this engine does not have.",
                    mend=f"Create it with Engine(resources={{{key!r}: …}}).",
                )
        return found
