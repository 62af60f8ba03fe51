"""What the follower of growing workflows knows of each step. Knows nothing of the engine."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf
from typing import TYPE_CHECKING

from property.shapes import Const

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

__all__ = ["Later", "Link", "Parts", "Row", "Spot", "Template", "Try", "clash", "narrowed", "spots_in"]


@dataclass
class Try:
    """One attempt. `told` is why it was taken from its step; `until` is when nobody waits for it any more."""

    began: float
    told: str | None = None
    until: float = inf
    is_abandoned: bool = False
    has_ended: bool = False

    @property
    def is_awaited(self) -> bool:
        """Whether the run waits for its end though it was told to stop."""
        return self.told is not None and self.until < inf and not (self.has_ended or self.is_abandoned)


@dataclass(eq=False)
class Spot:
    """One step as it stands.

    `lane` says what it takes to run: "step" needs a permit, "glue" and "anchor" need none, "gate" runs nothing.
    `makes` gives its value from its inputs, `fails` is the number of attempts that raise. An anchor's `grow` is told
    the attempt and adds children; its value is `output`, and `looks_at` is the step whose end starts it again.
    """

    path: str
    lane: str
    scope: Spot | None
    needs: list[Spot]
    inputs: Row = field(default_factory=lambda: Row(()))
    makes: Callable[[list[object]], object] | None = None
    grow: Callable[[int], bool] | None = None
    fails: int = 0
    attempts: int = 1
    is_optional: bool = False
    is_member: bool = False
    within: float | None = None
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    number: int = 0
    state: str = "pending"
    tries: list[Try] = field(default_factory=list)
    value: object = None
    is_delivered: bool = False
    children: list[Spot] | None = None
    output: Template = field(default_factory=lambda: Parts({}))
    looks_at: Spot | None = None
    retries_at: float = inf
    began: float | None = None
    is_doomed: bool = False
    is_left_out: bool = False
    renews: bool = False
    is_replaced: bool = False
    lost: Spot | None = None

    @property
    def is_open(self) -> bool:
        """Whether it can still change."""
        return self.state in ("pending", "ready", "running", "waiting")

    @property
    def is_lost(self) -> bool:
        """Whether it has ended without anything to hand on, and that counts."""
        return not (self.is_open or self.is_delivered or self.is_left_out)

    def above(self) -> Iterator[Spot]:
        """The anchors it stands under, the nearest first."""
        scope = self.scope
        while scope is not None:
            yield scope
            scope = scope.scope


@dataclass(frozen=True)
class Later(Const):
    """A plain value that is put in only when the body around it grows."""


@dataclass(frozen=True)
class Link:
    """What a step will hand on, or one field of it."""

    spot: Spot
    key: str | None = None


@dataclass(frozen=True)
class Parts:
    """Several values by name."""

    by_name: dict[str, Template]


@dataclass(frozen=True)
class Row:
    """Several values in a list."""

    items: tuple[Template, ...]


Template = Const | Link | Parts | Row


def narrowed(template: Template, key: str | None) -> Template:
    """One field of a value that is yet to come."""
    if key is None:
        return template
    if isinstance(template, Parts):
        return template.by_name[key]
    if isinstance(template, Link):
        assert template.key is None
        return Link(template.spot, key)
    assert isinstance(template, Const)
    assert isinstance(template.value, dict)
    return Const(template.value[key])


def spots_in(templates: Iterable[Template]) -> list[Spot]:
    """The steps that some values come from."""
    found: list[Spot] = []
    for template in templates:
        if isinstance(template, Link):
            found.append(template.spot)
        elif isinstance(template, Parts):
            found.extend(spots_in(template.by_name.values()))
        elif isinstance(template, Row):
            found.extend(spots_in(template.items))
    return found


def clash(before: Spot, after: Spot) -> bool:
    """Whether one writes what the other touches."""
    return bool({*before.writes} & {*after.reads, *after.writes} or {*before.reads} & {*after.writes})
