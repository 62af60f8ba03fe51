"""What `@step` accepts, what it refuses, and what the variations of a step keep."""

from __future__ import annotations

import asyncio
import functools
from typing import TYPE_CHECKING

import pytest

from authoring.authoring_cases import load_body, refusal
from stretto import Retry, from_engine, group, step, workflow
from stretto.core.graph import Where
from stretto.errors import DefinitionError, RunFailedError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def plain(x: int) -> int:
    return x


async def coroutine(x: int) -> int:
    return x


def generator(x: int):
    yield x


async def async_generator(x: int):
    yield x


def early_resource(client: object = from_engine(), x: int = 1) -> int:
    return x


def positional_resource(x: int, client: object = from_engine(), /) -> int:
    return x


def resource_before_rest(x: int, client: object = from_engine(), *rest: int) -> int:
    return x


CONTRADICTIONS: dict[str, tuple[Callable[[], object], str]] = {
    "inline coroutine": (lambda: step(inline=True)(coroutine), "needs a plain `def`"),
    "inline timeout": (lambda: step(inline=True, timeout=1)(plain), "Drop timeout="),
    "inline within": (lambda: step(inline=True, within=1)(plain), "Drop timeout="),
    "inline retry": (lambda: step(inline=True, retry=2)(plain), "Drop timeout="),
    "inline limit": (lambda: step(inline=True, limit="openai")(plain), "Drop timeout="),
    "inline executor": (lambda: step(inline=True, executor="thread")(plain), "drop executor="),
    "thread coroutine": (lambda: step(executor="thread")(coroutine), "needs a plain `def`"),
    "loop function": (lambda: step(executor="loop")(plain), "would block the loop"),
    "unknown executor": (lambda: step(executor="gpu")(plain), "known: 'loop', 'thread'"),
    "default alone": (lambda: step(default=1)(plain), "belong to optional=True"),
    "factory alone": (lambda: step(default_factory=list)(plain), "belong to optional=True"),
    "default None alone": (lambda: step(default=None)(plain), "belong to optional=True"),
    "both defaults": (lambda: step(optional=True, default=1, default_factory=list)(plain), "not both"),
    "factory is a value": (lambda: step(optional=True, default_factory=[])(plain), "takes a function"),
    "default that cannot be journaled": (
        lambda: step(optional=True, default=object())(plain),
        "its default cannot be journaled",
    ),
    "timeout 0": (lambda: step(timeout=0)(plain), "timeout=0; give seconds above 0"),
    "timeout negative": (lambda: step(timeout=-1.5)(plain), "timeout=-1.5"),
    "timeout text": (lambda: step(timeout="3s")(plain), "timeout='3s'"),
    "timeout bool": (lambda: step(timeout=True)(plain), "timeout=True"),
    "timeout nan": (lambda: step(timeout=float("nan"))(plain), "timeout=nan"),
    "within 0": (lambda: step(within=0)(plain), "within=0; give seconds above 0"),
    "retry 0": (lambda: step(retry=0)(plain), "1 or more"),
    "retry bool": (lambda: step(retry=True)(plain), "give a Retry"),
    "retry text": (lambda: step(retry="twice")(plain), "give a Retry"),
    "limit number": (lambda: step(limit=3)(plain), "name of one of the engine's limits"),
    "limit 0": (lambda: step(limit=0)(plain), "name of one of the engine's limits"),
    "limit empty": (lambda: step(limit="")(plain), "name of one of the engine's limits"),
    "limit mixed": (lambda: step(limit=("a", 1))(plain), "name of one of the engine's limits"),
    "generator": (lambda: step(generator), "it is a generator; return a list"),
    "async generator": (lambda: step(async_generator), "it is a generator; return a list"),
    "a step again": (lambda: step(step(plain)), "is a step already"),
    "a name in place of a function": (lambda: step("plain"), "@step takes a function, not str"),
    "a number": (lambda: step()(3), "@step takes a function, not int"),
    "without a name": (lambda: step(functools.partial(plain, 1)), "A step's id cannot be None"),
    "resource before an argument": (lambda: step(early_resource), "put the resource 'client' last"),
    "positional resource": (lambda: step(positional_resource), "put the resource 'client' last"),
    "resource before *rest": (lambda: step(resource_before_rest), "put the resource 'client' last"),
    "with_options timeout": (lambda: step(plain).with_options(timeout=0), "timeout=0"),
    "with_options inline": (lambda: step(inline=True)(plain).with_options(timeout=1), "is inline"),
    "after a value": (lambda: step(plain).after(3), "takes Refs and groups, not int"),
    "after a list": (lambda: step(plain).after([]), "takes Refs and groups, not list"),
    "after an open group": (lambda: step(plain).after(group("g")), "used before its block has ended"),
}
BAD_NAMES = ("", " ", " a", "a ", "a/b", "a[0]", "b]", "round#2", "return", None, 3, b"a")


@pytest.mark.parametrize("name", CONTRADICTIONS)
def test_options_that_contradict_each_other_are_refused_when_they_are_declared(name: str) -> None:
    """The error says which option, with its value, and what fits."""
    declare, words = CONTRADICTIONS[name]
    with pytest.raises(DefinitionError) as caught:
        declare()
    assert words in str(caught.value)
    assert caught.value.where is None or caught.value.where.startswith("test_authoring_step.py:")


@pytest.mark.parametrize("name", BAD_NAMES)
def test_a_path_segment_has_no_marks_and_no_blanks_around_it(name: object) -> None:
    """Ids, names of uses, groups and workflows keep the same rule."""
    declared = step(plain)
    makers = [lambda: declared.named(name), lambda: group(name)]
    if name is not None:
        makers += [lambda: step(id=name)(plain), lambda: workflow(name=name)(plain)]
    for make in makers:
        with pytest.raises(DefinitionError, match=r"cannot be .*Use a short name") as caught:
            make()
        assert caught.value.where is not None


@pytest.mark.parametrize("name", ["a", "a b", "übersicht", "a-b.c", "x:y"])
def test_other_names_are_free(name: str) -> None:
    """Blanks inside and any other character are allowed."""
    assert step(plain).named(name).name == name
    assert step(id=name)(plain).name == name


def test_where_a_step_runs_follows_from_its_function() -> None:
    """`async def` on the loop, `def` on a thread, inline glue in the engine; a partial like what it wraps."""
    assert step(coroutine).spec.where is Where.LOOP
    assert step(plain).spec.where is Where.THREAD
    assert step(executor="loop")(coroutine).spec.where is Where.LOOP
    assert step(executor="thread")(plain).spec.where is Where.THREAD
    assert step(inline=True)(plain).spec.where is Where.INLINE
    assert step(id="p")(functools.partial(coroutine)).spec.where is Where.LOOP


def test_options_stand_in_the_spec_as_they_were_given() -> None:
    """A number of attempts is a Retry; a limit is a tuple of names, each once."""
    spec = step(timeout=2, within=5.5, retry=4, limit=["a", "b", "a"])(plain).spec
    assert (spec.timeout, spec.within, spec.retry.attempts) == (2, 5.5, 4)
    assert spec.limits == ("a", "b")
    assert step(limit="a")(plain).spec.limits == ("a",)
    assert step(limit=())(plain).spec.limits == ()


def test_the_plain_function_stays_reachable() -> None:
    """`step.fn` is the function itself, and the step carries its docstring and name."""

    @step
    def documented(x: int) -> int:
        """Says what it does."""
        return x + 1

    assert documented.fn(2) == 3
    assert documented.__doc__ == "Says what it does."
    assert repr(documented) == "<Step documented>"


def test_calling_a_step_outside_a_body_runs_nothing() -> None:
    """The error names the line and both ways out."""
    ran = []
    noted = step(id="noted")(ran.append)
    for call in (lambda: noted(1), lambda: noted.map([1]), lambda: noted.named("b")(1)):
        with pytest.raises(
            DefinitionError, match=r"outside a workflow's body; nothing was run.*\.fn\("
        ) as caught:
            call()
        assert (caught.value.where or "").startswith("test_authoring_step.py:")
    assert ran == []


def test_calling_a_step_inside_a_running_step_fails_that_step() -> None:
    """Steps are wired by bodies only, whichever thread asks."""

    @step
    def blocking(x: int) -> int:
        return step(inline=True)(plain)(x)

    @step
    async def awaiting(x: int) -> int:
        return step(inline=True)(plain)(x)

    @workflow
    def flow(is_blocking: bool) -> int:
        return blocking(1) if is_blocking else awaiting(1)

    for is_blocking in (True, False):
        with pytest.raises(RunFailedError, match="outside a workflow's body"):
            flow.run(is_blocking)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        ("use()", "missing a required argument: 'value'"),
        ("use(1, 2)", "too many positional arguments"),
        ("use(wrong=1)", "missing a required argument: 'value'"),
        ("use(1, wrong=1)", "unexpected keyword argument 'wrong'"),
        ("use(1, value=2)", "multiple values for argument 'value'"),
        ("keyed(1)", "argument: 'key'"),
        ("keyed(1, 2)", "too many positional arguments"),
        ("use.map([1], wrong=2)", "unexpected keyword argument 'wrong'"),
        ("use.map([1], value=2)", "multiple values for argument 'value'"),
        ("keyed.map([1])", "argument: 'key'"),
        ("alone.map([1])", "too many positional arguments"),
        ("with_client(1, client=2)", "unexpected keyword argument 'client'"),
        ("with_client(1, 2)", "too many positional arguments"),
    ],
)
def test_wrong_arguments_are_refused_in_the_body(call: str, words: str, tmp_path: Path) -> None:
    """Before anything runs, with the line and the signature; resources are no part of it."""
    before = """
    @step
    def keyed(value, *, key):
        return value

    @step
    def alone():
        return 1

    @step
    def with_client(value, client=from_engine()):
        return value
    """
    error = refusal(tmp_path, f"return {call}", before)
    assert words in error.what
    assert (error.mend or "").startswith("It takes (")
    assert "client" not in (error.mend or "")


@pytest.mark.parametrize(
    ("call", "value"),
    [
        ("join(1, 2, 3)", [1, 2, 3]),
        ("join()", []),
        ("join(1, a=2, b=3)", [1, 2, 3]),
        ("join(1, a=load(2))", [1, 2]),
        ("use(value=load(2))", 2),
        ("use([load(2), (3, {'a': [x]})])", [2, (3, {"a": [1]})]),
        ("join(*[1, 2], **{'a': 3})", [1, 2, 3]),
        ("defaulted()", 7),
        ("defaulted(8)", 8),
    ],
)
def test_every_form_of_call_reaches_the_function(call: str, value: object, tmp_path: Path) -> None:
    """Positional, keyword, surplus and nested arguments arrive as they were written."""
    before = "@step(inline=True)\ndef defaulted(x=7):\n    return x"
    module, _ = load_body(tmp_path, f"return {call}", before)
    assert module.flow.run().value == value


def test_variations_keep_each_other() -> None:
    """`.named`, `.after` and `.with_options` in any order give the same use."""
    base = step(retry=2, timeout=3, limit="a", optional=True, default=4)(plain)
    seen = []

    @workflow
    def flow() -> object:
        first = step(inline=True, id="first")(plain)(1)
        second = step(inline=True, id="second")(plain)(1)
        orders = [
            base.named("a").after(first).after(second).with_options(timeout=9),
            base.with_options(timeout=9).after(first, second).named("b"),
            base.after(first).with_options(timeout=9).named("c").after(second),
        ]
        seen.extend(orders)
        return [each(5) for each in orders]

    graph = flow.trace().graph
    for position, name in enumerate("abc", start=2):
        spec = graph.specs[position]
        assert graph.path(position) == name
        assert tuple(graph.deps[position]) == (0, 1)
        assert (spec.timeout, spec.retry.attempts, spec.limits) == (9, 2, ("a",))
        assert (spec.optional, spec.has_default, graph.defaults[position]) == (True, True, 4)
    assert (base.name, base.after_refs, base.spec.timeout) == ("plain", (), 3)


def test_with_options_replaces_only_what_is_given() -> None:
    """What is None stays; an empty tuple of limits takes them away."""
    base = step(retry=2, timeout=3, within=8, limit="a")(plain)
    spec = base.with_options(within=4, retry=Retry(attempts=5), limit=()).spec
    assert (spec.timeout, spec.within, spec.retry.attempts, spec.limits) == (3, 4, 5, ())
    assert base.with_options().spec.limits == ("a",)


def test_variations_of_a_map_keep_everything() -> None:
    """The anchor takes the name and the order, the children take the rules."""
    base = step(timeout=3)(plain)

    @workflow
    def flow() -> object:
        first = step(inline=True, id="first")(plain)(1)
        return base.named("many").after(first).with_options(timeout=9).map([1, 2])

    graph = flow.trace().graph
    assert [graph.path(index) for index in range(len(graph))] == ["first", "many", "many[0]", "many[1]"]
    assert [graph.specs[index].timeout for index in (2, 3)] == [9, 9]
    assert [0 in graph.deps[index] for index in (2, 3)] == [True, True]


def test_a_default_is_fresh_for_every_use() -> None:
    """Neither a mutable `default=` nor what `default_factory` makes is shared between uses or runs."""
    made = []

    def factory() -> list[int]:
        made.append([])
        return made[-1]

    def broken() -> list[int]:
        raise ValueError

    by_factory = step(id="f", inline=True, optional=True, default_factory=factory)(broken)
    given: list[int] = []
    by_value = step(id="v", inline=True, optional=True, default=given)(broken)
    given.append(9)  # too late to change what was declared

    @step(inline=True)
    def spoil(values: list[int]) -> list[int]:
        values.append(1)
        return values

    @workflow
    def flow() -> object:
        uses = [by_factory(), by_factory.named("f2")(), by_value(), by_value.named("v2")()]
        return [spoil.named(f"s{number}")(use) for number, use in enumerate(uses)]

    for _ in range(2):
        assert flow.run().value == [[1], [1], [1], [1]]
    assert made == [[], [], [], []]
    assert given == [9]


def test_a_default_factory_that_fails_to_give_plain_data_is_told_at_trace() -> None:
    """What could not be journaled as a result cannot stand in for one."""
    broken = step(inline=True, optional=True, default_factory=object)(plain)

    @workflow
    def flow() -> object:
        return broken(1)

    with pytest.raises(DefinitionError, match="its default cannot be journaled"):
        flow.trace()


def test_an_instance_with_an_async_call_runs_on_the_loop() -> None:
    """A callable object is judged by its `__call__`."""

    class Agent:
        async def __call__(self, x: int) -> int:
            await asyncio.sleep(0)
            return x + 1

    agent = step(id="agent")(Agent())

    @workflow
    def flow() -> int:
        return agent(1)

    assert agent.spec.where is Where.LOOP
    assert flow.run().value == 2


@pytest.mark.parametrize("function", [max, str])
def test_what_has_no_signature_is_refused(function: Callable[..., object]) -> None:
    """Some built-in functions do not say what they take: nothing could be checked in a body."""
    with pytest.raises(DefinitionError, match="knows no signature of it; wrap it in a `def`"):
        step(id="known")(function)
