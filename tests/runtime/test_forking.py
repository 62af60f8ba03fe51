"""Runs made of other runs: forks, and runs gone on with by changed code."""

from __future__ import annotations

import asyncio

import pytest

from runtime import crashing_flows as flows
from stretto import Engine, step, workflow
from stretto.core.values import equal
from stretto.errors import CodeChangedError, NotFoundError, RecoveryError
from stretto.runtime.stores.memory import MemoryStore
from stretto.testing import run_virtual

LENGTH = 50
RAN: list[str] = []


@step
async def link(number: int, *before: int) -> int:
    RAN.append(f"link-{number}")
    await asyncio.sleep(1)
    return number + sum(before)


@workflow
def fifty(first: int = 0) -> int:
    """Fifty steps: each takes from the one before and from one further back."""
    made = [link.named("link-0")(first)]
    for number in range(1, LENGTH):
        made.append(link.named(f"link-{number}")(number, made[number - 1], made[number // 2]))
    return made[-1]


def _ran(store: MemoryStore, run_id: str = "r") -> object:
    flow = fifty.with_options(engine=Engine(store=store), run_id=run_id)
    result = run_virtual(flow.aresult())
    assert result.status == "succeeded"
    return result.value


def test_a_fork_at_every_step_reuses_all_before_it_and_leaves_the_original() -> None:
    """Reused rows are identical, what the step feeds runs again, the old journal has not a byte more."""
    store = MemoryStore()
    value = _ran(store)
    before = store.entries("r")
    old = run_virtual(fifty.with_options(engine=Engine(store=store)).aresume("r"))
    for number in range(LENGTH):
        RAN.clear()
        fork = run_virtual(
            fifty.with_options(engine=Engine(store=store)).afork(
                "r", start=f"link-{number}", new_id=f"f{number}"
            )
        )
        assert fork.value == value
        reused = {path for path, each in fork.steps.items() if each.is_reused}
        # link k feeds k + 1, so from the fork on everything is downstream of it
        assert reused == {f"link-{each}" for each in range(number)}
        assert len(RAN) == LENGTH - number
        assert all(equal(fork.steps[path].value, old.steps[path].value) for path in reused)
        assert store.run(f"f{number}").parent == "r"
    assert store.entries("r") == before


def test_a_changed_input_runs_again_what_it_reaches() -> None:
    """Without a step to begin at, equal inputs are what decides."""
    store = MemoryStore()
    _ran(store)
    RAN.clear()
    same = run_virtual(fifty.with_options(engine=Engine(store=store)).afork("r"))
    assert RAN == []
    assert all(each.is_reused for each in same.steps.values())
    other = run_virtual(fifty.with_options(engine=Engine(store=store)).afork("r", changes={"first": 5}))
    assert len(RAN) == LENGTH
    assert other.value != same.value


def test_a_run_of_another_workflow_is_not_gone_on_with() -> None:
    """Neither is its result given for this one's."""
    store = MemoryStore()
    _ran(store)
    with pytest.raises(RecoveryError, match="Run r is one of workflow 'fifty', not of 'chain'"):
        run_virtual(flows.chain.with_options(engine=Engine(store=store)).aresume("r"))


def test_a_fork_from_nowhere_is_refused() -> None:
    """The step is named, and so are those that exist."""
    store = MemoryStore()
    _ran(store)
    with pytest.raises(NotFoundError, match=r"no step 'lnk'.*link-0"):
        run_virtual(fifty.with_options(engine=Engine(store=store)).afork("r", start="lnk"))


@pytest.mark.parametrize("flow", flows.FLOWS, ids=lambda flow: flow.name)
def test_a_fork_of_every_construct_runs_nothing_again(flow: object) -> None:
    """Maps, groups, branches, rounds, nested workflows and plans are found again by path, code and inputs."""
    store = MemoryStore()
    first = run_virtual(flow.with_options(engine=Engine(store=store, seed=1), run_id="r").aresult())  # type: ignore[attr-defined]  # a workflow
    flows.STARTS.clear()
    fork = run_virtual(flow.with_options(engine=Engine(store=store, seed=1)).afork("r"))  # type: ignore[attr-defined]  # a workflow
    assert equal(fork.value, first.value)
    assert [path for path in flows.STARTS if path != "failing"] == []  # what had failed tries again


def _version(text: str) -> object:
    """A workflow of two steps and a wait; `text` stands for the code of the second one."""

    @step(version=text)
    async def second(number: int) -> str:
        RAN.append("second")
        return f"{number} {text}"

    @step(version="1")
    async def first(number: int) -> int:
        RAN.append("first")
        return number

    @step(version="1")
    async def third(said: str) -> str:
        RAN.append("third")
        if text == "broken":
            await asyncio.sleep(10**6)
        return said + "!"

    @workflow(name="fixed")
    def flow(number: int = 1) -> str:
        return third(second(first(number)))

    return flow


def test_changed_code_is_refused_and_adopted() -> None:
    """A changed step whose result would be reused is named; adopting it runs it, and what it feeds, again."""
    store = MemoryStore()
    old = _version("broken")

    async def begun() -> None:
        running = asyncio.ensure_future(
            old.with_options(engine=Engine(store=store), run_id="r", key="k").aresult()
        )  # type: ignore[attr-defined]  # a workflow
        await asyncio.sleep(5)
        store.lose_owner("r")
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    run_virtual(begun())
    RAN.clear()
    new = _version("mended").with_options(engine=Engine(store=store))  # type: ignore[attr-defined]  # a workflow
    with pytest.raises(CodeChangedError, match="step second: its code is not what gave its result"):
        run_virtual(new.aresume("r"))
    assert RAN == []
    result = run_virtual(new.aresume("r", adopt=True))
    assert result.value == "1 mended!"
    assert RAN == ["second", "third"]
    assert result.steps["first"].is_reused
    assert store.run("r").status == "cancelled"
    assert store.run(result.run_id).parent == "r"
    again = run_virtual(new.with_options(key="k").aresult())  # the key names what has taken the run's place
    assert (again.run_id, again.value) == (result.run_id, "1 mended!")


def test_unfinished_steps_run_the_new_code() -> None:
    """Fix and resume: only results that are about to be reused are checked."""
    store = MemoryStore()

    def flow_of(is_mended: bool) -> object:
        @step(version="2" if is_mended else "1")
        async def last(number: int) -> str:
            if not is_mended:
                await asyncio.sleep(10**6)
            return "mended"

        @workflow(name="fixed")
        def flow() -> str:
            return last(link.named("link-1")(1))

        return flow

    async def begun() -> None:
        flow = flow_of(is_mended=False)
        running = asyncio.ensure_future(flow.with_options(engine=Engine(store=store), run_id="r").aresult())  # type: ignore[attr-defined]  # a workflow
        await asyncio.sleep(5)
        store.lose_owner("r")
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    run_virtual(begun())
    RAN.clear()
    result = run_virtual(flow_of(is_mended=True).with_options(engine=Engine(store=store)).aresume("r"))  # type: ignore[attr-defined]  # a workflow
    assert result.value == "mended"
    assert RAN == []
