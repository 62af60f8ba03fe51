"""Builds a described workflow that grows with the public API and runs it on virtual time."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Any

import stretto.runtime.engine.attempts as attempts_room
from property.shapes import Const, Out
from property.wiring import Ran, ScriptedError, Seen, Watched, plain
from property.worlds import Block, Call, Each, Inner, Pick, Plan, Planned, Rounds, Spread, touched
from property.worlds_reference import DEFAULT, grown_value, label_of
from stretto import Engine, Retry, choose, current, expand, group, repeat, step, workflow
from stretto.testing import run_virtual

if TYPE_CHECKING:
    from property.worlds import Body, Given, Item, World
    from stretto import RunResult

Env = dict[str, Any]


class Actors:
    """The functions behind the steps: they do what they are described to do, and write down what they saw."""

    def __init__(self) -> None:
        self.seen = Seen()

    def enter(self, inputs: list[object]) -> str:
        path = current().path
        self.seen.inputs[path, current().attempt] = plain(inputs)
        return path

    def call(self, call: Call) -> Any:
        def leave(inputs: list[object]) -> object:
            if current().attempt <= call.fails:
                raise ScriptedError
            return grown_value(current().path, plain(inputs), call.size)

        def glue(*args: object, last: object = None) -> object:
            inputs = inputs_of(call, args, last)
            self.enter(inputs)
            return leave(inputs)

        async def act(*args: object, last: object = None) -> object:
            inputs = inputs_of(call, args, last)
            self.enter(inputs)
            await asyncio.sleep(call.latency)
            return leave(inputs)

        return glue if call.inline else act

    def each(self, each: Each) -> Any:
        async def act(item: object) -> object:
            path = self.enter([item])
            await asyncio.sleep(each.latency)
            if path.endswith(f"[{each.fails_at}]"):
                raise ScriptedError
            return grown_value(path, plain([item]))

        return act

    async def capability(self, needs: list[object], latency: float, fails: int) -> object:
        """What every planned step runs."""
        path = self.enter([needs])
        await asyncio.sleep(latency)
        if fails:
            raise ScriptedError
        return grown_value(path, plain([needs]))


def inputs_of(call: Call, args: tuple[object, ...], last: object) -> list[object]:
    return [*args, last] if len(args) < len(call.inputs) else list(args)


class Wires:
    """The bodies of a described workflow."""

    def __init__(self, actors: Actors) -> None:
        self._actors = actors
        self._made: dict[str, Any] = {}

    def body(self, body: Body, env: Env) -> dict[str, Any]:
        """Wire a body; `env` gets its Refs."""
        for item in body.items:
            self._item(item, env)
        return {name: env[name] for name in body.output}

    def _item(self, item: Item, env: Env) -> None:
        if isinstance(item, Block):
            for member in item.items:
                if isinstance(member, Pick):  # a member of the group may be Missing, and would decide nothing
                    env[f"{member.name}_by"] = self._selector(member, env)
            with group(item.name):
                for member in item.items:
                    self._item(member, env)
        elif isinstance(item, Call):
            env[item.name] = self._call(item, env)
        elif isinstance(item, Each):
            made = step(id=item.name, writes=item.writes)(self._actors.each(item))
            env[item.name] = made.map(self._list(item.items, env))
        elif isinstance(item, Pick):
            env[item.name] = self._pick(item, env)
        elif isinstance(item, Rounds):
            env[item.name] = self._rounds(item, env)
        elif isinstance(item, Inner):
            made = self._nested(item.own, item)
            made = made.named(item.name) if item.of else made
            env[item.name] = made(*(self._given(part, env) for part in item.params))
        elif isinstance(item, Spread):
            env[item.name] = self._nested(item.name, item).map(self._list(item.items, env))
        else:
            env[item.name] = self._plan(item)

    def _list(self, items: tuple[Given, ...] | Out, env: Env) -> Any:
        return (
            self._given(items, env) if isinstance(items, Out) else [self._given(each, env) for each in items]
        )

    def _given(self, given: Given, env: Env) -> Any:
        if isinstance(given, Const):
            return given.value
        return env[given.of] if given.key is None else env[given.of][given.key]

    def _call(self, call: Call, env: Env) -> Any:
        options: dict[str, Any] = {"id": call.name}
        if call.inline:
            options["inline"] = True
        else:
            options.update(reads=call.reads, writes=call.writes)
            options["retry"] = Retry(attempts=call.attempts, first_wait=0.5, jitter=False)
        if call.optional:
            options.update(optional=True, default=DEFAULT)
        made = step(**options)(self._actors.call(call))
        given = [self._given(part, env) for part in call.inputs]
        return made(*given[:-1], last=given[-1]) if len(given) > 1 else made(*given)

    def _selector(self, pick: Pick, env: Env) -> Any:
        def select(given: object) -> str:
            return label_of(self._actors.enter([given]), plain(given), pick.labels)

        return step(id=f"{pick.name}_by", inline=True)(select)(self._given(pick.by, env))

    def _pick(self, pick: Pick, env: Env) -> Any:
        by = env[f"{pick.name}_by"] if f"{pick.name}_by" in env else self._selector(pick, env)
        branches = {f"b{number}": self._branch(branch, env) for number, branch in enumerate(pick.branches)}
        otherwise = None if pick.otherwise is None else self._branch(pick.otherwise, env)
        return choose(by, branches, otherwise=otherwise, name=pick.name)

    def _branch(self, body: Body, env: Env) -> Any:
        return lambda: self.body(body, dict(env))

    def _rounds(self, loop: Rounds, env: Env) -> Any:
        def verdict(value: object) -> bool:
            path = self._actors.enter([value])
            numbers = re.findall(r"#(\d+)/verdict$", path)
            return int(numbers[0]) >= loop.done_at

        return repeat(
            lambda state: self.body(loop.body, {**env, f"{loop.name}_state": state}),
            self._given(loop.start, env),
            until=step(id="verdict", inline=True)(verdict),
            max_rounds=loop.max_rounds,
            on_exhausted="last" if loop.keeps_last else "fail",
            name=loop.name,
        )

    def _nested(self, own: str, inner: Inner | Spread) -> Any:
        if own in self._made:
            return self._made[own]
        reads, writes = touched(inner.body)

        @workflow(name=own, within=inner.within, reads=reads, writes=writes)
        def nested(*params: object) -> Any:
            inside = {f"{own}_p{number}": value for number, value in enumerate(params)}
            return self.body(inner.body, inside)

        self._made[own] = nested
        return nested

    def _plan(self, plan: Plan) -> Any:
        async def make() -> list[dict[str, object]]:
            self._actors.enter([])
            await asyncio.sleep(0.5)
            return [{"key": "k0", "capability": "gone"}] if plan.is_wrong else as_data(plan.steps)

        async def again(old: object, problem: object) -> list[dict[str, object]]:
            assert old
            assert problem.problems  # type: ignore[attr-defined]  # a PlanProblem
            await asyncio.sleep(0.5)
            return as_data(plan.second or ())

        capabilities = {f"cap{number}": step(id=f"cap{number}")(self._actors.capability) for number in (0, 1)}
        made = step(id=f"{plan.name}_make")(make)()
        replan = None if plan.second is None else step(id="again")(again)
        return expand(made, capabilities, replan=replan, name=plan.name)


def as_data(steps: tuple[Planned, ...]) -> list[dict[str, object]]:
    return [
        {
            "key": each.key,
            "capability": f"cap{each.capability}",
            "inputs": {
                "needs": [{"$ref": key} for key in each.needs],
                "latency": each.latency,
                "fails": each.fails,
            },
        }
        for each in steps
    ]


def build(world: World, actors: Actors) -> Any:
    """The described workflow."""

    @workflow(name="grown")
    def grown() -> Any:
        return Wires(actors).body(world.body, {})

    return grown


def execute_world(world: World, *, is_sequential: bool = False) -> Ran:
    """Run it to its end on virtual time, checking every invariant after every event."""
    actors = Actors()
    built = build(world, actors)
    ready = built.with_options(
        engine=Engine(seed=7, grace=2.0, on_failure=world.on_failure),
        within=world.within,
        max_concurrency=world.permits,
        sequential=is_sequential,
    )
    real, attempts_room.Scheduler = attempts_room.Scheduler, Watched  # type: ignore[misc]  # the driver's own name for it
    try:
        result = run_virtual(_run(ready, world.cancel_at))
    finally:
        attempts_room.Scheduler = real  # type: ignore[misc]
    watched = Watched.last
    created = watched.created._replace(graph=built.trace().graph)
    value = plain(result.value) if result.status in ("succeeded", "partial") else None
    return Ran(result, actors.seen, watched.calls, created, watched.graph, value)


async def _run(flow: Any, cancel_at: float | None) -> RunResult[object]:
    def started(driver: Any) -> None:
        if cancel_at is not None:
            asyncio.get_running_loop().call_later(cancel_at, driver.cancel, "enough")

    result: RunResult[object] = await flow.start({}, started=started)
    return result
