"""LangGraph on a load, both ways: no checkpointer, async, compiled ahead.

Several ways to write each were timed; the fastest stands here. For the graph: one channel with a reducer that updates
in place, rather than a channel a step; ``version="v2"``, which streams no updates that nobody reads; `Send` for a map.
"""

from __future__ import annotations

import asyncio
import operator
from typing import TYPE_CHECKING, Annotated, Any, TypedDict

from langgraph.func import entrypoint, task
from langgraph.graph import START, StateGraph
from langgraph.types import Send

from bench.peers.loads import levels, work

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from bench.peers.loads import Load

__all__ = ["Functional", "Graph"]


def _put(values: dict[int, int], more: dict[int, int]) -> dict[int, int]:
    """A reducer that copies nothing: safe where no checkpoint keeps the old value."""
    values.update(more)
    return values


class Values(TypedDict):
    """Each step's value by its number."""

    values: Annotated[dict[int, int], _put]


class Items(TypedDict):
    """A map's values, in the order of its items."""

    values: Annotated[list[int], operator.add]


def _node(load: Load, number: int) -> Callable[[Values], Awaitable[dict[str, dict[int, int]]]]:
    seconds, needed = load.dag.seconds[number], load.dag.deps[number]

    async def node(state: Values) -> dict[str, dict[int, int]]:
        values = state["values"]
        return {"values": {number: await work(seconds, number, *[values[before] for before in needed])}}

    return node


def _graph(load: Load) -> Any:
    """A node a step, an edge a need; a step that needs several waits for them all."""
    builder: Any = StateGraph(Values)  # its overloads know protocols with a parameter named `state` only
    for number in range(load.steps):
        builder.add_node(f"s{number}", _node(load, number))
    for number, needed in enumerate(load.dag.deps):
        names = [f"s{before}" for before in needed] or [START]
        builder.add_edge(names if len(names) > 1 else names[0], f"s{number}")
    return builder.compile()


def _map(load: Load) -> Any:
    """One node, sent an item each time."""

    async def item(number: int) -> dict[str, list[int]]:
        return {"values": [await work(0.0, number)]}

    builder: Any = StateGraph(Items)  # its node is sent bare numbers, which its type does not know
    builder.add_node("item", item)
    builder.add_conditional_edges(START, lambda _: [Send("item", number) for number in load.ends], ["item"])
    return builder.compile()


class Graph:
    """`StateGraph`."""

    name = "LangGraph graph"

    def build(self, load: Load) -> Callable[[], Awaitable[object]]:
        """Compile; a run needs as many supersteps as the graph is deep."""
        compiled = self.compiled(load)
        return lambda: self.call(compiled, load, {})

    def compiled(self, load: Load) -> Any:
        """The graph of a load."""
        return _map(load) if load.is_map else _graph(load)

    async def call(
        self, compiled: Any, load: Load, config: Mapping[str, object], **more: object
    ) -> list[int]:
        """Run it once; `config` and `more` are for `ainvoke`."""
        start: dict[str, object] = {"values": [] if load.is_map else {}}
        whole = {**config, "recursion_limit": load.steps + 10}
        found = (await compiled.ainvoke(start, whole, version="v2", **more)).value["values"]
        return list(found) if load.is_map else [found[end] for end in load.ends]


class Functional:
    """`@entrypoint` and `@task`."""

    name = "LangGraph functional"

    def build(self, load: Load) -> Callable[[], Awaitable[object]]:
        """Declare it; the entrypoint's body runs in every run."""
        flow = self.flow(load)

        async def run() -> object:
            return await flow.ainvoke({})

        return run

    def flow(self, load: Load) -> Any:
        """Where steps sleep, a coroutine a step that awaits its own; where none does, a gather a level is faster."""
        mixed = task(work)
        deps, seconds = load.dag

        async def by_step() -> list[int]:
            ours: list[asyncio.Task[int]] = []

            async def one(number: int, needed: Sequence[int]) -> int:
                return await mixed(seconds[number], number, *[await ours[before] for before in needed])

            ours.extend(asyncio.create_task(one(number, needed)) for number, needed in enumerate(deps))
            return list(await asyncio.gather(*[ours[end] for end in load.ends]))

        async def by_level() -> list[int]:
            values: dict[int, int] = {}
            for row in rows:
                futures = [mixed(0.0, number, *[values[before] for before in deps[number]]) for number in row]
                values.update(zip(row, await asyncio.gather(*futures), strict=True))
            return [values[end] for end in load.ends]

        rows = levels(load.dag)

        @entrypoint()
        async def flow(_: dict[str, int]) -> list[int]:
            return await (by_step() if load.sleeps else by_level())

        return flow
