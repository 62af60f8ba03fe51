"""A run goes on where its journal ends: whatever instant its process died at."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from runtime import crashing_flows as flows
from runtime.crashing import Died, DyingStore
from stretto import Engine
from stretto.core.journal import facts as kinds
from stretto.core.journal.reading import FactReader
from stretto.core.values import equal
from stretto.testing import run_virtual

if TYPE_CHECKING:
    from stretto import RunResult, Workflow


def _finished_paths(store: DyingStore, run_id: str) -> set[str]:
    """The steps whose success is in the journal."""
    reader = FactReader(is_opaque=True)
    read = [fact for body in store.entries(run_id) for fact in reader.read(body)]
    if not read:
        return set()
    graph = read[0][4].graph  # type: ignore[attr-defined]  # the first fact's data is Created
    for fact in read:
        if fact[0] == kinds.ATTEMPT_GREW:
            graph.grow(fact[1], fact[4])
    return {graph.path(fact[1]) for fact in read if fact[0] == kinds.ATTEMPT_SUCCEEDED}


def _die(flow: Workflow[..., object], store: DyingStore) -> None:
    """Run until the store dies, and let the owner be gone."""
    with suppress(Died):
        run_virtual(flow.with_options(engine=Engine(store=store, seed=1), run_id="r").aresult())
    store.lose_owner("r")


def _go_on(flow: Workflow[..., object], store: DyingStore) -> RunResult[object]:
    return run_virtual(flow.with_options(engine=Engine(store=store, seed=2)).aresume("r"))


@pytest.mark.parametrize("flow", flows.FLOWS, ids=lambda flow: flow.name)
def test_a_run_that_died_anywhere_ends_as_if_it_had_not(flow: Workflow[..., object]) -> None:
    """At every append: the value is that of an undisturbed run, and no committed step begins again."""
    store = DyingStore()
    whole = run_virtual(flow.with_options(engine=Engine(store=store, seed=1), run_id="r").aresult())
    assert whole.status == "succeeded" or whole.status == "partial"
    for dies_at in range(2, store.appends + 1):
        dying = DyingStore(dies_at)
        _die(flow, dying)
        finished = _finished_paths(dying, "r")
        dying.dies_at = 0
        flows.STARTS.clear()
        result = _go_on(flow, dying)
        assert result.status == whole.status
        assert equal(result.value, whole.value)
        assert not finished & set(flows.STARTS)
