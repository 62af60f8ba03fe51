"""One owner of a random run, to be killed: ``worlds_child.py SEED STORE RUN`` begins it, or goes on with it."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import TYPE_CHECKING

from crash.worlds_driving import build, drawn
from property.wiring import plain
from stretto import Engine
from stretto.core.values import canonical
from stretto.errors import NotFoundError, RunOwnedError
from stretto.runtime.stores import open_store

if TYPE_CHECKING:
    from stretto import RunResult, Workflow
    from stretto.ports import Store


async def ended(
    flow: Workflow[[], object], store: Store, run_id: str, *, is_there: bool
) -> RunResult[object]:
    """Drive the run to its end, and answer whatever it asks on the way."""
    result = await (gone_on(flow, run_id) if is_there else flow.with_options(run_id=run_id).aresult())
    while result.status == "waiting":
        for path in result.waits:
            kind, letter = letter_for(result, path)
            await asyncio.to_thread(store.send, run_id, kind, json.dumps(letter).encode(), time.time())
        result = await gone_on(flow, run_id)
    return result


def letter_for(result: RunResult[object], path: str) -> tuple[str, dict[str, object]]:
    """The event that a step waits for, or a yes to what it asks."""
    wait = result.steps[path].wait
    if wait is not None and wait.kind == "event":
        return "event", {"event": wait.text}
    return "answer", {"path": path, "verdict": "approve", "by": "somebody"}


async def gone_on(flow: Workflow[[], object], run_id: str) -> RunResult[object]:
    """A dead owner's lease lasts a little longer than it does."""
    until = time.monotonic() + 10
    while True:
        try:
            return await flow.aresume(run_id)
        except RunOwnedError:
            if time.monotonic() > until:
                raise
            await asyncio.sleep(0.02)


def told(result: RunResult[object]) -> str:
    """The status, the value, and what failed by itself: attempts that were given up because their process died, in
    what was lost anyway, did not."""
    has_value = result.status in ("succeeded", "partial")
    failed = [each.path for each in result.failures if "stretto.AttemptLost" not in each.failure.kinds]
    value = plain(result.value) if has_value else None
    return canonical({"status": str(result.status), "value": value, "failed": failed})


def main(seed: str, url: str, run_id: str) -> None:
    """Drive the run to its end, and print how that was."""
    flow = build(drawn(int(seed)))
    store = open_store(url)
    try:
        store.run(run_id)
        is_there = True
    except NotFoundError:
        is_there = False
    print("ready", flush=True)
    flow = flow.with_options(engine=Engine(store=store))
    result = asyncio.run(ended(flow, store, run_id, is_there=is_there))
    print(f"value {told(result)}", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
