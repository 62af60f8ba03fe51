"""What the follower knows of each step and attempt. Knows nothing of the engine."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf
from typing import TYPE_CHECKING

from property.filling import NO_ITEM, BadInputError, filled, inputs_of
from property.shapes import Block, Const, Many, Node, Out, outs_in

if TYPE_CHECKING:
    from property.shapes import Flow, Part

__all__ = ["Attempt", "MismatchError", "Record", "Records"]


@dataclass
class Attempt:
    """One attempt. `told` is why it was taken from its step: "run" (stop all), "verdict" (a deadline), "newer"."""

    began: float
    told: str | None = None
    until: float = inf
    is_abandoned: bool = False
    has_ended: bool = False

    @property
    def is_awaited(self) -> bool:
        """Whether the run waits for its end though it was told to stop."""
        return self.told is not None and self.until < inf and not (self.has_ended or self.is_abandoned)


@dataclass
class Record:
    """One step as it stands."""

    path: str
    number: int
    node: Node | None
    block: Block | None
    deps: tuple[str, ...]
    kind: str
    item: object = NO_ITEM
    place: int = 0
    anchor: str | None = None
    state: str = "pending"
    attempts: list[Attempt] = field(default_factory=list)
    value: object = None
    is_delivered: bool = False
    until: float = inf
    is_due: bool = False
    children: list[str] | None = None
    is_doomed: bool = False
    saw: object = None

    @property
    def is_open(self) -> bool:
        return self.state in ("pending", "ready", "running", "waiting")

    @property
    def is_free(self) -> bool:
        """Whether it needs no permit."""
        return self.kind == "anchor" or (self.node is not None and self.node.where == "inline")


class MismatchError(AssertionError):
    """The run did something that the description does not allow."""


class Records:
    """A run's steps as they stand, and the values they have handed on."""

    def __init__(self, flow: Flow) -> None:
        self.flow = flow
        self.records: dict[str, Record] = {}
        self.opened: dict[str, float] = {}
        self.cut_blocks: set[str] = set()
        self.now = 0.0
        self.began = 0.0
        self.halted: str | None = None
        self.must_stop = False
        self.is_expired = False
        self.is_partial = False
        self.status: str | None = None
        for item in flow.items:
            for node in item.nodes if isinstance(item, Block) else (item,):
                self._declare(node)
            if isinstance(item, Block):
                deps = tuple(node.name for node in item.nodes)
                self._add(Record(item.name, 0, None, item, deps, "gate"))

    def states(self) -> dict[str, str]:
        """Every step's state by path."""
        return {path: record.state for path, record in self.records.items()}

    # ---------------------------------------------------------------- the graph

    def _add(self, record: Record) -> None:
        record.number = len(self.records)
        self.records[record.path] = record

    def _declare(self, node: Node) -> None:
        block = self.flow.group_of.get(node.name)
        fixed = (*(out.of for out in outs_in(node.parts)), *node.after)
        if node.items is None:
            self._add(Record(node.name, 0, node, block, fixed, "call"))
            return
        known = self._known_items(node)
        if known is None:
            deps = tuple(out.of for out in outs_in((node.items,)))
            self._add(Record(node.name, 0, node, block, deps, "anchor"))
        else:
            self._add(Record(node.name, 0, node, block, (), "anchor", state="waiting"))
            self._add_children(node, known)

    def _known_items(self, node: Node) -> list[Part] | None:
        """A map's items where the body itself shows how many there are."""
        if isinstance(node.items, Many):
            return list(node.items.parts)
        if isinstance(node.items, Out) and node.items.key is None:
            upstream = self.records[node.items.of]
            if upstream.children is not None:
                return [Out(path) for path in upstream.children]
        return None

    def _add_children(self, node: Node, items: list[Part]) -> None:
        fixed = (*(out.of for out in outs_in(node.parts)), *node.after)
        anchor = self.records[node.name]
        anchor.children = [f"{node.name}[{place}]" for place in range(len(items))]
        for place, item in enumerate(items):
            deps = (*(out.of for out in outs_in((item,))), *fixed)
            path = anchor.children[place]
            self._add(Record(path, 0, node, None, deps, "child", item, place, node.name))

    def _grown_items(self, record: Record) -> list[Part]:
        part = record.node.items  # type: ignore[union-attr]  # an anchor has a node
        assert isinstance(part, Out)
        if part.key is None:
            return [Out(path) for path in self.records[part.of].children or ()]
        value = filled(part, self._value)
        if not isinstance(value, (list, tuple)):
            raise BadInputError
        return [Const(each) for each in value]

    # ---------------------------------------------------------------- values

    def _value(self, name: str) -> object:
        record = self.records[name]
        if record.kind == "anchor" and record.state == "succeeded":
            return [self._value(child) for child in record.children or ()]
        return record.value

    def _inputs(self, record: Record) -> tuple[tuple[object, ...], dict[str, object]]:
        item = record.item
        if isinstance(item, (Const, Out, Many)):
            item = filled(item, self._value)
        return inputs_of(record.node, item, self._value)  # type: ignore[arg-type]  # not a gate

    def output(self) -> object:
        """The run's value."""
        return [self._value(name) for name in self.flow.output]
