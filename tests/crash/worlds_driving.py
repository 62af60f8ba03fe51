"""Workflows of the property suite in real time, drawn from a number: in every process the same.

To what `property.worlds` draws come threads, durable waits, and people who decide on lost attempts. None of them
changes a value, so `property.worlds_reference` still tells what a run gives.
"""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from property.wiring import ScriptedError, plain
from property.worlds import Author, Block, Call, Each, Inner, Pick, Rounds, Spread, World, bodies_of, every
from property.worlds_reference import DEFAULT, Reference, grown_value
from property.worlds_wiring import Actors, Wires, as_data, execute_world, inputs_of
from runtime.crashing_flows import PACE, SIDE, began, rest
from stretto import Retry, approve, current, expand, sleep, step, wait_for, workflow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from property.worlds import Body, Item, Plan
    from property.worlds_wiring import Env
    from stretto import Workflow

LEAST, MOST = 5, 60
"""How many steps a workflow has, those included that it grows."""

_SECONDS, _SLOWEST = 0.35, 0.05


@dataclass(frozen=True)
class Scene:
    """A workflow, and the names of the steps at which more happens than it says.

    Before `pauses`, `questions` and `events` a run pauses, asks somebody about the first input, or waits for an event.
    A person decides on lost attempts of `risks`.
    """

    world: World
    size: int
    is_sequential: bool
    pauses: frozenset[str]
    questions: frozenset[str]
    events: frozenset[str]
    threads: frozenset[str]
    risks: frozenset[str]


# -------------------------------------------------------------------- drawing


class _Dicer(Author):
    """Draws from dice instead of from Hypothesis, whose draws depend on which modules are loaded."""

    def __init__(self, dice: random.Random) -> None:
        self._dice = dice
        super().__init__(lambda _: None)

    def chance(self, percent: int) -> bool:
        return self._dice.random() * 100 < percent

    def pick(self, options: Sequence[Any]) -> Any:
        return options[self.number(0, len(options) - 1)]

    def number(self, least: int, most: int) -> int:
        return least + int(self._dice.random() * (most - least + 1))

    def some(self, names: Iterable[str], percent: int) -> frozenset[str]:
        return frozenset(name for name in names if self.chance(percent))


def drawn(number: int) -> Scene:
    """What the number stands for."""
    dice = random.Random(number)
    while True:
        author = _Dicer(dice)
        world = replace(author.world(), cancel_at=None, within=None)
        world = replace(world, body=_unbounded(world.body))
        size = len(Reference(world).states)
        if LEAST <= size <= MOST:
            return _staged(world, size, author)


def _staged(world: World, size: int, author: _Dicer) -> Scene:
    calls = list(_calls(world.body))
    names = [call.name for call in calls]
    steps = [item.name for item in every(world.body) if isinstance(item, (Call, Each))]
    return Scene(
        world,
        size,
        author.chance(10),
        pauses=author.some(names, 10),
        questions=author.some((call.name for call in calls if call.inputs), 10),
        events=author.some(names, 6),
        threads=author.some(names, 20),
        risks=author.some(steps, 30),
    )


def _unbounded(body: Body) -> Body:
    """Without deadlines: whether they are kept depends on how busy the machine is."""
    return replace(body, items=tuple(map(_unbounded_item, body.items)))


def _unbounded_item(item: Item) -> Item:
    if isinstance(item, Pick):
        otherwise = None if item.otherwise is None else _unbounded(item.otherwise)
        return replace(item, branches=tuple(map(_unbounded, item.branches)), otherwise=otherwise)
    if isinstance(item, Rounds):
        return replace(item, body=_unbounded(item.body))
    if isinstance(item, (Inner, Spread)):
        return replace(item, body=_unbounded(item.body), within=None)
    if isinstance(item, Block):
        return replace(item, items=tuple(map(_unbounded_item, item.items)))
    return item


def _calls(body: Body) -> Iterator[Call]:
    """The steps before which a wait may stand. In a group it would be a member of its own, and another might go on
    without it."""
    for item in body.items:
        if isinstance(item, Call) and not item.inline:
            yield item
        for member in item.items if isinstance(item, Block) else (item,):
            for inner in bodies_of(member):
                yield from _calls(inner)


def tempo(scene: Scene) -> tuple[float, float]:
    """(FLOW_PACE for the workflow, how many seconds it takes then but for its waits): some tenths of a second."""
    length = execute_world(scene.world, is_sequential=scene.is_sequential).result.timing.makespan
    pace = min(_SLOWEST, _SECONDS / max(length, 1.0))
    return pace, length * pace


# -------------------------------------------------------------------- what the steps do


_ALWAYS = 1_000


def _fail(most: int) -> None:
    """Raise, but no oftener than so: lost attempts have numbers, too, so failures are counted where they outlive the
    process."""
    if not most:
        return
    path = current().path
    book = Path(f"{SIDE}-failures")
    if book.exists() and Counter(book.read_text().splitlines())[path] >= most:
        return
    told = os.open(book, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(told, f"{path}\n".encode())
    os.close(told)
    raise ScriptedError


class _RealActors(Actors):
    """The functions behind the steps. They note where it outlives the process that they have begun."""

    def __init__(self, scene: Scene) -> None:
        super().__init__()
        self._scene = scene

    def enter(self, _: list[object]) -> str:
        began()
        return current().path

    def call(self, call: Call) -> Callable[..., Any]:
        # What is to fail for good fails however often it is tried.
        fails = _ALWAYS if call.fails >= call.attempts else call.fails

        def leave(path: str, inputs: list[object]) -> object:
            _fail(fails)
            return grown_value(path, plain(inputs), call.size)

        def glue(*args: object, last: object = None) -> object:
            return leave(self.enter([]), inputs_of(call, args, last))

        def block(*args: object, last: object = None) -> object:
            path = self.enter([])
            time.sleep(call.latency * PACE)
            return leave(path, inputs_of(call, args, last))

        async def act(*args: object, last: object = None) -> object:
            path = self.enter([])
            await rest(call.latency)
            return leave(path, inputs_of(call, args, last))

        if call.inline:
            return glue
        return block if call.name in self._scene.threads else act

    def each(self, each: Each) -> Callable[..., Any]:
        async def act(item: object) -> object:
            path = self.enter([])
            await rest(each.latency)
            if path.endswith(f"[{each.fails_at}]"):
                raise ScriptedError
            return grown_value(path, plain([item]))

        return act

    async def capability(self, needs: list[object], latency: float, fails: int) -> object:
        """What every planned step runs. It takes its time to end when it is told to."""
        path = self.enter([])
        try:
            await rest(latency)
        except asyncio.CancelledError:
            await rest(1)
            raise
        if fails:
            raise ScriptedError
        return grown_value(path, plain([needs]))


# -------------------------------------------------------------------- building


class _RealWires(Wires):
    """The same bodies, with what the scene has besides."""

    def __init__(self, scene: Scene) -> None:
        super().__init__(_RealActors(scene))
        self._scene = scene

    def _item(self, item: Item, env: Env) -> None:
        if isinstance(item, Each):
            options: dict[str, Any] = {"id": item.name, "writes": item.writes}
            made = step(**options, on_lost=self._on_lost(item.name))(self._actors.each(item))
            env[item.name] = made.map(self._list(item.items, env))
        else:
            super()._item(item, env)

    def _on_lost(self, name: str) -> Literal["ask", "retry"]:
        return "ask" if name in self._scene.risks else "retry"

    def _call(self, call: Call, env: Env) -> Any:
        options: dict[str, Any] = {"id": call.name, "inline": call.inline}
        if not call.inline:
            options |= {"reads": call.reads, "writes": call.writes, "on_lost": self._on_lost(call.name)}
            options["retry"] = Retry(attempts=call.attempts, first_wait=0.5 * PACE, jitter=False)
        if call.optional:
            options |= {"optional": True, "default": DEFAULT}
        made = step(**options)(self._actors.call(call))
        given = [self._given(part, env) for part in call.inputs]
        if call.name in self._scene.pauses:
            made = made.after(sleep(1.5 * PACE, name=f"{call.name}_pause"))
        if call.name in self._scene.events:
            made = made.after(wait_for(f"{call.name}_event"))
        if call.name in self._scene.questions:
            given[0] = approve(given[0], "As it is?", name=f"{call.name}_question")
        return made(*given[:-1], last=given[-1]) if len(given) > 1 else made(*given)

    def _plan(self, plan: Plan) -> Any:
        async def make() -> list[dict[str, object]]:
            began()
            await rest(0.5)
            return [{"key": "k0", "capability": "gone"}] if plan.is_wrong else as_data(plan.steps)

        async def again(old: object, problem: object) -> list[dict[str, object]]:
            began()
            await rest(0.5)
            return as_data(plan.second or ())

        capabilities = {f"cap{number}": step(id=f"cap{number}")(self._actors.capability) for number in (0, 1)}
        replan = None if plan.second is None else step(id="again")(again)
        return expand(step(id=f"{plan.name}_make")(make)(), capabilities, replan=replan, name=plan.name)


def build(scene: Scene) -> Workflow[[], Any]:
    """The workflow, in which a second takes FLOW_PACE. It is left when only people or events can move it."""

    @workflow(name="grown")
    def grown() -> Any:
        return _RealWires(scene).body(scene.world.body, {})

    return grown.with_options(
        on_failure=scene.world.on_failure,
        max_concurrency=scene.world.permits,
        sequential=scene.is_sequential,
        leaves_waiting=True,
    )
