"""DBOS on a load, its system database a SQLite file: its default where no PostgreSQL is named."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dbos import DBOS

from bench.peers.loads import levels, work

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from bench.peers.loads import Load

__all__ = ["Dbos"]

_home = tempfile.TemporaryDirectory(prefix="bench-")


@DBOS.step()
async def mixed(seconds: float, number: int, inputs: list[int]) -> int:
    """What every step does."""
    return await work(seconds, number, *inputs)


class Dbos:
    """`@DBOS.workflow` and `@DBOS.step`. One launch serves all loads."""

    name = "DBOS, SQLite"

    def __init__(self) -> None:
        place = Path(_home.name) / "dbos.sqlite"
        quiet = {"log_level": "ERROR", "console_log_level": "ERROR", "enable_otlp": False}
        self._config: Any = {"name": "bench", "system_database_url": f"sqlite:///{place}", **quiet}
        self._is_launched = False

    def build(self, load: Load) -> Callable[[], Awaitable[object]]:
        """Where steps sleep, a coroutine a step that awaits its own; where none does, a gather a level."""
        self._launch()
        flow = by_step if load.sleeps else by_level
        rows = levels(load.dag)

        async def run() -> object:
            return await flow(load.dag.deps, load.dag.seconds, rows, load.ends)

        return run

    def _launch(self) -> None:
        if not self._is_launched:
            self._is_launched = True
            DBOS(config=self._config)
            DBOS.launch()


@DBOS.workflow()
async def by_level(
    deps: list[list[int]], seconds: list[float], rows: list[list[int]], ends: list[int]
) -> list[int]:
    """Level after level."""
    values: dict[int, int] = {}
    for row in rows:
        found = [
            mixed(seconds[number], number, [values[before] for before in deps[number]]) for number in row
        ]
        values.update(zip(row, await asyncio.gather(*found), strict=True))
    return [values[end] for end in ends]


@DBOS.workflow()
async def by_step(
    deps: list[list[int]], seconds: list[float], rows: list[list[int]], ends: list[int]
) -> list[int]:
    """A coroutine a step. Steps are numbered as they begin, which a recovery would need to be always the same."""
    ours: list[asyncio.Task[int]] = []

    async def one(number: int, needed: Sequence[int]) -> int:
        return await mixed(seconds[number], number, [await ours[before] for before in needed])

    ours.extend(asyncio.create_task(one(number, needed)) for number, needed in enumerate(deps))
    return list(await asyncio.gather(*[ours[end] for end in ends]))
