"""A collection, to be killed: ``points_gc.py BATCH STORE BEFORE`` deletes what ended before an instant, BATCH runs at a
time."""

from __future__ import annotations

import sys

from stretto.runtime.stores import open_store


def main(batch: str, url: str, before: str) -> None:
    """Collect until nothing is left to be."""
    store = open_store(url)
    print("ready", flush=True)
    total = 0
    while (gone := store.collect(float(before), int(batch)).runs) > 0:
        total += gone
    store.close()
    print(f"value {total}", flush=True)


main(*sys.argv[1:])
