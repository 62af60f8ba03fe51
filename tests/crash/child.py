"""One owner of a run, to be killed: ``child.py FLOW STORE RUN`` begins it, or goes on with it."""

from __future__ import annotations

import sys

from runtime import crashing_flows as flows
from stretto import Engine
from stretto.core.values import canonical
from stretto.errors import NotFoundError
from stretto.runtime.stores import open_store


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
        result = flow.with_options(engine=engine).resume(run_id)
    else:
        result = flow.with_options(engine=engine, run_id=run_id).run()
    print(f"value {canonical(result.value)}", flush=True)


main(*sys.argv[1:])
