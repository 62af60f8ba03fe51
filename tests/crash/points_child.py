"""One owner of a run, to be killed: ``points_child.py FLOW STORE RUN`` begins it, or goes on with it, and answers
whatever it asks. A RUN of the form ``fork-…`` is forked from the run "whole", whose last step runs again.

A file beside FLOW_SIDE, with ``.entries`` behind its name, is told, a line each, which kinds of facts an entry holds
that is handed to the store, and when the run has heard that one is committed.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from typing import TYPE_CHECKING

from crash import points_flows as flows
from runtime.crashing_flows import SIDE
from stretto import Engine
from stretto.core.journal.reading import FactReader
from stretto.core.values import canonical
from stretto.errors import NotFoundError, RunOwnedError
from stretto.runtime.stores import open_store

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from stretto import RunResult, Workflow
    from stretto.ports import Entry, OpenWait, Store, Told

REUSED_TO = "last"
"""The step from which on a fork runs again."""


def say(line: str) -> None:
    """A line to where it outlives the process."""
    told = os.open(f"{SIDE}.entries", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(told, f"{line}\n".encode())
    os.close(told)


def watched(store: Store, run_id: str) -> Callable[..., bool]:
    """The store's `append`, which says what it is given and what it tells."""
    append = store.append
    reader = FactReader(is_opaque=True)
    try:
        for body in store.entries(run_id):
            reader.read(body)
    except NotFoundError:
        pass

    def told_of(told: Told) -> Told:
        def tell(run_ids: Sequence[str], error: BaseException | None) -> None:
            for _ in run_ids:
                say("told")
            told(run_ids, error)

        return tell

    def appending(run: str, epoch: int, entry: Entry, told: Told, *, may_wait: bool = False) -> bool:
        say(json.dumps(sorted({fact[0] for fact in reader.read(entry.body)})))
        is_committed = append(run, epoch, entry, told_of(told), may_wait=may_wait)
        if is_committed:
            say("told")
        return is_committed

    return appending


async def begun(flow: Workflow[..., object], run_id: str) -> RunResult[object]:
    """The run, as far as it comes by itself."""
    if run_id.startswith("fork-"):
        return await flow.afork("whole", start=REUSED_TO, new_id=run_id)
    return await flow.with_options(run_id=run_id).aresult()


async def gone_on(flow: Workflow[..., object], run_id: str) -> RunResult[object]:
    """A dead owner's lease lasts a little longer than it does."""
    until = time.monotonic() + 10
    while True:
        try:
            return await flow.aresume(run_id)
        except RunOwnedError:
            if time.monotonic() > until:
                raise
            await asyncio.sleep(0.02)


async def ended(flow: Workflow[..., object], store: Store, run_id: str) -> RunResult[object]:
    """Drive the run to its end."""
    try:
        await asyncio.to_thread(store.run, run_id)
    except NotFoundError:
        return await begun(flow, run_id)
    return await gone_on(flow, run_id)


async def answering(store: Store, run_id: str) -> None:
    """Answer each question once, and give the events that are waited for."""
    said = {flows.UNHEARD}
    while True:
        for wait in await asyncio.to_thread(store.waits, run_id):
            if wait.kind != "sleep" and wait.path not in said:
                said.add(wait.path)
                kind, body = answer_to(wait)
                await asyncio.to_thread(store.send, run_id, kind, json.dumps(body).encode(), time.time())
        await asyncio.sleep(0.01)


def answer_to(wait: OpenWait) -> tuple[str, dict[str, str]]:
    """The letter that ends a wait."""
    if wait.kind == "event":
        return "event", {"event": wait.text, "value": "hello"}
    return "answer", {"path": wait.path, "verdict": "approve", "by": "somebody"}


async def answered(flow: Workflow[..., object], store: Store, run_id: str) -> RunResult[object]:
    """Drive the run to its end, and answer whatever it asks on the way."""
    helper = asyncio.create_task(answering(store, run_id))
    try:
        return await ended(flow, store, run_id)
    finally:
        helper.cancel()


def main(name: str, url: str, run_id: str) -> None:
    """Drive the run to its end, and print how that was."""
    flow = next(each for each in flows.FLOWS if each.name == name)
    store = open_store(url)
    engine = Engine(store=store, limits=flows.LIMITS, grace=flows.GRACE, resources={"control": store})
    store.append = watched(store, run_id)  # type: ignore[method-assign]  # the store of this process alone
    print("ready", flush=True)
    result = asyncio.run(answered(flow.with_options(engine=engine), store, run_id))
    has_value = result.status in ("succeeded", "partial")
    states = {path: each.state for path, each in result.steps.items()}
    told = {"status": str(result.status), "value": result.value if has_value else None, "states": states}
    print(f"value {canonical(told)}", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
