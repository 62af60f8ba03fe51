"""Hamilton's async driver on a load: a module with one function a step, the driver built ahead."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Any

from hamilton import ad_hoc_utils, async_driver  # type: ignore[import-untyped]  # it ships no types

from bench.peers.loads import work
from bench.peers.systems import CannotError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from bench.peers.loads import Load

__all__ = ["AsyncDriver"]

# The driver walks up from a step to what it needs by recursion, in an order that hangs on the names' hashes. Under
# Python's default limit a chain of 1 000 passed with twelve of twelve hash seeds, one of 1 500 with seven.
FRAMES = 1_000


def _source(load: Load) -> str:
    """One function a step, its needs as parameters: what a user would write by hand.

    >>> a chain's second step: ``async def s1(s0: int) -> int: return await _work(0.0, 1, s0)``
    """
    lines = []
    for number, needed in enumerate(load.dag.deps):
        names = [f"s{before}" for before in needed]
        parameters = ", ".join(f"{name}: int" for name in names)
        arguments = ", ".join([repr(load.dag.seconds[number]), str(number), *names])
        lines.append(f"async def s{number}({parameters}) -> int: return await _work({arguments})")
    return "\n".join(lines)


def _built(load: Load) -> Any:
    module: Any = ad_hoc_utils.module_from_source(_source(load))
    module._work = work  # a leading underscore keeps it from becoming a step
    return asyncio.run(async_driver.Builder().with_modules(module).build())


def _refusal() -> str:
    """What the async driver says when it is asked for its sync sibling's map."""
    try:
        async_driver.Builder().enable_dynamic_execution(allow_experimental_mode=True)
    except (ValueError, TypeError) as error:
        return str(error)
    return "its async driver takes maps now: this benchmark has to be written for it"


class AsyncDriver:
    """`async_driver.Builder`."""

    name = "Hamilton async"

    def build(self, load: Load) -> Callable[[], Awaitable[object]]:
        """Build the driver. A map is refused: the async driver has none."""
        if load.is_map:
            raise CannotError(_refusal().strip())
        sys.setrecursionlimit(max(sys.getrecursionlimit(), load.steps + FRAMES))
        driver = _built(load)
        names = [f"s{end}" for end in load.ends]

        async def run() -> list[int]:
            found = await driver.execute(names)
            return [found[name] for name in names]

        return run
