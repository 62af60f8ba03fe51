"""Stretto on a load: the public API, the workflow's body traced anew in every run."""

from __future__ import annotations

import tempfile
from typing import TYPE_CHECKING, Any

from bench.peers.loads import work
from bench.peers.systems import OURS
from stretto import Engine, step, workflow

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from bench.peers.loads import Load

__all__ = ["DurableStretto", "Stretto"]

mixed = step(work)


@step
async def item(number: int) -> int:
    """One item of a map."""
    return await work(0.0, number)


class Stretto:
    """`.arun` with the default engine and observer."""

    name = OURS.name

    def __init__(self) -> None:
        self.engine = Engine()

    def build(self, load: Load) -> Callable[[], Awaitable[object]]:
        """Declares the workflow: every step named, or one step over the items. Nothing is traced ahead."""
        deps, seconds = load.dag

        @workflow
        def graph() -> list[int]:
            refs: list[Any] = []
            for number, needed in enumerate(deps):
                inputs = [refs[before] for before in needed]
                refs.append(mixed.named(f"s{number}")(seconds[number], number, *inputs))
            return [refs[end] for end in load.ends]

        @workflow
        def mapped() -> list[int]:
            return item.map(load.ends)

        flow = (mapped if load.is_map else graph).with_options(engine=self.engine)

        async def run() -> object:
            return (await flow.arun()).value

        return run


class DurableStretto(Stretto):
    """The same on an engine whose store is a SQLite file."""

    def __init__(self) -> None:
        self._home = tempfile.TemporaryDirectory(prefix="bench-")
        self.engine = Engine(store=f"sqlite:///{self._home.name}/runs.db")

    def close(self) -> None:
        """Close the file and delete it; without this it goes with the process."""
        self.engine.runs.store.close()
        self._home.cleanup()
