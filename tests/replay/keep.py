"""Keeps one journal of each flow, as today's format writes it: ``python tests/replay/keep.py``.

Journals that are there stay as they are: they stand for those that users have.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "src")]

from runtime import crashing_flows as flows  # noqa: E402  # found by the line above
from stretto import Engine, approve, step, wait_for, workflow  # noqa: E402  # as above
from stretto.core.journal.writing import VERSION  # noqa: E402  # as above
from stretto.runtime.stores.memory import MemoryStore  # noqa: E402  # as above
from stretto.testing import run_virtual  # noqa: E402  # as above


@step(writes="ledger")
async def write(number: int) -> int:
    await asyncio.sleep(10)
    return number


@workflow
def asking(number: int = 3) -> object:
    return [approve(write(number), "Good?"), wait_for("paid")]


def journal_of(flow: object) -> list[bytes]:
    """The entries of a whole run, begun at the epoch."""
    store = MemoryStore()
    run_virtual(flow.with_options(engine=Engine(store=store, seed=1), run_id="kept").aresult())  # type: ignore[attr-defined]  # a workflow
    return store.entries("kept")


def journal_of_a_life_of_trouble() -> list[bytes]:
    """Its process dies with a step that writes; a person says to go on, and answers twice more."""
    store = MemoryStore()

    async def dying() -> None:
        running = asyncio.ensure_future(
            asking.with_options(engine=Engine(store=store, seed=1), run_id="kept").aresult()
        )
        await asyncio.sleep(5)
        store.lose_owner("kept")
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    async def going_on() -> None:
        running = asyncio.ensure_future(
            asking.with_options(engine=Engine(store=store, seed=1)).aresume("kept")
        )
        for body in (
            b'{"path": "write", "verdict": "approve"}',
            b'{"path": "approve", "verdict": "edit", "value": 4}',
        ):
            await asyncio.sleep(20)
            store.send("kept", "answer", body, 0.0)
        store.send("kept", "event", b'{"event": "paid", "value": {"sum": 1}}', 0.0)
        await running

    run_virtual(dying())
    run_virtual(going_on())
    return store.entries("kept")


def main() -> None:
    """Write those that are missing."""
    folder = Path(__file__).parent / f"v{VERSION}"
    made = {flow.name: lambda flow=flow: journal_of(flow) for flow in flows.FLOWS}
    for name, make in {**made, "trouble": journal_of_a_life_of_trouble}.items():
        file = folder / f"{name}.ndjson"
        if not file.exists():
            # tracebacks name files of this machine
            here = f"{ROOT}/".encode()
            file.write_bytes(b"".join(body.replace(here, b"") + b"\n" for body in make()))
            print(f"kept {file.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
