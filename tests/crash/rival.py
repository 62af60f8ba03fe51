"""A process that wants a run, whenever it is told to: ``rival.py STORE RUN``.

Answers each line "take" with "owner EPOCH" or "refused WORDS", and each "give EPOCH" with "given".
"""

from __future__ import annotations

import sys

from stretto.errors import RunOwnedError
from stretto.runtime.stores import open_store


def main(url: str, run_id: str) -> None:
    """Answer until nobody asks any more."""
    store = open_store(url)
    print("ready", flush=True)
    for line in sys.stdin:
        word, _, epoch = line.strip().partition(" ")
        if word == "take":
            try:
                print(f"owner {store.acquire(run_id)}", flush=True)
            except RunOwnedError as refusal:
                print(f"refused {refusal}", flush=True)
        else:
            store.release(run_id, int(epoch))
            print("given", flush=True)
    store.close()


main(*sys.argv[1:])
