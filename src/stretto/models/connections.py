"""HTTP clients lent for one request at a time, each with at most one connection.

A shared pool of the HTTP library looks at all its connections for every request, which at 600 at once costs
more than the requests. Here the client used last is lent first, whatever their number. Clients belong to the
event loop that opened them; a loop that ends closes its async generators, and with the one here all its
clients.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable

    import httpx2

__all__ = ["Clients"]


class Clients:
    """Lends clients made by `make`, apart for each event loop."""

    def __init__(self, make: Callable[[], httpx2.AsyncClient]) -> None:
        self._make = make
        self._lots: dict[asyncio.AbstractEventLoop, _Lot] = {}

    @asynccontextmanager
    async def lent(self) -> AsyncIterator[httpx2.AsyncClient]:
        """A client that nobody else uses until the block ends."""
        lot = await self._lot()
        if not lot.idle:
            lot.made.append(self._make())
            lot.idle.append(lot.made[-1])
        client = lot.idle.pop()
        try:
            yield client
        finally:
            lot.idle.append(client)

    async def aclose(self) -> None:
        """Close the running loop's clients; requests still under way on them fail."""
        lot = self._lots.get(asyncio.get_running_loop())
        if lot is not None:
            await lot.keeper.aclose()

    async def _lot(self) -> _Lot:
        """The running loop's clients. Opening a lot never suspends, so two tasks cannot open two."""
        loop = asyncio.get_running_loop()
        if loop not in self._lots:
            lot = _Lot(self._lots, loop)
            self._lots[loop] = lot
            await anext(lot.keeper)
        return self._lots[loop]


class _Lot:
    """One loop's clients: all that were `made`, those `idle`, and the `keeper` that closes them."""

    def __init__(self, lots: dict[asyncio.AbstractEventLoop, _Lot], loop: asyncio.AbstractEventLoop) -> None:
        self.made: list[httpx2.AsyncClient] = []
        self.idle: list[httpx2.AsyncClient] = []
        self.keeper = self._keep(lots, loop)

    async def _keep(
        self, lots: dict[asyncio.AbstractEventLoop, _Lot], loop: asyncio.AbstractEventLoop
    ) -> AsyncGenerator[None, None]:
        try:
            yield
        finally:
            lots.pop(loop, None)
            for client in self.made:
                await client.aclose()
