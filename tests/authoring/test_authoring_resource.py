"""`from_engine()`: live objects of the engine as a step's parameters, outside hash and journal."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from authoring.authoring_cases import load_body
from stretto import Engine, from_engine, step, workflow
from stretto.errors import DefinitionError, InputError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from stretto import Workflow


class Client:
    """A live object that cannot be journaled or copied."""

    def __init__(self, name: str = "made") -> None:
        self.name = name
        self.calls: list[object] = []

    def __deepcopy__(self, memo: object) -> Client:
        raise AssertionError("a resource was copied")

    def ask(self, value: object) -> str:
        self.calls.append(value)
        return f"{self.name}:{value}"


@step
def on_thread(x: int, client: Client = from_engine()) -> str:
    return client.ask(x)


@step
async def on_loop(x: int, *, client: Client = from_engine()) -> str:
    return client.ask(x)


@step(inline=True)
def inline(x: int, client: Client = from_engine()) -> str:
    return client.ask(x)


@step
async def keyed(x: int, asked: Client = from_engine("other")) -> str:
    return asked.ask(x)


@step
async def defaulted(x: int, client: Client = from_engine(default=Client)) -> str:
    return client.ask(x)


def once(used: Callable[..., object]) -> Workflow[[int], object]:
    """A workflow of one use."""

    @workflow
    def flow(x: int) -> object:
        return used(x)

    return flow


@pytest.mark.parametrize("used", [on_thread, on_loop, inline], ids=lambda used: used.name)
def test_a_resource_reaches_a_step_wherever_it_runs(used: Callable[..., object]) -> None:
    """The very object of the engine, neither copied nor journaled."""
    client = Client("engine's")
    result = once(used).with_options(engine=Engine(resources={"client": client})).run(3)
    assert result.value == "engine's:3"
    assert client.calls == [3]
    assert not any("Client" in str(event) for event in result.events())


@pytest.mark.parametrize("used", [on_thread, on_loop, inline], ids=lambda used: used.name)
def test_a_resource_reaches_every_item_of_a_map(used: object) -> None:
    """A map's children share it."""
    client = Client("c")

    @workflow
    def flow() -> object:
        return used.map([1, 2])  # type: ignore[attr-defined]  # the parameter stands for three kinds of step

    assert flow.with_options(engine=Engine(resources={"client": client})).run().value == ["c:1", "c:2"]
    assert sorted(client.calls) == [1, 2]


def test_a_key_names_the_resource_in_place_of_the_parameter() -> None:
    """The parameter's own name is free then."""
    engine = Engine(resources={"other": Client("o"), "asked": Client("wrong")})
    assert once(keyed).with_options(engine=engine).run(1).value == "o:1"


@pytest.mark.parametrize(("used", "key"), [(on_loop, "client"), (keyed, "other")], ids=["by name", "by key"])
def test_a_missing_resource_stops_the_run_before_anything_starts(
    used: Callable[..., object], key: str
) -> None:
    """The error names step and resource and how to give it."""
    client = Client()
    ran = []

    @step
    async def before() -> int:
        ran.append(1)
        return 1

    @workflow
    def flow() -> object:
        return used(before())

    with pytest.raises(DefinitionError) as caught:
        flow.with_options(engine=Engine(resources={"unused": client})).run()
    assert f"needs the resource {key!r}" in str(caught.value)
    assert f"Engine(resources={{{key!r}: …}})" in str(caught.value)
    assert ran == []


def test_a_default_is_made_once_an_engine() -> None:
    """By the factory, when the first run needs it; the engine's own resource goes first."""
    engine = Engine()
    flow = once(defaulted).with_options(engine=engine)
    kept = [flow.run(1).value, flow.run(2).value]
    assert kept == ["made:1", "made:2"]
    (made,) = engine._binder._made.values()
    assert isinstance(made, Client)
    assert made.calls == [1, 2]
    other = Engine(resources={"client": Client("given")})
    assert once(defaulted).with_options(engine=other).run(3).value == "given:3"


def test_a_failing_factory_is_an_error_of_the_start() -> None:
    """The author's own error comes out as it is."""

    def broken() -> Client:
        raise OSError("no such server")

    @step
    async def asks(x: int, client: Client = from_engine(default=broken)) -> str:
        return client.ask(x)

    with pytest.raises(OSError, match="no such server"):
        once(asks).run(1)


def test_a_resource_is_no_part_of_the_signature() -> None:
    """Callers cannot pass it; the plain function takes it like any argument."""
    assert str(on_thread.shape.signature) == "(x: 'int') -> 'str'"
    assert on_thread.fn(4, client=Client("direct")) == "direct:4"


def test_variations_keep_the_resources() -> None:
    """`.named`, `.with_options` and `.after` ask for the same ones."""
    client = Client("c")

    @workflow
    def flow() -> object:
        first = on_loop(1)
        return on_loop.named("second").with_options(timeout=5).after(first)(2)

    assert flow.with_options(engine=Engine(resources={"client": client})).run().value == "c:2"


def test_a_live_object_as_an_input_is_refused_with_the_way_to_pass_it() -> None:
    """Inputs are journaled, resources are not."""
    with pytest.raises(InputError, match=r"Input 'x'.*Engine\(resources="):
        once(on_loop).run(Client())


def test_a_workflow_cannot_ask_for_a_resource() -> None:
    """Only steps touch live objects: the marker would be handed on as a value."""
    with pytest.raises(DefinitionError, match="only steps may") as caught:

        @workflow
        def flow(x: int, client: Client = from_engine()) -> object:
            return x

    assert (caught.value.where or "").startswith("test_authoring_resource.py:")


def test_an_unused_resource_is_no_error(tmp_path: Path) -> None:
    """An engine may hold more than one workflow needs."""
    module, _ = load_body(tmp_path, "return load(x)")
    flow = module.flow.with_options(engine=Engine(resources={"client": Client()}))
    assert asyncio.run(flow.arun()).value == 1
