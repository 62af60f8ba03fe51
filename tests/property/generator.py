"""Draws described workflows. Shrinks towards few, plain steps that succeed at once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from property.shapes import Block, Const, Flow, Many, Node, Out, Part, Play, outs_in, step_id

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

LATENCIES = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 5.0, 8.0)
# Limits lie between the sums of latencies: what ends at the very instant of its limit may come out either way.
TIMEOUTS = (0.75, 1.25, 2.25, 4.25)
WITHINS = (1.75, 3.25, 6.25)


@dataclass(frozen=True)
class _Source:
    """An earlier step as an input: may it be missing, is it a list, how many items has its field."""

    name: str
    kind: str
    is_maybe: bool
    is_member: bool
    size: int


class _Author:
    """Writes one workflow, asking hypothesis at every turn."""

    def __init__(self, draw: Callable[[Any], Any], *, is_calm: bool) -> None:
        self._draw = draw
        self._is_calm = is_calm
        self._is_rough = not is_calm and self.chance(25)
        self._sources: list[_Source] = []
        self._count = 0

    def chance(self, percent: int) -> bool:
        """True in so many of a hundred; shrinks to False."""
        return bool(self._draw(st.integers(0, 99)) >= 100 - percent)

    def pick(self, options: Sequence[Any]) -> Any:
        """One of several; shrinks to the first."""
        return options[self._draw(st.integers(0, len(options) - 1))]

    def number(self, least: int, most: int) -> int:
        return int(self._draw(st.integers(least, most)))

    # ---------------------------------------------------------------- the whole

    def flow(self) -> Flow:
        """A workflow and its run options."""
        items = tuple(self._item() for _ in range(self.number(5, 12)))
        names = [source.name for source in self._sources]
        output = tuple(dict.fromkeys([names[-1], *(self.pick(names) for _ in range(self.number(0, 4)))]))
        flow = Flow(items, output)
        if self._is_calm:
            return replace(flow, permits=self.pick((None, 2, 1)))
        return replace(
            flow,
            permits=self.pick((None, 3, 3, 2, 2, 1)),
            on_failure="fail_fast" if self.chance(35) else "drain",
            within=self.pick((25.125, 12.125, 6.125, 3.125)) if self.chance(28) else None,
            cancel_at=self.pick((0.0, 1.0, 2.5, 4.0, 7.0)) if self.chance(24) else None,
            grace=self.pick((2.0, 0.5)),
            estimates=self._estimates(items),
            commits_later=self.chance(25),
        )

    def _estimates(self, items: tuple[Node | Block, ...]) -> tuple[tuple[str, float], ...]:
        if not self.chance(35):
            return ()
        nodes = [node for item in items for node in (item.nodes if isinstance(item, Block) else (item,))]
        return tuple((step_id(node), self.pick((1.0, 0.5, 2.0, 4.0))) for node in nodes if self.chance(60))

    def _item(self) -> Node | Block:
        return self._block() if self.chance(20) else self._node(is_member=False)

    def _name(self, prefix: str) -> str:
        self._count += 1
        return f"{prefix}{self._count}"

    def _block(self) -> Block:
        nodes = tuple(self._node(is_member=True) for _ in range(self.number(2, 5)))
        within = self.pick((6.25, 3.25, 1.75)) if not self._is_calm and self.chance(30) else None
        least = 0 if self._is_calm else self.number(0, len(nodes))
        wanted = self.pick((least, max(0, least - 2))) if self.chance(60) else None
        block = Block(self._name("g"), nodes, within, wanted)
        self._sources.append(_Source(block.name, "gate", False, False, 0))
        return block

    # ---------------------------------------------------------------- one step

    def _node(self, *, is_member: bool) -> Node:
        is_map = self.chance(30)
        node = Node(name=self._name("m" if is_map else "s"), size=self.pick((0, 2, 3, 1, 4)))
        node = self._wired(node, is_map=is_map)
        where = self.pick(("loop",) * 7 + ("thread",) * 2 + ("inline",) * 2)
        node = replace(node, where=where, is_named=self.chance(20))
        if self.chance(25):
            node = replace(node, optional=True, default=self.chance(50))
        node = self._inline(node) if where == "inline" else self._timed(node, is_member=is_member)
        is_maybe = not is_map and (is_member or node.optional) and not node.default
        self._sources.append(_Source(node.name, "map" if is_map else "call", is_maybe, is_member, node.size))
        return node

    def _wired(self, node: Node, *, is_map: bool) -> Node:
        parts = tuple(self._part() for _ in range(self.number(0, 1 if is_map else 3)))
        after: tuple[str, ...] = ()
        if self._sources and self.chance(14):
            after = (self.pick(self._sources).name,)
        if is_map:
            named = tuple((f"x{number}", part) for number, part in enumerate(parts))
            return replace(node, items=self._items(), named=named, after=after)
        if parts and self.chance(15):
            return replace(node, inputs=parts[:-1], named=(("x", parts[-1]),), after=after)
        return replace(node, inputs=parts, after=after)

    def _items(self) -> Part:
        lists = [source for source in self._sources if source.kind == "map" and not source.is_member]
        fields = [
            source
            for source in self._sources
            if source.kind == "call" and not source.is_maybe and source.size
        ]
        if lists and self.chance(50):
            return Out(self.pick(lists[::-1]).name)
        if fields and self.chance(60):
            return Out(self.pick(fields[::-1]).name, "items")
        return Many("list", tuple(self._flat_part() for _ in range(self.number(0, 4))))

    def _part(self) -> Part:
        if self.chance(15):
            kind = self.pick(("list", "tuple", "dict"))
            return Many(kind, tuple(self._flat_part() for _ in range(self.number(1, 3))))
        return self._flat_part()

    def _flat_part(self) -> Const | Out:
        if not self._sources or self.chance(15):
            return Const(self.pick((1, "text", [1, [2]], {"a": [3]})))
        # Mostly the latest: graphs of some depth rather than stars.
        back = min(self.number(0, 7), len(self._sources) - 1)
        source = self._sources[-1 - back]
        if source.kind == "call" and not source.is_maybe and self.chance(40):
            return Out(
                source.name, "nope" if self._is_rough and self.chance(6) else self.pick(("n", "items"))
            )
        return Out(source.name)

    def _inline(self, node: Node) -> Node:
        is_tolerant = node.optional and not self._is_calm
        fails = self.chance(25) if is_tolerant else self._is_rough and self.chance(4)
        return replace(node, plays=(Play(0.0, "error"),)) if fails else node

    def _timed(self, node: Node, *, is_member: bool) -> Node:
        if self.chance(15):
            node = replace(node, limits=self.pick((("a",), ("b",), ("a", "b"))))
        if self._is_calm:
            return replace(node, plays=self._plays(lambda: Play(self.pick(LATENCIES))))
        if self.chance(30):
            node = replace(node, attempts=self.number(2, 3), wait=self.pick((0.5, 1.0, 2.0)))
        may_fail = node.optional or is_member or self._is_rough
        if self.chance(30):
            node = replace(node, timeout=self.pick(TIMEOUTS if may_fail else (9.25,)))
        if self.chance(14):
            node = replace(node, within=self.pick(WITHINS if may_fail else (60.25,)))
        if node.timeout is None and node.within is None and self.chance(30):
            node = replace(node, jitter=True)
        if may_fail:
            return replace(node, plays=self._plays(lambda: self._play(node, self._ends_of(node))))
        # Required work mostly succeeds in the end, or few runs would have a value to compare.
        bad = tuple(self._play(node, ("error",)) for _ in range(self.number(0, node.attempts - 1)))
        return replace(node, plays=(Play(self.pick(LATENCIES)), *bad))

    def _ends_of(self, node: Node) -> tuple[str, ...]:
        if node.where == "thread":
            return ("error", "error", "permanent")
        if (node.timeout is not None or node.within is not None) and self.chance(55):
            return ("stubborn", "hang")
        return ("error",) * 6 + ("permanent", "cancelled")

    def _plays(self, play: Callable[[], Play]) -> tuple[Play, ...]:
        return tuple(play() for _ in range(self.number(1, 4)))

    def _play(self, node: Node, ends: tuple[str, ...]) -> Play:
        if not self.chance(40):
            return Play(self.pick(LATENCIES))
        chosen = self.pick(ends)
        if chosen == "stubborn":
            return Play(self.pick((8.0, 5.0)), "stubborn", self.pick((1.0, 3.0, 0.5)))
        return Play(self.pick(LATENCIES), chosen)


@st.composite
def flows(draw: Callable[[Any], Any]) -> Flow:
    """Workflows with failures, timeouts, deadlines and cancels."""
    return _Author(draw, is_calm=False).flow()


@st.composite
def calm_flows(draw: Callable[[Any], Any]) -> Flow:
    """Workflows in which nothing fails and nothing is cut."""
    return _Author(draw, is_calm=True).flow()


# -------------------------------------------------------------------- what is in a workflow


def traits(flow: Flow) -> set[str]:
    """The constructs a workflow contains."""
    found = {flow.on_failure, f"permits {flow.permits}"}
    names = {node.name: node for node in flow.nodes}
    for node in flow.nodes:
        found |= _traits_of(node, names)
        if node.items is not None and node.name in flow.group_of:
            found.add("map in a group")
    for block in flow.blocks:
        found |= (
            {"group"}
            | ({"group within"} if block.within else set())
            | ({"min_success"} if block.min_success else set())
        )
    found |= {"run within"} if flow.within is not None else set()
    found |= {"cancel"} if flow.cancel_at is not None else set()
    found |= {"estimates"} if flow.estimates else set()
    found |= {"commits later"} if flow.commits_later else set()
    return found


def _traits_of(node: Node, names: dict[str, Node]) -> set[str]:
    outs = outs_in(node.parts)
    having = {
        node.where: True,
        "optional with default": node.optional and node.default,
        "optional, Missing": node.optional and not node.default,
        "retry": node.attempts > 1,
        "jitter": node.jitter and node.attempts > 1,
        "timeout": node.timeout is not None,
        "step within": node.within is not None,
        "limit": bool(node.limits),
        "after": bool(node.after),
        "named": node.is_named,
        "keyword input": bool(node.named),
        "nested input": any(isinstance(part, Many) for part in node.parts),
        "projection": any(out.key for out in outs),
        "map": node.items is not None,
        "grown map": isinstance(node.items, Out) and node.items.key is not None,
        "map over map": isinstance(node.items, Out) and node.items.key is None,
        "shared mutable": any(out.of in names and names[out.of].size for out in outs),
    }
    return {trait for trait, is_there in having.items() if is_there} | {
        f"ends in {play.ends}" for play in node.plays
    }
