"""What belongs to one event loop of durable runs, and how stores are called from it."""

from __future__ import annotations

import asyncio
from functools import cache
from typing import TYPE_CHECKING, Final

from stretto.runtime.engine.durable import DurableJournals
from stretto.runtime.engine.letters import Mailroom

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import ThreadPoolExecutor

    from stretto.ports import Store

__all__ = ["Desk", "off_loop"]

_WAITING_AT_ONCE: Final = 64


class Desk:
    """What belongs to one event loop."""

    def __init__(self, store: Store, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.journals = DurableJournals(store, loop)
        self.mailroom = Mailroom(store, loop, off_loop)
        self.ended: dict[str, asyncio.Future[None]] = {}
        self.queued: set[str] = set()


async def off_loop(call: Callable[..., object], *args: object) -> object:
    """Call what may take time. A store that says it `is_quick` is called right here, as virtual time needs it."""
    if getattr(getattr(call, "__self__", None), "is_quick", False):
        return call(*args)
    return await asyncio.get_running_loop().run_in_executor(_threads(), call, *args)


@cache
def _threads() -> ThreadPoolExecutor:
    """Threads that wait for stores. Many: what waits together is committed together."""
    from concurrent.futures import ThreadPoolExecutor

    return ThreadPoolExecutor(_WAITING_AT_ONCE, thread_name_prefix="stretto-store")
