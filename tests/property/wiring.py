"""Builds a described workflow with the public API and runs it on virtual time."""

from __future__ import annotations

import asyncio
import copy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import stretto.runtime.engine.attempts as attempts_room
from property.shapes import Block, Const, Flow, Node, Out, Part, Play, default_of, step_id, value_of
from stretto import Engine, Missing, Retry, current, group, step, workflow
from stretto.core.journal import facts as kinds
from stretto.errors import PermanentError
from stretto.runtime.stores.journals import MemoryJournals
from stretto.testing import CheckedScheduler, block, run_virtual

if TYPE_CHECKING:
    from collections.abc import Callable

    from stretto import RunResult
    from stretto.core.graph import Graph
    from stretto.core.journal.facts import Created, Fact
    from stretto.core.schedule import Decision


ENDLESS = 2_000
"""Decisions; the largest workflows take a few hundred."""


class ScriptedError(Exception):
    """What a scripted error raises."""


class LateStore(MemoryJournals):
    """Says in a later turn of the loop that a decision is committed, as a store on a disk does.

    `issued` are the attempts (step, number) whose start is committed.
    """

    def __init__(self) -> None:
        super().__init__()
        self.issued: set[tuple[int | None, int]] = set()

    def open(self, run_id: str, committed: Callable[[], None], *rest: Any) -> None:
        super().open(run_id, committed, *rest)
        self._committed = committed

    def append(self, run_id: str, facts: list[Fact]) -> bool:
        super().append(run_id, facts)
        asyncio.get_running_loop().call_soon(self._commit, facts)
        return False

    def _commit(self, facts: list[Fact]) -> None:
        self.issued.update(fact[1:3] for fact in facts if fact[0] == kinds.STEP_STARTED)
        self._committed()


@dataclass
class Seen:
    """What the steps saw and did, by (path, attempt)."""

    inputs: dict[tuple[str, int], object] = field(default_factory=dict)
    returned: dict[tuple[str, int], tuple[object, float]] = field(default_factory=dict)


@dataclass
class Ran:
    """One run: its result, what its steps saw, and each call of `handle` as (stimuli, facts, states)."""

    result: RunResult[object]
    seen: Seen
    calls: list[tuple[tuple[Fact, ...], list[Fact], bytes]]
    created: Created
    graph: Graph
    value: object


class Watched(CheckedScheduler):
    """Checks every invariant after every event, and keeps what it was asked and what it answered."""

    __slots__ = ("calls",)

    last: Watched

    def __init__(self, created: Created) -> None:
        super().__init__(created)
        self.calls: list[tuple[tuple[Fact, ...], list[Fact], bytes]] = []
        Watched.last = self

    def handle(self, *stimuli: Fact) -> Decision:
        assert len(self.calls) < ENDLESS, "the run never ends"
        decision = super().handle(*stimuli)
        self.calls.append((stimuli, list(decision.facts), bytes(self.states)))
        return decision


def plain(value: object) -> object:
    """Data without anything of the engine's, shared with nobody."""
    if isinstance(value, Missing):
        return {"missing": value.step}
    if isinstance(value, list):
        return [plain(part) for part in value]
    if isinstance(value, tuple):
        return tuple(plain(part) for part in value)
    if isinstance(value, dict):
        return {key: plain(part) for key, part in value.items()}
    return copy.copy(value)


def spoil(value: object) -> None:
    """Change everything that can be changed: no sibling may see it."""
    if isinstance(value, list):
        for part in value:
            spoil(part)
        value.append("spoiled")
    elif isinstance(value, dict):
        for part in value.values():
            spoil(part)
        value["spoiled"] = True
    elif isinstance(value, tuple):
        for part in value:
            spoil(part)


# -------------------------------------------------------------------- code behind the steps


class Actors:
    """Makes the functions behind the steps; `meeting` holds steps that wait for one another."""

    def __init__(self, meeting: frozenset[str] = frozenset(), store: LateStore | None = None) -> None:
        self.seen = Seen()
        self.loop: asyncio.AbstractEventLoop | None = None
        self._meeting = meeting
        self._store = store
        self._barrier: asyncio.Barrier | None = None

    def function(self, node: Node) -> Any:
        """The plain function of one node's step."""
        return {"loop": self._on_loop, "thread": self._on_thread, "inline": self._inline}[node.where](node)

    def _enter(self, node: Node, args: tuple[object, ...], kwargs: dict[str, object]) -> tuple[Play, Any]:
        attempt = current()
        key = (attempt.path, attempt.attempt)
        if self._store is not None:
            index = Watched.last.graph.index_of(key[0])
            assert (index, key[1]) in self._store.issued, f"{key} runs before its start is committed"
        inputs = (plain(args), plain(kwargs))
        assert key not in self.seen.inputs, f"{key} ran twice"
        self.seen.inputs[key] = inputs
        for value in (*args, *kwargs.values()):
            spoil(value)
        item = attempt.path.rpartition("[")[2].rstrip("]")
        play = node.play(int(item) if item.isdigit() else 0, attempt.attempt)
        return play, (node, key, inputs)

    def _leave(self, play: Play, who: Any) -> object:
        node, key, inputs = who
        if play.ends == "error":
            raise ScriptedError("scripted")
        if play.ends == "permanent":
            raise PermanentError("scripted")
        if play.ends == "cancelled":
            raise asyncio.CancelledError
        value = value_of(node, key[0], key[1], inputs)
        self.seen.returned[key] = (copy.deepcopy(value), self._now())
        return value

    def _now(self) -> float:
        assert self.loop is not None
        return self.loop.time()

    def _on_loop(self, node: Node) -> Any:
        async def act(first: object = None, *rest: object, **named: object) -> object:
            args = (first, *rest) if first is not None or rest else ()
            play, who = self._enter(node, args, named)
            if node.name in self._meeting:
                await self._meet()
            if play.ends == "hang":
                await asyncio.Event().wait()
            try:
                await asyncio.sleep(play.latency)
            except asyncio.CancelledError:
                if play.ends != "stubborn":
                    raise
                await _linger(play.lingers)
            return self._leave(play, who)

        return act

    async def _meet(self) -> None:
        if self._barrier is None:
            self._barrier = asyncio.Barrier(len(self._meeting))
        await self._barrier.wait()

    def _on_thread(self, node: Node) -> Any:
        def act(first: object = None, *rest: object, **named: object) -> object:
            args = (first, *rest) if first is not None or rest else ()
            play, who = self._enter(node, args, named)
            if play.latency:
                block(play.latency)
            return self._leave(play, who)

        return act

    def _inline(self, node: Node) -> Any:
        def act(first: object = None, *rest: object, **named: object) -> object:
            args = (first, *rest) if first is not None or rest else ()
            return self._leave(*self._enter(node, args, named))

        return act


async def _linger(seconds: float) -> None:
    loop = asyncio.get_running_loop()
    until = loop.time() + seconds
    while loop.time() < until:
        try:
            await asyncio.sleep(until - loop.time())
        except asyncio.CancelledError:
            continue


# -------------------------------------------------------------------- the workflow


def declared(node: Node, actors: Actors) -> Any:
    """The node's `@step`."""
    options: dict[str, Any] = {"id": step_id(node)}
    if node.where == "inline":
        options["inline"] = True
    else:
        retry = Retry(attempts=node.attempts, first_wait=node.wait, jitter=node.jitter, longest_wait=4.0)
        options.update(timeout=node.timeout, within=node.within, retry=retry, limit=node.limits or None)
    if node.optional:
        options["optional"] = True
        if node.default:
            options["default"] = default_of(node)
    made = step(**options)(actors.function(node))
    return made.named(node.name) if node.is_named else made


class _Wires:
    """The body of a described workflow: turns parts into Refs."""

    def __init__(self, flow: Flow, steps: dict[str, Any]) -> None:
        self._flow = flow
        self._steps = steps
        self._refs: dict[str, Any] = {}
        self._groups: dict[str, Any] = {}

    def output(self) -> object:
        for item in self._flow.items:
            if isinstance(item, Block):
                with group(item.name, within=item.within, min_success=item.min_success) as opened:
                    for node in item.nodes:
                        self._use(node)
                self._groups[item.name] = opened
                self._refs[item.name] = opened.count
            else:
                self._use(item)
        return [self._refs[name] for name in self._flow.output]

    def _use(self, node: Node) -> None:
        made = self._steps[node.name]
        if node.after:
            made = made.after(*(self._groups.get(name, self._refs[name]) for name in node.after))
        named = {key: self._part(part) for key, part in node.named}
        if node.items is not None:
            self._refs[node.name] = made.map(self._part(node.items), **named)
        else:
            self._refs[node.name] = made(*(self._part(part) for part in node.inputs), **named)

    def _part(self, part: Part) -> Any:
        if isinstance(part, Const):
            return part.value
        if isinstance(part, Out):
            ref = self._refs[part.of]
            return ref if part.key is None else ref[part.key]
        parts = [self._part(each) for each in part.parts]
        if part.kind == "dict":
            return {f"k{number}": each for number, each in enumerate(parts)}
        return tuple(parts) if part.kind == "tuple" else parts


def build(flow: Flow, actors: Actors) -> Any:
    """The described workflow as a `Workflow`."""
    steps = {node.name: declared(node, actors) for node in flow.nodes}

    @workflow(name="drawn")
    def drawn() -> Any:
        return _Wires(flow, steps).output()

    return drawn


def execute(flow: Flow, *, is_sequential: bool = False, meeting: frozenset[str] = frozenset()) -> Ran:
    """Run it to its end on virtual time, checking every invariant after every event."""
    store = LateStore() if flow.commits_later else None
    actors = Actors(meeting, store)
    engine = Engine(
        limits=dict(flow.limits),
        grace=flow.grace,
        on_failure=flow.on_failure,
        seed=7,
        journals=store,
    )
    for known, seconds in flow.estimates:
        engine.estimates.learn(known, seconds)
    built = build(flow, actors)
    ready = built.with_options(
        engine=engine, within=flow.within, max_concurrency=flow.permits, sequential=is_sequential
    )
    real, attempts_room.Scheduler = attempts_room.Scheduler, Watched  # type: ignore[misc]  # the driver's own name for it
    try:
        result = run_virtual(_run(ready, flow.cancel_at, actors))
    finally:
        attempts_room.Scheduler = real  # type: ignore[misc]
    watched = Watched.last
    created = watched.created._replace(graph=built.trace().graph)
    value = plain(result.value) if result.status in ("succeeded", "partial") else None
    return Ran(result, actors.seen, watched.calls, created, watched.graph, value)


async def _run(flow: Any, cancel_at: float | None, actors: Actors) -> RunResult[object]:
    actors.loop = asyncio.get_running_loop()

    def started(driver: Any) -> None:
        loop = asyncio.get_running_loop()
        if cancel_at == 0.0:
            loop.call_soon(
                driver.cancel, "enough"
            )  # the first attempts are issued by then, and not yet begun
        elif cancel_at is not None:
            loop.call_later(cancel_at, driver.cancel, "enough")

    result: RunResult[object] = await flow.start({}, started=started)
    return result
