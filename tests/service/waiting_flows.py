"""A file with workflows that wait, as a user would write it, and what tests do with it again and again."""

from __future__ import annotations

import json
import re
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from service.conftest import Cli, Outcome

WAITING = """
import asyncio
from dataclasses import dataclass
from pathlib import Path

from stretto import Engine, approve, ask, step, wait_for, workflow


@dataclass
class Drink:
    name: str
    price: int


@step
async def design(wish: str) -> Drink:
    with Path("made.txt").open("a") as file:
        file.write("design\\n")
    return Drink(f"House {wish}", 14)


@step
async def serve(drink: Drink, extra: object) -> str:
    return f"{drink.name} at {drink.price} with {extra}"


@step
async def lasts(drink: Drink) -> str:
    Path("begun.txt").touch()
    while not Path("go.txt").exists():
        await asyncio.sleep(0.01)
    return drink.name


@step
async def fails(drink: Drink) -> str:
    raise ValueError("spilled")


@workflow
def order(wish: str = "Negroni") -> str:
    return serve(approve(design(wish), "On the menu?"), "ice")


@workflow
def both(wish: str = "Negroni") -> str:
    return serve(approve(design(wish), "On the menu?"), ask("Which garnish?"))


@workflow
def paid(wish: str = "Negroni") -> str:
    return serve(design(wish), wait_for("payment"))


@workflow
def lasting(wish: str = "Negroni") -> str:
    return lasts(design(wish))


@workflow
def lasting_then_asks(wish: str = "Negroni") -> list[str]:
    return [lasts(design(wish)), ask("Which garnish?")]


@workflow
def done(wish: str = "Negroni") -> str:
    return serve(design(wish), "ice")


@workflow
def spills(wish: str = "Negroni") -> str:
    return fails(design(wish))


@workflow(engine=Engine(store="own.db"))
def own(wish: str = "Negroni") -> str:
    return serve(approve(design(wish), "On the menu?"), "ice")


def _made():
    @workflow
    def hidden(wish: str = "Negroni") -> str:
        return serve(approve(design(wish), "On the menu?"), "ice")

    return hidden


hidden = _made()
"""


def id_in(said: str) -> str:
    """The id of the run that a command has told on stderr."""
    found = re.search(r"^run (\w+)$", said, re.MULTILINE)
    assert found is not None, said
    return found[1]


def left_waiting(cli: Cli, name: str = "order", *more: str) -> str:
    """The id of a run that was begun, and was left since it waits."""
    begun = cli.run("run", f"flows.py:{name}", *more)
    assert begun.code == 12, begun
    return id_in(begun.err)


def last_line(outcome: Outcome) -> dict[str, object]:
    """The last line of JSON on stdout."""
    line: dict[str, object] = json.loads(outcome.out.splitlines()[-1])
    return line


def until_there(path: Path) -> None:
    """Wait until another process has made a file."""
    end = time.monotonic() + 20
    while not path.exists():
        assert time.monotonic() < end, f"{path} never came"
        time.sleep(0.01)
