"""Steps for worker processes, in a module that a worker can import."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from stretto import PermanentError, Retry, TransientError, current, from_engine, step


class Taste(Enum):
    DRY = "dry"
    SWEET = "sweet"


@dataclass(frozen=True)
class Drink:
    name: str
    taste: Taste
    parts: tuple[int, ...] = ()


class BusyError(TransientError):
    """Raised in a worker, retried by its name."""


@step(executor="process")
def improve(drink: Drink, *, by: int = 1) -> Drink:
    return Drink(drink.name.upper(), Taste.SWEET, (*drink.parts, by))


@step(executor="process")
def where_am_i() -> dict[str, int]:
    return {"pid": os.getpid(), "group": os.getpgrp(), "parent": os.getppid()}


@step(executor="process")
def speak() -> int:
    print("plain")
    print("to stderr", file=sys.stderr)
    os.write(1, b"raw\n")
    subprocess.run(["echo", "from a child"], check=True)
    current().logger.warning("logged %d", 1)
    current().progress(1, 2, "half")
    current().output("streamed")
    current().usage(input_tokens=3, cost=0.5)
    return 1


@step(executor="process")
def about_me() -> dict[str, object]:
    me = current()
    return {
        "run": me.run_id,
        "path": me.path,
        "attempt": me.attempt,
        "has_deadline": me.deadline is not None,
        "key": me.idempotency_key,
        "stopped": me.is_stopped,
    }


def breed(note: str) -> None:
    """Start a child and a grandchild that would stay, and write down their process group."""
    child = "import subprocess, time; subprocess.Popen(['sleep', '60']); time.sleep(60)"
    subprocess.Popen([sys.executable, "-c", child])
    Path(note).write_text(str(os.getpgrp()))


@step(executor="process", timeout=1.0)
def hang_with_children(note: str) -> int:
    breed(note)
    time.sleep(60)
    return 1


@step(executor="process")
def hang_for_good(note: str) -> int:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    breed(note)
    time.sleep(60)
    return 1


@step(executor="process")
def leave_children(note: str) -> int:
    breed(note)
    return 1


@step(executor="process", memory="64MB")
def take(count: int) -> int:
    return len(bytearray(count))


@step(executor="process", retry=Retry(attempts=2, first_wait=0, jitter=False))
def crash_once(how: str) -> int:
    if current().attempt == 1:
        print("about to go")
        if how == "exit":
            os._exit(3)
        os.kill(os.getpid(), signal.SIGSEGV)
    return current().attempt


@step(executor="process")
def crash() -> int:
    os._exit(3)


@step(executor="process", retry=Retry(attempts=3, on=(BusyError,), first_wait=0, jitter=False))
def busy_twice() -> int:
    if current().attempt < 3:
        raise BusyError("not now")
    return current().attempt


@step(executor="process", retry=3)
def never() -> int:
    raise PermanentError("no use")


@step(executor="process")
def broken(where: str) -> int:
    return {"here": 1}[where]


@step(executor="process")
def unfit() -> object:
    return threading.Lock()


@step(executor="process")
def tiny(number: int) -> int:
    return number + 1


@step(executor="process")
def slow(number: int) -> int:
    time.sleep(0.2)
    return number


@step(executor="process")
def with_client(client: object = from_engine(default=object)) -> int:
    return 1


class Kitchen:
    @staticmethod
    def cook(number: int) -> int:
        return number * 2


cook = step(executor="process")(Kitchen.cook)
