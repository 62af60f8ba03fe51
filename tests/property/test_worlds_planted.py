"""Bugs planted into what grows workflows, one at a time: the suite must notice each."""

from __future__ import annotations

import gc
from dataclasses import replace
from importlib import import_module
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis.errors import FlakyFailure

from property.examine_world import examine_world
from property.search import search
from property.worlds import worlds
from stretto.authoring.order import Order
from stretto.authoring.trace import Trace
from stretto.core.graph.graph import Graph
from stretto.core.graph.rebase import Rebase
from stretto.core.policy import OnFailure
from stretto.core.schedule.attempts import Attempts
from stretto.core.schedule.settling import Settling
from stretto.errors import StrettoError
from stretto.runtime.engine import growth
from stretto.testing import StalledError

if TYPE_CHECKING:
    from collections.abc import Callable

Plant = pytest.MonkeyPatch

EXAMPLES = 400


def unchosen_branches_run(plant: Plant) -> None:
    """All branches grow, whatever the selector says."""
    real = growth._chosen
    plant.setattr(growth, "_chosen", lambda *args: real(*args)._replace(unchosen=frozenset()))


def first_verdict_kept(plant: Plant) -> None:
    """A loop asks the verdict on its first round again and again."""
    real = Graph._grow_framed

    def keeping(self: Graph, anchor: int, fragment: Any, base: int) -> Any:
        first = self.looks.get(anchor)
        own = real(self, anchor, fragment, base)
        if first is not None and anchor in self.looks:
            self.looks[anchor] = first
        return own

    plant.setattr(Graph, "_grow_framed", keeping)


def state_never_changes(plant: Plant) -> None:
    """Each round gets what the first one got."""
    real = growth.round_of
    plant.setattr(
        growth, "round_of", lambda loop, number, _state, after: real(loop, number, loop.start, after)
    )


def one_round_too_many(plant: Plant) -> None:
    """A loop may go round once more than it was told."""
    real = growth._round
    plant.setattr(
        growth,
        "_round",
        lambda graph, index, number, loop, values: real(
            graph, index, number, loop._replace(max_rounds=loop.max_rounds + 1), values
        ),
    )


def replaced_round_counts(plant: Plant) -> None:
    """What was lost in a round that another replaced still fails the plan."""
    real = Settling._close_superseded

    def counting(self: Settling, anchor: int) -> None:
        kept = set(self.left_out)
        real(self, anchor)
        self.left_out = kept

    plant.setattr(Settling, "_close_superseded", counting)


def superseded_steps_go_on(plant: Plant) -> None:
    """A new round begins while the old one's steps are still open."""

    def only_marking(self: Settling, anchor: int, why: str) -> None:
        self.superseded.add(anchor)
        self.open_children[anchor] = 0
        del why

    plant.setattr(Settling, "_supersede", only_marking)


def results_by_position(plant: Plant) -> None:
    """A planned step gets the result of the one before it, whichever it asks for."""
    expand_room = import_module("stretto.authoring.expand")  # the package's own `expand` is the function
    real = expand_room._filled

    def by_position(template: Any, refs: Any) -> Any:
        last = dict.fromkeys(refs, list(refs.values())[-1]) if refs else refs
        return real(template, last)

    plant.setattr(expand_room, "_filled", by_position)


def nested_consumer_waits_for_nothing(plant: Plant) -> None:
    """Whoever takes the result of a nested workflow starts before it is there."""
    real = Trace._through
    plant.setattr(Trace, "_through", lambda self, ref, _found: real(self, ref, set()))


def writers_in_no_order(plant: Plant) -> None:
    """Nobody waits for those who touch the same thing."""
    plant.setattr(Order, "before", lambda *_: set())


def mapped_writers_at_once(plant: Plant) -> None:
    """A mapped writer's uses don't wait for one another."""
    real = growth.map_fragment
    plant.setattr(growth, "map_fragment", lambda target, *rest: real(replace(target, writes=()), *rest))


def not_chosen_is_a_loss(plant: Plant) -> None:
    """A branch that was not chosen fails its choice."""
    plant.setattr(Settling, "_is_lost", lambda self, child: not self.is_delivered(child))


def continue_stops(plant: Plant) -> None:
    """Under `continue` nothing new starts."""
    real = Settling._fail_run

    def stopping(self: Settling, *args: Any) -> None:
        if self.options.on_failure is OnFailure.CONTINUE:
            self.options = self.options._replace(on_failure=OnFailure.DRAIN)
        real(self, *args)

    plant.setattr(Settling, "_fail_run", stopping)


def continue_blocks_nothing(plant: Plant) -> None:
    """Under `continue` what needs a lost step waits for ever."""
    real = Settling._block

    def blocking(self: Settling, index: int, lost: int) -> None:
        if self.options.on_failure is not OnFailure.CONTINUE:
            real(self, index, lost)

    plant.setattr(Settling, "_block", blocking)


def keywords_not_moved(plant: Plant) -> None:
    """Keyword inputs of grown steps point to the wrong steps."""
    plant.setattr(Rebase, "named", lambda _self, templates: templates)


def defaults_forgotten(plant: Plant) -> None:
    """Optional steps inside what grows have no default."""
    real = Graph.grow
    plant.setattr(
        Graph, "grow", lambda self, anchor, fragment: real(self, anchor, fragment._replace(defaults={}))
    )


def groups_forgotten(plant: Plant) -> None:
    """Groups inside what grows are none."""
    plant.setattr(Graph, "_add_group", lambda *_: None)


def anchor_settles_early(plant: Plant) -> None:
    """An anchor counts one child less than it has."""
    real = Attempts._know

    def forgetting(self: Attempts, anchor: int, fragment: Any, added: range) -> Any:
        known = real(self, anchor, fragment, added)
        if self.open_children[anchor] > 1:
            self.open_children[anchor] -= 1
        return known

    plant.setattr(Attempts, "_know", forgetting)


def round_before_is_handed_on(plant: Plant) -> None:
    """A loop hands on the result of the round before the one that ended."""
    real = Graph._grow_framed

    def older(self: Graph, anchor: int, fragment: Any, base: int) -> Any:
        before = self.outputs.get(anchor)
        own = real(self, anchor, fragment, base)
        if before is not None and anchor in self.looks:
            self.outputs[anchor] = before
        return own

    plant.setattr(Graph, "_grow_framed", older)


def superseded_steps_end_by_themselves(plant: Plant) -> None:
    """Running steps of a round that is replaced are not told to stop, and the new one waits for them."""
    real = Settling._stop

    def stopping(self: Settling, index: int) -> None:
        if not self.stop_reasons.get(index, "").startswith("superseded"):
            real(self, index)

    plant.setattr(Settling, "_stop", stopping)


def nested_deadline_ignored(plant: Plant) -> None:
    """The deadline of a nested workflow passes and nothing is cut."""
    plant.setattr(Attempts, "_cut_children", lambda *_: None)


def defaults_misplaced(plant: Plant) -> None:
    """What optional steps inside what grows hand on instead belongs to the step behind them."""
    real = Graph.grow

    def shifted(self: Graph, anchor: int, fragment: Any) -> Any:
        moved = {place + 1: value for place, value in fragment.defaults.items()}
        return real(self, anchor, fragment._replace(defaults=moved))

    plant.setattr(Graph, "grow", shifted)


def cut_from_the_front(plant: Plant) -> None:
    """What a deadline cuts first hands on its default, and starts what the deadline cuts next."""
    real = Attempts._cut_children

    def forwards(self: Attempts, anchor: int, failure: Any) -> None:
        children = self.graph.children.get(anchor)
        if children is not None:
            self.graph.children[anchor] = tuple(reversed(children))
        real(self, anchor, failure)
        if children is not None:
            self.graph.children[anchor] = children

    plant.setattr(Attempts, "_cut_children", forwards)


PLANTED: tuple[Callable[[Plant], None], ...] = (
    unchosen_branches_run,
    first_verdict_kept,
    state_never_changes,
    one_round_too_many,
    replaced_round_counts,
    superseded_steps_go_on,
    results_by_position,
    nested_consumer_waits_for_nothing,
    writers_in_no_order,
    mapped_writers_at_once,
    not_chosen_is_a_loss,
    continue_stops,
    continue_blocks_nothing,
    keywords_not_moved,
    defaults_forgotten,
    groups_forgotten,
    anchor_settles_early,
    round_before_is_handed_on,
    superseded_steps_end_by_themselves,
    nested_deadline_ignored,
    defaults_misplaced,
    cut_from_the_front,
)


@pytest.mark.heavy
def test_the_same_workflows_pass_without_a_bug() -> None:
    """What the bugs are caught by passes when no bug is there."""
    search(examine_world, worlds(), count=EXAMPLES, number=21, shrinks=False)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("bug", PLANTED, ids=lambda bug: bug.__name__)
def test_the_suite_notices(bug: Callable[[Plant], None], monkeypatch: Plant) -> None:
    """Each planted bug fails within a few hundred workflows."""
    bug(monkeypatch)
    with pytest.raises(
        (
            AssertionError,
            StrettoError,
            StalledError,
            LookupError,
            RecursionError,
            RuntimeError,
            FlakyFailure,
            BaseExceptionGroup,
        )
    ):
        search(examine_world, worlds(), count=EXAMPLES, number=21, shrinks=False)
    gc.collect()  # what a broken run has left unfinished is told here, not in the next test
