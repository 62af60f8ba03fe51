"""Descriptions of workflows that grow: choices, loops, nested workflows, plans; and how they are drawn.

Plain data, like `shapes.py`, of which this is the other half: there everything that time can do to steps, here
everything that steps can grow. Nothing here knows the engine.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from property.shapes import Brief, Const, Out

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

Given = Const | Out


@dataclass(frozen=True, repr=False)
class Call(Brief):
    """One use of a step. It raises in its first `fails` attempts, of which it has `attempts`."""

    name: str
    inputs: tuple[Given, ...] = ()
    latency: float = 1.0
    fails: int = 0
    attempts: int = 1
    optional: bool = False
    inline: bool = False
    size: int = 2
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()


@dataclass(frozen=True, repr=False)
class Each(Brief):
    """One map; the use number `fails_at` raises."""

    name: str
    items: tuple[Given, ...] | Out
    latency: float = 1.0
    fails_at: int | None = None
    writes: tuple[str, ...] = ()


@dataclass(frozen=True, repr=False)
class Body(Brief):
    """Steps, and which of their results it gives, by name."""

    items: tuple[Item, ...]
    output: tuple[str, ...]


@dataclass(frozen=True, repr=False)
class Pick(Brief):
    """One choice: the selector says "b0", "b1", … of `labels` labels; there may be fewer branches."""

    name: str
    by: Given
    labels: int
    branches: tuple[Body, ...]
    otherwise: Body | None = None


@dataclass(frozen=True, repr=False)
class Rounds(Brief):
    """One loop; inside it the state is called `state`, and round `done_at` is the last wanted."""

    name: str
    start: Given
    body: Body
    done_at: int = 2
    max_rounds: int = 3
    keeps_last: bool = False


@dataclass(frozen=True, repr=False)
class Inner(Brief):
    """One nested workflow; inside it the parameters are called `NAME_p0`, …

    A second use of a workflow says `of` which it is, and has a name of its own.
    """

    name: str
    params: tuple[Given, ...]
    body: Body
    within: float | None = None
    of: str = ""

    @property
    def own(self) -> str:
        """The workflow's name, of which its use may have another."""
        return self.of or self.name

    @property
    def is_plain(self) -> bool:
        """Whether its inputs are known when the outer body runs."""
        return all(isinstance(part, Const) for part in self.params)


@dataclass(frozen=True, repr=False)
class Spread(Brief):
    """One map over a nested workflow; inside it the item is called `NAME_p0`."""

    name: str
    items: tuple[Given, ...] | Out
    body: Body
    within: float | None = None


@dataclass(frozen=True, repr=False)
class Planned(Brief):
    """One step of a plan; `needs` are keys."""

    key: str
    capability: int
    needs: tuple[str, ...] = ()
    latency: float = 1.0
    fails: int = 0


@dataclass(frozen=True, repr=False)
class Plan(Brief):
    """One expansion; `wrong` plans cannot be carried out, `second` is what the replanner makes."""

    name: str
    steps: tuple[Planned, ...]
    is_wrong: bool = False
    second: tuple[Planned, ...] | None = None


@dataclass(frozen=True, repr=False)
class Block(Brief):
    """A group."""

    name: str
    items: tuple[Item, ...]


Item = Call | Each | Pick | Rounds | Inner | Spread | Plan | Block


@dataclass(frozen=True, repr=False)
class World(Brief):
    """A whole workflow and how it is run."""

    body: Body
    on_failure: str = "drain"
    permits: int | None = None
    cancel_at: float | None = None
    within: float | None = None

    @property
    def is_cut(self) -> bool:
        """Whether a clock or a person may cut it."""
        bounded = any(
            isinstance(item, (Inner, Spread)) and item.within is not None for item in every(self.body)
        )
        return bounded or self.within is not None or self.cancel_at is not None


def bodies_of(item: Item) -> Iterator[Body]:
    """The bodies a construct holds."""
    if isinstance(item, Pick):
        yield from item.branches
        if item.otherwise is not None:
            yield item.otherwise
    elif isinstance(item, (Rounds, Inner, Spread)):
        yield item.body
    elif isinstance(item, Block):
        yield Body(item.items, ())


def every(body: Body) -> Iterator[Item]:
    """All items, at any depth."""
    for item in body.items:
        yield item
        for inner in bodies_of(item):
            yield from every(inner)


def touched(body: Body) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(what its steps read, what they write)."""
    steps = [item for item in every(body) if isinstance(item, (Call, Each))]
    reads = dict.fromkeys(name for step in steps if isinstance(step, Call) for name in step.reads)
    writes = dict.fromkeys(name for step in steps for name in step.writes)
    return tuple(reads), tuple(writes)


def traits(world: World) -> set[str]:
    """The constructs a workflow contains."""
    found = {world.on_failure}
    for item in every(world.body):
        found.add(type(item).__name__)
        if isinstance(item, Inner):
            found.add("plain inputs" if item.is_plain else "Refs as inputs")
            found |= {"named twice"} if item.of else set()
        if isinstance(item, (Inner, Spread)) and item.within is not None:
            found.add("nested within")
        if isinstance(item, Plan) and item.second is not None:
            found |= {"replan", "wrong plan" if item.is_wrong else "failing plan"}
        if isinstance(item, Rounds) and item.keeps_last:
            found.add("keeps last")
        if isinstance(item, Pick):
            found |= {"otherwise"} if item.otherwise is not None else set()
            found |= {"names none"} if item.otherwise is None and item.labels > len(item.branches) else set()
        if isinstance(item, Block) and any(not isinstance(member, Call) for member in item.items):
            found.add("grows in a group")
        if isinstance(item, (Call, Each)) and (item.writes or getattr(item, "reads", ())):
            found.add("order")
        for inner in bodies_of(item):
            found |= {f"{type(each).__name__} inside" for each in inner.items if not isinstance(each, Call)}
            if any(isinstance(each, Call) and each.optional for each in inner.items):
                found.add("optional inside")
    return found


# -------------------------------------------------------------------- drawing


@dataclass(frozen=True)
class _Known:
    name: str
    keys: tuple[str, ...]
    is_maybe: bool = False
    has_list: bool = False


class Author:
    def __init__(self, draw: Callable[[Any], Any]) -> None:
        self._draw = draw
        self._count = 0
        self._inners: list[Inner] = []
        self._is_rough = self.chance(35)
        self._has_order = self.chance(35)

    def chance(self, percent: int) -> bool:
        """True in so many of a hundred; shrinks to False."""
        return bool(self._draw(st.integers(0, 99)) >= 100 - percent)

    def pick(self, options: Sequence[Any]) -> Any:
        """One of several; shrinks to the first."""
        return options[self._draw(st.integers(0, len(options) - 1))]

    def number(self, least: int, most: int) -> int:
        return int(self._draw(st.integers(least, most)))

    def world(self) -> World:
        world = World(self._body([], 0, self.number(2, 5)))
        if self.chance(30):
            world = replace(world, on_failure=self.pick(("continue", "fail_fast")))
        elif self._is_rough:
            world = replace(world, on_failure=self.pick(("continue", "continue", "drain")))
        if self.chance(10):
            world = replace(world, cancel_at=self.pick((0.25, 1.25, 2.75)))
        if self.chance(6):
            world = replace(world, within=self.pick((2.125, 5.125)))
        return replace(world, permits=self.pick((None, None, 2, 1)))

    def _name(self, mark: str) -> str:
        self._count += 1
        return f"{mark}{self._count}"

    def _body(self, around: list[_Known], depth: int, count: int) -> Body:
        known = list(around)
        items = tuple(self._item(known, depth) for _ in range(count))
        own = [each.name for each in known[len(around) :] if not each.is_maybe]
        if not own:
            call = Call(self._name("c"))
            return Body((*items, call), (call.name,))
        return Body(items, tuple(dict.fromkeys((own[-1], self.pick(own)))))

    def _item(self, known: list[_Known], depth: int) -> Item:
        kinds = ("call", "call", "each") if depth >= 3 else _KINDS
        made: Item = getattr(self, f"_{self.pick(kinds)}")(known, depth)
        return made

    def _given(self, known: list[_Known], *, is_sure: bool = False) -> Given:
        usable = [each for each in known if not (is_sure and each.is_maybe)]
        if not usable or self.chance(12):
            return Const(self.pick((1, "text", [1, [2]])))
        source = usable[-1 - min(self.number(0, 4), len(usable) - 1)]
        if source.keys and not source.is_maybe and self.chance(35):
            return Out(source.name, self.pick(source.keys))
        return Out(source.name)

    def _call(self, known: list[_Known], depth: int, *, is_optional: bool = True) -> Call:
        del depth
        inputs = tuple(self._given(known) for _ in range(self.number(0, 2)))
        call = Call(self._name("c"), inputs, self.pick((1.0, 0.5, 2.0, 0.0)))
        if self.chance(20):
            call = replace(call, inline=True)
        elif self.chance(25):
            call = replace(call, attempts=2, fails=self.pick((1, 2)) if self._is_rough else 1)
        elif self._is_rough and self.chance(12):
            call = replace(call, fails=1)
        if is_optional and self.chance(15):
            call = replace(call, optional=True, fails=call.attempts if self.chance(60) else call.fails)
        if self._has_order and not call.inline and self.chance(60):
            call = replace(call, **{self.pick(("writes", "reads")): ("w",)})
        known.append(_Known(call.name, ("n", "items"), has_list=True))
        return call

    def _each(self, known: list[_Known], depth: int) -> Each:
        del depth
        each = Each(self._name("e"), self._items(known), self.pick((1.0, 0.5)))
        if self._is_rough and self.chance(20):
            each = replace(each, fails_at=0)
        if self._has_order and self.chance(40):
            each = replace(each, writes=("w",))
        known.append(_Known(each.name, ()))
        return each

    def _items(self, known: list[_Known]) -> tuple[Given, ...] | Out:
        lists = [each for each in known if each.has_list]
        if lists and self.chance(60):
            return Out(self.pick(lists).name, "items")
        return tuple(self._given(known, is_sure=True) for _ in range(self.number(0, 3)))

    def _pick(self, known: list[_Known], depth: int) -> Pick:
        by = self._given(known, is_sure=True)
        name = self._name("p")
        branches = tuple(
            self._body(known, depth + 1, self.number(0, 2)) for _ in range(self.pick((2, 2, 3, 1)))
        )
        otherwise = self._body(known, depth + 1, self.number(0, 1)) if self.chance(35) else None
        is_short = otherwise is not None or (self._is_rough and self.chance(25))
        known.append(_Known(name, ()))
        return Pick(name, by, len(branches) + is_short, branches, otherwise)

    def _rounds(self, known: list[_Known], depth: int) -> Rounds:
        start = self._given(known, is_sure=True)
        name = self._name("r")
        body = self._body([*known, _Known(f"{name}_state", ())], depth + 1, self.number(1, 2))
        most = self.number(1, 3)
        loop = Rounds(name, start, body, self.number(1, most), most)
        if self.chance(35):
            loop = replace(loop, done_at=9, keeps_last=True)
        elif self._is_rough and self.chance(25):
            loop = replace(loop, done_at=9)
        known.append(_Known(name, body.output))
        return loop

    def _inner(self, known: list[_Known], depth: int) -> Inner | Spread:
        if self.chance(25):
            return self._spread(known, depth)
        params = tuple(self._given(known) for _ in range(self.number(0, 2)))
        if self.chance(40):
            params = tuple(Const(number) for number, _ in enumerate(params))
        name = self._name("w")
        if self._inners and self.chance(85):
            first = self.pick(self._inners)
            known.append(_Known(name, first.body.output))
            given = (*params, Const("more"), Const(0))[: len(first.params)]
            return replace(first, name=name, params=given, of=first.own)
        inside = [_Known(f"{name}_p{number}", ()) for number, _ in enumerate(params)]
        body = self._body(inside, depth + 1, self.number(1, 3))
        within = self.pick((1.25, 3.25)) if self.chance(20) else None
        known.append(_Known(name, body.output))
        self._inners.append(Inner(name, params, body, within))
        return self._inners[-1]

    def _spread(self, known: list[_Known], depth: int) -> Spread:
        items = self._items(known)
        name = self._name("m")
        body = self._body([_Known(f"{name}_p0", ())], depth + 1, self.number(1, 2))
        within = self.pick((1.25, 3.25)) if self.chance(20) else None
        known.append(_Known(name, ()))
        return Spread(name, items, body, within)

    def _plan(self, known: list[_Known], depth: int) -> Plan:
        del depth
        plan = Plan(self._name("x"), self._planned(fails=False))
        if self.chance(55):
            plan = replace(plan, second=self._planned(fails=self._is_rough and self.chance(20)))
            plan = (
                replace(plan, is_wrong=True)
                if self.chance(35)
                else replace(plan, steps=self._planned(fails=True))
            )
        elif self._is_rough and self.chance(25):
            plan = replace(plan, steps=self._planned(fails=True))
        known.append(_Known(plan.name, ()))
        return plan

    def _planned(self, *, fails: bool) -> tuple[Planned, ...]:
        found: list[Planned] = []
        for number in range(self.number(1, 4)):
            needs = tuple(dict.fromkeys(self.pick(found).key for _ in range(self.number(0, 2)) if found))
            latency = self.pick((1.0, 0.5, 2.0, 4.0))
            found.append(Planned(f"k{number}", self.number(0, 1), needs, latency))
        if fails:
            victim = self.number(0, len(found) - 1)
            found[victim] = replace(found[victim], fails=9)
        return tuple(found)

    def _block(self, known: list[_Known], depth: int) -> Block:
        count = len(known)
        inside = list(known)
        kinds = ("call", "pick", "rounds", "inner", "plan") if depth < 2 else ("call",)
        items: list[Item] = []
        for _ in range(self.number(1, 3)):
            kind = self.pick(kinds)
            before = len(inside)
            made = (
                self._call(inside, depth, is_optional=False)
                if kind == "call"
                else getattr(self, f"_{kind}")(inside, depth)
            )
            inside[before:] = [
                replace(each, is_maybe=True, keys=(), has_list=False) for each in inside[before:]
            ]
            items.append(made)
        known.extend(inside[count:])
        return Block(self._name("g"), tuple(items))


_KINDS = ("call",) * 7 + (
    "each",
    "each",
    "pick",
    "pick",
    "rounds",
    "rounds",
    "inner",
    "inner",
    "inner",
    "plan",
    "plan",
    "block",
)


@st.composite
def worlds(draw: Callable[[Any], Any]) -> World:
    """Workflows that grow."""
    return Author(draw).world()
