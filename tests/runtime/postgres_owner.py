"""A process of its own that owns runs: started by tests, stopped, killed and raced.

``python postgres_owner.py URL LEASE own RUN`` acquires the run and then, for each line it reads, appends that
line and says what became of it. ``… race RUN TURNS`` takes the run over and over, saying each epoch it got, and
``… collect -`` deletes all runs that have ended.
"""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING

from stretto.errors import RunOwnedError
from stretto.ports import Entry, RowChange
from stretto.runtime.stores.postgres import PostgresStore

if TYPE_CHECKING:
    from collections.abc import Sequence


def own(store: PostgresStore, run_id: str) -> None:
    """Acquire, then append what is read."""
    epoch = store.acquire(run_id)
    say(f"epoch {epoch}")
    for line in sys.stdin:
        done = threading.Event()

        def told(run_ids: Sequence[str], error: BaseException | None, done: threading.Event = done) -> None:
            say(type(error).__name__ if error else "committed")
            done.set()

        store.append(run_id, epoch, Entry(line.strip().encode(), RowChange(status="running")), told)
        done.wait()


def race(store: PostgresStore, run_id: str, turns: int) -> None:
    """Take it, write under the epoch, give it back."""
    sys.stdin.readline()
    for _ in range(turns):
        try:
            epoch = store.acquire(run_id)
        except RunOwnedError:
            continue
        store.append(run_id, epoch, Entry(b"%d" % epoch), lambda *_: None)
        store.release(run_id, epoch)
        say(f"epoch {epoch}")


def say(what: str) -> None:
    """One line."""
    sys.stdout.write(what + "\n")
    sys.stdout.flush()


def main() -> None:
    """As the module says."""
    url, lease, what, run_id, *more = sys.argv[1:]
    store = PostgresStore(url, lease=float(lease))
    say("ready")
    if what == "own":
        own(store, run_id)
    elif what == "collect":
        store.collect(float("inf"))
    else:
        race(store, run_id, int(more[0]))
    store.close()


if __name__ == "__main__":
    main()
