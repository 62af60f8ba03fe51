"""One owner of a run, to be killed: ``child.py FLOW STORE RUN`` begins it, or goes on with it."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from runtime import crashing_flows as flows
from stretto import Engine
from stretto.core.values import canonical
from stretto.errors import NotFoundError, RunOwnedError
from stretto.runtime.stores import open_store

if TYPE_CHECKING:
    from stretto import RunResult, Workflow


def gone_on(flow: Workflow[..., object], run_id: str) -> RunResult[object]:
    """A dead owner's lease lasts a little longer than it does."""
    until = time.monotonic() + 10
    while True:
        try:
            return flow.resume(run_id)
        except RunOwnedError:
            if time.monotonic() > until:
                raise
            time.sleep(0.02)


def main(name: str, url: str, run_id: str) -> None:
    """Drive the run to its end, and print its value."""
    flow = next(each for each in flows.FLOWS if each.name == name)
    store = open_store(url)
    try:
        store.run(run_id)
        is_there = True
    except NotFoundError:
        is_there = False
    print("ready", flush=True)
    engine = Engine(store=store)
    if is_there:
        result = gone_on(flow.with_options(engine=engine), run_id)
    else:
        result = flow.with_options(engine=engine, run_id=run_id).run()
    print(f"value {canonical(result.value)}", flush=True)


main(*sys.argv[1:])
