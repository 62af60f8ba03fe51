"""Random runs with waits, answers, and processes that die: every invariant holds, every journal replays."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from core.schedule_cases import add_group, drawn
from core.waiting_cases import WaitCase, waits
from stretto.core.graph import Fragment, Node, Role, StepSpec, Where
from stretto.core.journal import facts as kinds
from stretto.core.journal.facts import Answer, Verdict, Wait
from stretto.core.policy import OnFailure, OnLost, Retry
from stretto.core.schedule.states import State

if TYPE_CHECKING:
    from stretto.core.graph import Graph
    from stretto.core.journal.facts import Fact

RUNNING = int(State.RUNNING)


def _rule(dice: Random, *, may_grow: bool = True) -> dict[str, object]:
    if may_grow and dice.random() < 0.15:
        return {"role": Role.GROW, "where": Where.INLINE, "within": dice.choice([None, 9.0])}
    if dice.random() < 0.4:
        return waits(dice.choice(["approval", "event", "sleep"]))
    rule: dict[str, object] = {
        "on_lost": dice.choice(list(OnLost)),
        "where": dice.choice([Where.LOOP, Where.LOOP, Where.THREAD, Where.INLINE]),
    }
    if rule["where"] is not Where.INLINE:
        rule["retry"] = Retry(attempts=dice.choice([1, 2]), first_wait=2.0, jitter=False)
        rule["limits"] = dice.choice([(), (), ("api",)])
        rule["timeout"] = dice.choice([None, None, 3.0])
        rule["within"] = dice.choice([None, None, 7.0])
    return rule


def _graph(dice: Random) -> Graph:
    names = [f"s{number}" for number in range(dice.randint(2, 9))]
    rules = {name: _rule(dice) for name in names}
    lines = []
    for number, name in enumerate(names):
        needed = [other for other in names[:number] if dice.random() < 0.3]
        lines.append(f"{name}: {' '.join(needed)}")
        if dice.random() < 0.2:
            rules[name] |= {"optional": True, "has_default": True}
    graph = drawn(*lines, **rules)
    graph.defaults.update({index: "default" for index, spec in enumerate(graph.specs) if spec.has_default})
    if dice.random() < 0.3:
        add_group(graph, "g", 0, 1, within=dice.choice([None, 6.0]))
    return graph


class _World:
    """Plays the driver, the people and the process that dies."""

    def __init__(self, dice: Random) -> None:
        self.dice = dice
        self.case = WaitCase(
            graph=_graph(dice),
            permits=dice.choice([1, 2, 100]),
            is_sequential=dice.random() < 0.2,
            on_failure=dice.choice(list(OnFailure)),
            within=dice.choice([None, None, 20.0]),
            grace=2.0,
        )

    def play(self) -> None:
        self.case.begin()
        for _ in range(300):
            if self.case.scheduler.finished:
                return
            self.step()
        raise AssertionError("the run does not come to its end")

    def step(self) -> None:
        case, dice = self.case, self.dice
        scheduler = case.scheduler
        ends = [*self.live()]
        asked = [index for index in scheduler.asked if scheduler.is_asked(index)]
        choice = dice.random()
        if choice < 0.1 and ends:
            case.post(*[self.loss(*key) for key in ends])
        elif choice < 0.12:
            case.post(case.cancelled())
        elif choice < 0.3 and asked:
            case.post(self.answer(dice.choice(asked)))
        elif choice < 0.4 and scheduler.requested:
            index = dice.choice(sorted(scheduler.requested))
            case.post((kinds.PERMIT_GRANTED, index, 0, case.now, None))
        elif choice < 0.75 and ends:
            case.post(self.end(*dice.choice(ends)))
        else:
            case.tick(case.now + dice.choice([0.5, 1.0, 3.0]))

    def live(self) -> set[tuple[int, int]]:
        scheduler = self.case.scheduler
        running = [index for index, state in enumerate(scheduler.states) if state == RUNNING]
        return {(index, scheduler.attempts[index]) for index in running} | {
            *scheduler.stopping,
            *scheduler.late,
        }

    def loss(self, index: int, attempt: int) -> Fact:
        return (kinds.ATTEMPT_LOST, index, attempt, self.case.now, None)

    def answer(self, index: int) -> Fact:
        verdict = self.dice.choice([Verdict.APPROVE, Verdict.APPROVE, Verdict.EDIT, Verdict.REJECT])
        attempt = self.case.scheduler.attempts[index]
        return (kinds.ANSWERED, index, attempt, self.case.now, Answer(verdict, "said"))

    def fragment(self, anchor: int, attempt: int) -> Fragment:
        """Children side by side; a part may renew itself twice."""
        dice = self.dice
        nodes = []
        for number in range(dice.randint(0, 3)):
            rule = _rule(dice, may_grow=False)
            if dice.random() < 0.2:
                rule["optional"] = True
            spec = StepSpec(id=f"c{number}", **rule)  # type: ignore[arg-type]  # fields by name
            nodes.append(Node(spec, f"#{attempt}/c{number}", (), None, ()))
        may_renew = self.case.scheduler.turn(anchor, attempt) < 3
        return Fragment(tuple(nodes), {}, renews=may_renew and dice.random() < 0.6)

    def end(self, index: int, attempt: int) -> Fact:
        case, dice = self.case, self.dice
        spec = case.graph.specs[index]
        path = case.graph.path(index)
        if (index, attempt) in case.scheduler.stopping and dice.random() < 0.5:
            return case.ended(path, attempt)
        if dice.random() < 0.2:
            return case.failed(path, attempt)
        if spec.role is Role.GROW:
            return (kinds.ATTEMPT_GREW, index, attempt, case.now, self.fragment(index, attempt))
        if spec.wait is None:
            return case.done(path, f"result of {path}", attempt)
        until = case.now + dice.choice([0.0, 2.0, 5.0])
        if spec.wait.kind == "sleep":
            return case.wait_began(path, Wait("sleep", "", until), attempt)
        default = dice.choice([(), ("agreed",)])
        wait = Wait(spec.wait.kind, "?", dice.choice([None, until]), default)
        return case.wait_began(path, wait, attempt)


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**32))
def test_whatever_happens_the_invariants_hold(seed: int) -> None:
    """Answers, deadlines, losses and cancels in any order: no lost wake-up, no double start, equal replays."""
    world = _World(Random(seed))
    world.play()
    world.case.check_replay()
