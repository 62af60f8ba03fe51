"""Files with workflows, as a user would write them."""

FLOWS = '''
import asyncio
import os
import subprocess
import sys
import time

from stretto import Engine, Missing, Retry, current, from_engine, group, step, workflow


@step
async def first(x: int) -> int:
    return x + 1


@step
async def second(x: int) -> int:
    return x * 2


@step
async def boom(x: int) -> int:
    raise ValueError(f"no such drink: {x}")


@step(optional=True, default=None)
async def lost(x: int) -> int | None:
    raise KeyError("gone")


@step
async def forever(x: int) -> int:
    await asyncio.Event().wait()
    return x


@step
async def stubborn(x: int) -> int:
    while True:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            print("not me", file=sys.stderr, flush=True)


@step
async def hands_over(x: int) -> int:
    await asyncio.to_thread(time.sleep, 60)
    return x


@step
async def noisy(x: int) -> int:
    print("from a step", x)
    os.write(1, b"past Python\\n")
    subprocess.run(["echo", "from a child"], check=True)
    print("never ended", end="")
    return x


@step
def threaded(x: int) -> int:
    print("from a thread")
    current().progress(1, 2, "half")
    return x


@step
async def keeps(x: int) -> object:
    return object()


@step(limit="nowhere")
async def limited(x: int) -> int:
    return x


@step
async def items(n: int) -> list[int]:
    return list(range(n))


@step
async def ask(model: object = from_engine()) -> str:
    return type(model).__name__


@workflow(example={"x": 3})
def good(x: int) -> int:
    """Adds one and doubles.

    More words."""
    return second(first(x))


@workflow
def bad(x: int = 1) -> list[int]:
    return [first(x), boom.after(first.named("before")(x))(x)]


@workflow
def two_bad(x: int = 1) -> list[int]:
    return [boom(x), boom.named("again")(x)]


@workflow
def partial(x: int = 1) -> int | None:
    return lost(x)


@workflow
def endless(x: int = 1) -> list[int]:
    return [first(x), forever(x)]


@workflow
def mule(x: int = 1) -> list[int]:
    return [first(x), stubborn(x)]


@workflow
def asleep(x: int = 1) -> list[int]:
    return [first(x), hands_over(x)]


@workflow
def loud(x: int = 1) -> list[int]:
    return [noisy(x), threaded(x)]


@workflow
def unkept(x: int = 1) -> object:
    return keeps(x)


@workflow
def unlimited(x: int = 1) -> int:
    return limited(x)


@workflow
def breaks(x: int) -> int:
    return first(1 // x)


@workflow
def branches(x: int = 1) -> int:
    if first(x):
        return second(x)
    return first.named("other")(x)


@workflow
def grows(n: int = 3) -> list[int]:
    return second.map(first.map(items(n)))


@workflow
def grouped(x: int = 1) -> list[int | Missing]:
    with group("pair", within=5, min_success=1) as pair:
        found = [first(x), second.with_options(timeout=2, retry=Retry(attempts=2))(x)]
    return found


@workflow
def asks() -> str:
    return ask()


@workflow
def text() -> str:
    return said()


@step
async def said() -> str:
    return "plain words"


@workflow
def nothing() -> None:
    return None
'''
