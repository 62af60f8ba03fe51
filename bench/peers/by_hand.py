"""The control: asyncio written by hand."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from bench.peers.loads import work
from bench.peers.systems import CONTROL

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from bench.peers.loads import Load

__all__ = ["ByHand"]


class ByHand:
    """A task a step that awaits the tasks it needs."""

    name = CONTROL.name

    def build(self, load: Load) -> Callable[[], Awaitable[object]]:
        """The tasks are made anew in each run."""
        deps, seconds = load.dag

        async def run() -> list[int]:
            tasks: list[asyncio.Task[int]] = []

            async def one(number: int, needed: Sequence[int]) -> int:
                return await work(seconds[number], number, *[await tasks[before] for before in needed])

            tasks.extend(asyncio.create_task(one(number, needed)) for number, needed in enumerate(deps))
            return list(await asyncio.gather(*[tasks[end] for end in load.ends]))

        return run
