"""What steps hand to each other: isolation, projections, contexts, results that cannot be journaled."""

from __future__ import annotations

import asyncio
from contextvars import ContextVar
from dataclasses import dataclass, field

import pytest

from stretto import Engine, group, step, workflow
from stretto.errors import RunFailedError
from stretto.testing import run_virtual

_who: ContextVar[str] = ContextVar("who", default="nobody")


@dataclass
class Menu:
    title: str
    drinks: list[str] = field(default_factory=list)


@step
async def menu() -> Menu:
    return Menu("late", ["negroni", "spritz"])


@step
async def keep(value: object) -> object:
    return value


@step(inline=True)
def glue(value: object) -> object:
    return value


@pytest.mark.parametrize("kind", ["loop", "thread", "inline"])
def test_one_mutated_list_corrupts_no_sibling(kind: str) -> None:
    """Each consumer has its own copy; the recorded result, and the output, stay as they were returned."""

    @step
    async def make() -> dict[str, list[int]]:
        return {"numbers": [1, 2, 3]}

    async def on_loop(value: dict[str, list[int]], number: int) -> list[int]:
        value["numbers"].append(number)
        return value["numbers"]

    def plain(value: dict[str, list[int]], number: int) -> list[int]:
        value["numbers"].append(number)
        return value["numbers"]

    spoil = step(id="spoil", inline=kind == "inline")(on_loop if kind == "loop" else plain)

    @workflow
    def flow() -> object:
        made = make()
        return [spoil.named("a")(made, 4), spoil.named("b")(made, 5), made]

    result = asyncio.run(flow.arun())
    assert result.value == [[1, 2, 3, 4], [1, 2, 3, 5], {"numbers": [1, 2, 3]}]
    assert result.steps["make"].value == {"numbers": [1, 2, 3]}


def test_a_step_cannot_change_its_result_afterwards() -> None:
    """What a step returned is kept apart from what it goes on holding."""
    held: list[list[int]] = []

    @step
    async def make() -> list[int]:
        held.append([1])
        return held[0]

    @step
    async def spoil(seen: list[int]) -> list[int]:
        held[0].append(2)
        return seen

    @workflow
    def flow() -> object:
        made = make()
        return [spoil(made), made]

    assert run_virtual(flow.arun()).value == [[1], [1]]


def test_a_caller_cannot_change_a_runs_inputs() -> None:
    """Inputs are copied when the run starts, and the body's own copy is not the steps'."""
    given = [1]

    @workflow
    def flow(xs: list[int]) -> object:
        found = keep(xs)
        xs.append(99)
        return found

    async def run() -> object:
        task = asyncio.create_task(flow.arun(given))
        await asyncio.sleep(0)
        given.append(2)
        return (await task).value

    assert run_virtual(run()) == [1]


def test_the_results_value_is_the_callers_own() -> None:
    """Changing the value of a run changes nothing that was recorded."""

    @workflow
    def flow() -> object:
        return menu()

    result = run_virtual(flow.arun())
    value = result.value
    assert isinstance(value, Menu)
    value.drinks.clear()
    recorded = result.steps["menu"].value
    assert isinstance(recorded, Menu)
    assert recorded.drinks == ["negroni", "spritz"]


def test_fields_and_keys_are_taken_from_results() -> None:
    """``ref.field`` and ``ref[key]``, as inputs, as items of a map, and in the return value."""

    @workflow
    def flow() -> object:
        found = menu()
        return {
            "title": keep.named("title")(found.title),
            "second": keep.named("second")(found.drinks[1]),
            "each": keep.named("each").map(found.drinks),
            "direct": found.drinks[0],
        }

    assert run_virtual(flow.arun()).value == {
        "title": "late",
        "second": "spritz",
        "each": ["negroni", "spritz"],
        "direct": "negroni",
    }


@pytest.mark.parametrize(
    ("take", "says"),
    [
        (lambda ref: ref.price, "has no .price: AttributeError"),
        (lambda ref: ref.drinks[7], r"has no .drinks\[7\]: IndexError"),
        (lambda ref: ref["title"], r"has no \['title'\]: TypeError"),
    ],
    ids=["field", "index", "key"],
)
@pytest.mark.parametrize("place", ["argument", "map", "output"])
def test_what_is_not_there_fails_the_step_that_takes_it(take: object, says: str, place: str) -> None:
    """A projection that does not fit names the producing step, the field, and what Python said."""

    @workflow
    def flow() -> object:
        found = take(menu())  # type: ignore[operator]
        if place == "argument":
            return keep(found)
        if place == "map":
            return keep.map(found)
        return [found]

    with pytest.raises(RunFailedError, match=f"the result of 'menu' {says}") as caught:
        run_virtual(flow.arun())
    paths = [failure.path for failure in caught.value.result.failures]  # type: ignore[attr-defined]
    assert paths == [{"argument": "keep", "map": "keep", "output": "return"}[place]]


def test_a_map_over_something_else_says_what_it_got() -> None:
    """A map needs a list; the error names the map, the step and the type."""

    @workflow
    def flow() -> object:
        return keep.map(menu())

    with pytest.raises(RunFailedError, match=r"keep\.map needs a list, but 'menu' returned Menu"):
        run_virtual(flow.arun())


def test_a_map_over_a_tuple() -> None:
    """A tuple is as good as a list."""

    @step
    async def pair() -> tuple[int, int]:
        return 1, 2

    @workflow
    def flow() -> object:
        return keep.map(pair())

    assert run_virtual(flow.arun()).value == [1, 2]


class Plain:
    """Neither plain data nor a dataclass nor a model."""


def _numbers() -> object:
    yield 1


async def _later() -> None: ...


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: {"rows": [1, Plain()]}, r"step 'bad': .*Plain at \[\"rows\"\]\[1\]"),
        (_numbers, r"step 'bad': generator: .*return list"),
        (lambda: (number for number in (1, 2)), "step 'bad': generator"),
        (lambda: {1, 2}.__iter__(), "step 'bad': set_iterator"),
        (lambda: print, "step 'bad': builtin_function_or_method"),
    ],
    ids=["object", "generator", "generator-expression", "iterator", "function"],
)
@pytest.mark.parametrize("kind", ["loop", "thread", "inline"])
def test_a_result_that_cannot_be_journaled(make: object, says: str, kind: str) -> None:
    """The failure names step, type and place, however the step runs; it is not tried again."""

    async def on_loop() -> object:
        return make()  # type: ignore[operator]

    def plain() -> object:
        return make()  # type: ignore[operator]

    options: dict[str, object] = {} if kind == "inline" else {"retry": 3}
    bad = step(id="bad", inline=kind == "inline", **options)(on_loop if kind == "loop" else plain)  # type: ignore[call-overload]

    @workflow
    def flow() -> object:
        return bad()

    with pytest.raises(RunFailedError, match=says) as caught:
        asyncio.run(flow.arun())
    assert len(caught.value.result.steps["bad"].attempts) == 1  # type: ignore[attr-defined]


def test_a_step_that_returns_a_coroutine_says_what_to_do() -> None:
    """A plain `def` that hands on a coroutine failed to await it."""
    later = _later()

    @step
    def forgot() -> object:
        return later

    @workflow
    def flow() -> object:
        return forgot()

    with pytest.raises(RunFailedError, match=r"step 'forgot': coroutine: .*await it inside the step"):
        asyncio.run(flow.arun())
    later.close()


def test_a_step_that_returns_a_ref_has_failed() -> None:
    """A Ref caught from the body means nothing at run time."""
    caught: list[object] = []

    @step
    async def leaks() -> object:
        return caught[0]

    @workflow
    def flow() -> object:
        caught.append(menu())
        return leaks()

    with pytest.raises(RunFailedError, match=r"step 'leaks': .*Ref"):
        run_virtual(flow.arun())


@pytest.mark.parametrize("kind", ["loop", "thread", "inline"])
def test_a_context_variable_stays_in_its_step(kind: str) -> None:
    """What a step sets is seen by no other, in a chain or in a burst; what the caller set is seen by all."""

    async def on_loop(number: int, before: object = None) -> str:
        seen = _who.get()
        _who.set(f"step {number}")
        await asyncio.sleep(0)
        assert _who.get() == f"step {number}"
        return seen

    def plain(number: int, before: object = None) -> str:
        seen = _who.get()
        _who.set(f"step {number}")
        return seen

    look = step(id="look", inline=kind == "inline")(on_loop if kind == "loop" else plain)

    @workflow
    def flow() -> object:
        chain: list[object] = [None]
        for number in range(3):
            chain.append(look.named(f"chain-{number}")(number, chain[-1]))
        return [*chain[1:], *(look.named(f"burst-{number}")(number) for number in range(3))]

    async def run() -> object:
        _who.set("caller")
        found = (await flow.arun()).value
        assert _who.get() == "caller"
        return found

    assert asyncio.run(run()) == ["caller"] * 6


def test_what_a_step_prints_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    """The engine itself leaves a step's words alone, and adds none."""

    @step
    async def talks() -> None:
        print("hello from the loop")

    @step
    def talks_too() -> None:
        print("hello from a thread")

    @workflow
    def flow() -> None:
        talks_too.after(talks())()

    flow.run()
    assert capsys.readouterr().out == "hello from the loop\nhello from a thread\n"


def test_the_output_may_be_plain() -> None:
    """A workflow may return plain values, with or without steps."""

    @workflow
    def flow(number: int) -> object:
        keep(number)
        return {"given": number, "nothing": None}

    assert run_virtual(flow.arun(4)).value == {"given": 4, "nothing": None}


def test_an_empty_workflow() -> None:
    """A body without steps gives its value."""

    @workflow
    def flow() -> int:
        return 7

    assert flow.run().value == 7


def test_a_groups_gate_is_its_count() -> None:
    """`g.count` is how many members succeeded."""

    @workflow
    def flow() -> object:
        with group("g", min_success=1) as members:
            glue.named("a")(1)
            glue.named("b")(2)
        return keep(members.count)

    assert run_virtual(flow.with_options(engine=Engine()).arun()).value == 2
