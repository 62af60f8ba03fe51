"""What a described workflow gives, by plain recursion over its description.

Written apart from the engine, of which nothing is imported: no queue, no counters, no events. It speaks of runs
that nothing cuts; for the others see `follower.py`.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Final, NamedTuple

from property.filling import NO_ITEM, BadInputError, filled, inputs_of
from property.shapes import Block, Const, Many, default_of, value_of

if TYPE_CHECKING:
    from property.shapes import Flow, Node, Part, Play

__all__ = ["Expected", "Outcome", "UnpredictableError"]

RETRYABLE: Final = ("error", "timeout")


class UnpredictableError(Exception):
    """The outcome depends on when things happen."""


class Outcome(NamedTuple):
    """How one step ends: state, what it hands on (None when nothing), how many attempts, what they saw.

    `attempts` and `inputs` are None where they depend on the order of events though the outcome does not.
    """

    state: str
    value: object
    attempts: int | None
    inputs: object


class Expected:
    """Values and states by recursion. Raises UnpredictableError from `__init__` where time decides."""

    def __init__(self, flow: Flow) -> None:
        if flow.is_cut:
            raise UnpredictableError
        self.flow = flow
        self.nodes = {node.name: node for node in flow.nodes}
        self.steps: dict[str, Outcome] = {}
        self.is_lost = False
        self.is_partial = False
        for item in flow.items:
            for node in item.nodes if isinstance(item, Block) else (item,):
                if not self.is_lost:
                    self._settle(node)
            if isinstance(item, Block) and not self.is_lost:
                self._judge(item)
        self.value = None if self.is_lost else [self._handed_on(name) for name in flow.output]

    @property
    def status(self) -> str:
        """The run's status."""
        return "failed" if self.is_lost else "partial" if self.is_partial else "succeeded"

    def _handed_on(self, name: str) -> object:
        return self.steps[name].value

    def _settle(self, node: Node) -> None:
        if node.items is None:
            self.steps[node.name] = self._outcome(node, node.name, 0, None, node.name in self.flow.group_of)
        else:
            self._settle_map(node)

    def _settle_map(self, node: Node) -> None:
        name = node.name
        is_member = name in self.flow.group_of
        try:
            items = self._items(node)
        except BadInputError:
            self.steps[name] = self._lost(name, node, None, is_member, 1)
            return
        found = {
            f"{name}[{number}]": self._outcome(
                node, f"{name}[{number}]", number, item, False, is_absorbed=is_member
            )
            for number, item in enumerate(items)
        }
        if all(outcome.value is not None for outcome in found.values()):
            self.steps.update(found)
            self.steps[name] = Outcome("succeeded", [outcome.value for outcome in found.values()], None, None)
        elif is_member:  # which of its children still ran depends on when the first was lost
            self.is_partial = True
            self.steps[name] = Outcome("failed", {"missing": name}, None, None)

    def _items(self, node: Node) -> list[Part]:
        """The items as parts: one that cannot be made is its own child's affair."""
        part = node.items
        assert part is not None
        if isinstance(part, Many):
            return list(part.parts)
        value = filled(part, self._handed_on)
        if not isinstance(value, (list, tuple)):
            raise BadInputError
        return [Const(each) for each in value]

    def _outcome(
        self,
        node: Node,
        path: str,
        number: int,
        item: Part | None,
        is_member: bool,
        *,
        is_absorbed: bool = False,
    ) -> Outcome:
        try:
            made = NO_ITEM if item is None else filled(item, self._handed_on)
            inputs = inputs_of(node, made, self._handed_on)
        except BadInputError:
            return self._lost(path, node, None, is_member, 1, is_absorbed=is_absorbed)
        for attempt in range(1, node.attempts + 1):
            ends, took = _ends(node, node.play(number, attempt))
            if node.within is not None and attempt > 1:
                raise UnpredictableError  # how long it waited for permits in between counts
            if node.within is not None and took > node.within:
                break
            if ends == "value":
                return Outcome("succeeded", value_of(node, path, attempt, inputs), attempt, inputs)
            if ends == "timeout" and node.where == "thread" and attempt < node.attempts:
                raise UnpredictableError  # its late result may be adopted
            if ends not in RETRYABLE:
                break
        return self._lost(path, node, inputs, is_member, attempt, is_absorbed=is_absorbed)

    def _lost(
        self,
        path: str,
        node: Node,
        inputs: object,
        is_member: bool,
        attempts: int,
        *,
        is_absorbed: bool = False,
    ) -> Outcome:
        is_map = node.items is not None and "[" not in path
        if is_member or (node.optional and not is_map):
            self.is_partial = True
            has_default = node.optional and node.default and not is_map
            value: object = default_of(node) if has_default else {"missing": path}
            return Outcome("failed", value, attempts, inputs)
        if not is_absorbed:
            self.is_lost = True
        return Outcome("failed", None, attempts, inputs)

    def _judge(self, block: Block) -> None:
        good = sum(self.steps[node.name].state == "succeeded" for node in block.nodes)
        if block.min_success is not None and good < block.min_success:
            self.is_lost = True
            self.steps[block.name] = Outcome("failed", None, None, None)
        else:
            self.steps[block.name] = Outcome("succeeded", good, None, None)


def _ends(node: Node, play: Play) -> tuple[str, float]:
    """(how, after how many seconds) an attempt that is left alone ends."""
    ends = "value" if play.ends == "stubborn" else play.ends
    length = inf if ends == "hang" else 0.0 if node.where == "inline" else play.latency
    if node.timeout is not None and length > node.timeout and node.where != "inline":
        return "timeout", node.timeout
    if length == inf and node.within is None:
        raise UnpredictableError
    return ends, length
