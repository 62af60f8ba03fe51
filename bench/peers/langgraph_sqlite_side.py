"""LangGraph with its SQLite saver: the graphs of `bench.peers.langgraph_side`, with a checkpoint a superstep."""

from __future__ import annotations

import tempfile
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

from bench.peers.langgraph_side import Functional, Graph

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from bench.peers.loads import Load

__all__ = ["SqliteFunctional", "SqliteGraph"]

_home = tempfile.TemporaryDirectory(prefix="bench-")
_numbers = count()


@asynccontextmanager
async def _saved(compiled: Any) -> AsyncIterator[dict[str, object]]:
    """A configuration for one run of `compiled` that lies in the file: a saver belongs to one loop, so each run opens
    it anew."""
    async with AsyncSqliteSaver.from_conn_string(str(Path(_home.name) / "runs.db")) as saver:
        compiled.checkpointer = saver
        yield {"configurable": {"thread_id": f"run-{next(_numbers)}"}}


class SqliteGraph:
    """`StateGraph` with `AsyncSqliteSaver`; a superstep waits for the checkpoint of the one before."""

    name = "LangGraph graph, SQLite"

    def build(self, load: Load) -> Callable[[], Awaitable[object]]:
        """Compile; a run needs as many supersteps as the graph is deep."""
        compiled = Graph().compiled(load)

        async def run() -> object:
            async with _saved(compiled) as config:
                return await Graph().call(compiled, load, config, durability="sync")

        return run


class SqliteFunctional:
    """`@entrypoint` and `@task` with `AsyncSqliteSaver`; a task's result is written down behind its back."""

    name = "LangGraph functional, SQLite"

    def build(self, load: Load) -> Callable[[], Awaitable[object]]:
        """As without a saver."""
        flow: Any = Functional().flow(load)

        async def run() -> object:
            async with _saved(flow) as config:
                return await flow.ainvoke({}, config, durability="sync")

        return run
