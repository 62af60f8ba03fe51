"""`current()`: what an attempt knows of itself."""

from __future__ import annotations

import asyncio

from stretto import TransientError, current, step, workflow
from stretto.testing import block, run_virtual

Keys = list[tuple[str, str]]


def keys_of(run_id: str, values: list[object], *, fails_once: bool = False) -> Keys:
    """(path, key) of every attempt of a run that maps over `values`."""
    seen: Keys = []

    @step(retry=2)
    async def pay(value: object) -> str:
        me = current()
        seen.append((me.path, me.idempotency_key))
        if fails_once and me.attempt == 1:
            raise TransientError("again")
        return me.idempotency_key

    @workflow
    def flow() -> list[str]:
        return pay.map(values)

    run_virtual(flow.with_options(run_id=run_id).arun())
    return seen


def test_every_attempt_of_a_step_has_the_same_idempotency_key() -> None:
    """A service that acts once a key acts once, however often the step is tried."""
    seen = keys_of("a", [1], fails_once=True)
    assert len(seen) == 2
    assert len(set(seen)) == 1
    assert len(seen[0][1]) == 64


def test_the_idempotency_key_tells_runs_steps_and_inputs_apart() -> None:
    """Another run, another item's path and another input are other things to do."""
    keys = {key for _, key in (*keys_of("a", [1, 1]), *keys_of("b", [1]), *keys_of("a", [2]))}
    assert len(keys) == 4


def test_the_idempotency_key_is_the_same_when_a_run_is_repeated_under_its_id() -> None:
    """It is made of run, path and inputs alone."""
    assert keys_of("a", [1, {"b": 2}]) == keys_of("a", [1, {"b": 2}])


def test_the_key_does_not_change_with_what_the_step_does_to_its_inputs() -> None:
    """It speaks of the inputs that were handed over."""

    @step
    async def spoil(value: list[int]) -> bool:
        before = current().idempotency_key
        value.append(2)
        return before == current().idempotency_key

    @workflow
    def flow() -> bool:
        return spoil([1])

    assert run_virtual(flow.arun()).value is True


def test_blocking_code_can_see_that_nobody_waits_for_it() -> None:
    """`is_stopped` turns True on a thread when its attempt has timed out."""
    seen: list[bool] = []

    @step(timeout=1, optional=True, default=0)
    def slow() -> int:
        me = current()
        seen.append(me.is_stopped)
        block(2)
        seen.append(me.is_stopped)
        return 1

    @step
    async def other() -> int:
        await asyncio.sleep(3)
        return 2

    @workflow
    def flow() -> list[int]:
        return [slow(), other()]

    assert run_virtual(flow.arun()).value == [0, 2]
    assert seen == [False, True]
