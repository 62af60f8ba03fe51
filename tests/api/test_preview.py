"""A preview says what the fork then does."""

from __future__ import annotations

import asyncio

import pytest

from runtime import crashing_flows as flows
from stretto import Engine, step, workflow
from stretto.errors import NotFoundError
from stretto.runtime.stores.memory import MemoryStore
from stretto.testing import run_virtual


def _kept(flow: object) -> MemoryStore:
    store = MemoryStore()
    run_virtual(flow.with_options(engine=Engine(store=store, seed=1), run_id="r").aresult())  # type: ignore[attr-defined]  # a workflow
    return store


@pytest.mark.parametrize(
    ("flow", "start"),
    [
        (flows.chain, "fetch"),
        (flows.chain, "again"),
        (flows.wide, "flaky"),
        (flows.wide, "fetch[1]"),
        (flows.wide, "note"),
        (flows.wide, "numbers"),
        (flows.branching, "fetch"),
        (flows.nesting, "seed"),
        (flows.nesting, "plan#1/first"),
        (flows.sleeping, "fetch"),
    ],
    ids=lambda each: getattr(each, "name", each),
)
def test_what_is_foreseen_is_what_happens(flow: object, start: str) -> None:
    """Of every construct: the steps taken over and the steps that run again."""
    store = _kept(flow)
    engine = Engine(store=store, seed=1)
    seen = run_virtual(engine.runs.preview(flow.definition, "r", start=start))  # type: ignore[attr-defined]  # a workflow
    assert store.runs() == [store.run("r")]
    fork = run_virtual(flow.with_options(engine=engine).afork("r", start=start))  # type: ignore[attr-defined]  # a workflow
    assert {path for path, each in fork.steps.items() if each.is_reused} == set(seen.reused)
    assert start in seen.again or any(path.startswith(start) for path in seen.again)


def test_the_time_is_that_of_the_longest_path_through_what_runs_again() -> None:
    """By what each step took in the old run, side by side where they are."""
    store = _kept(flows.chain)
    preview = Engine(store=store).runs.preview
    whole = run_virtual(preview(flows.chain.definition, "r", start="again"))
    assert whole.again == ("again", "fetch", "note")
    assert whole.seconds == pytest.approx(1 + 10 + 1)
    assert run_virtual(preview(flows.chain.definition, "r", start="note")).seconds == pytest.approx(1)


def test_changed_inputs_and_changed_code_are_foreseen() -> None:
    """What they reach runs again; the rest does not."""
    store = _kept(flows.chain)
    other = run_virtual(Engine(store=store).runs.preview(flows.chain.definition, "r", changes={"start": 2}))
    assert other.reused == ()

    @step(version="2")
    async def note(number: int, *more: object) -> int:
        return number

    @workflow(name="chain")
    def changed(start: int = 1) -> object:
        return note(flows.fetch(flows.fetch.named("again")(start)))

    seen = run_virtual(Engine(store=store).runs.preview(changed.definition, "r"))
    assert (seen.reused, seen.again) == (("again", "fetch"), ("note",))


def test_steps_never_finished_and_new_ones_are_told_apart() -> None:
    """They count nothing in the estimate, and the preview says so."""
    store = MemoryStore()

    async def begun() -> None:
        running = asyncio.ensure_future(
            flows.chain.with_options(engine=Engine(store=store), run_id="r").aresult()
        )
        await asyncio.sleep(1.5)
        store.lose_owner("r")
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    run_virtual(begun())

    @workflow(name="chain")
    def longer(start: int = 1) -> object:
        return flows.note.named("more")(flows.note(flows.fetch(flows.fetch.named("again")(start))))

    seen = run_virtual(Engine(store=store).runs.preview(longer.definition, "r"))
    assert seen.reused == ("again",)
    assert seen.again == ("fetch", "note", "more")
    assert seen.unknown == ("fetch", "note", "more")


def test_a_step_that_never_was_is_refused() -> None:
    """As by the fork itself."""
    with pytest.raises(NotFoundError, match="no step 'nobody'"):
        run_virtual(
            Engine(store=_kept(flows.chain)).runs.preview(flows.chain.definition, "r", start="nobody")
        )
