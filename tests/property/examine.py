"""Runs one described workflow in every way and compares; raises AssertionError at the first difference."""

from __future__ import annotations

from typing import TYPE_CHECKING

from property.follower import Follower
from property.records import MismatchError
from property.reference import Expected, UnpredictableError
from property.wiring import Ran, execute, plain
from stretto.core.journal import facts as kinds
from stretto.core.schedule import State
from stretto.testing import replay

if TYPE_CHECKING:
    from property.shapes import Flow
    from stretto.core.journal.facts import Fact

__all__ = ["examine"]

NAMES = {
    kinds.RUN_CREATED: "created",
    kinds.ATTEMPT_SUCCEEDED: "succeeded",
    kinds.ATTEMPT_FAILED: "failed",
    kinds.ATTEMPT_ENDED: "ended",
    kinds.ATTEMPT_GREW: "grew",
    kinds.GROWTH_DROPPED: "grew",
    kinds.PERMIT_GRANTED: "granted",
    kinds.CLOCK_TICKED: "ticked",
    kinds.CANCEL_REQUESTED: "cancel",
}


def examine(flow: Flow) -> int:
    """Check everything; gives the number of steps the run had."""
    parallel = execute(flow)
    check_run(flow, parallel)
    sequential = execute(flow, is_sequential=True)
    check_run(flow, sequential)
    check_values(flow, parallel, sequential)
    return len(parallel.result.steps)


def check_run(flow: Flow, ran: Ran) -> None:
    """The run equals the reference that was told the same order of events, and its journal replays."""
    replay(ran.created, [facts for _, facts, _ in ran.calls])
    follower = follow(flow, ran)
    assert ran.result.status == follower.status, f"{ran.result.status}, not {follower.status}"
    if ran.value is not None:
        assert ran.value == follower.output(), "another value than the reference's"
    for (path, attempt), inputs in ran.seen.inputs.items():
        saw = follower.records[path].saw
        assert inputs == saw, f"attempt {attempt} of {path} saw {inputs}, not {saw}"
    check_nothing_lost(ran)
    check_abandoned(flow, ran)


def follow(flow: Flow, ran: Ran) -> Follower:
    """Tell the reference what happened, decision by decision, and compare every step's state each time."""
    follower = Follower(flow)
    path = ran.graph.path
    for stimuli, facts, states in ran.calls:
        starts = [(path(fact[1]), fact[2]) for fact in facts if fact[0] == kinds.STEP_STARTED]
        try:
            follower.decide([_told(fact, ran) for fact in stimuli], starts)
        except MismatchError as error:
            raise AssertionError(f"{error}\n{told_so_far(ran, facts)}") from error
        found = {path(index): State(state).name.lower() for index, state in enumerate(states)}
        expected = follower.states()
        if found != expected:
            wrong = {
                name: (found.get(name), expected.get(name))
                for name in {*found, *expected}
                if found.get(name) != expected.get(name)
            }
            raise AssertionError(f"(is, must be): {wrong}\n{told_so_far(ran, facts)}")
    return follower


def _told(fact: Fact, ran: Ran) -> tuple[str, str, int, float, object]:
    kind, index, attempt, at, data = fact
    name = "" if index < 0 else ran.graph.path(index)
    if kind == kinds.ATTEMPT_SUCCEEDED:
        data = plain(data)
    elif kind == kinds.ATTEMPT_FAILED:
        data = data[1]  # type: ignore[index]  # (failure, draw)
    return NAMES[kind], name, attempt, at, data


def told_so_far(ran: Ran, last: list[Fact]) -> str:
    names = {value: key for key, value in vars(kinds).items() if key.isupper() and isinstance(value, int)}
    lines: list[str] = []
    for _, facts, _ in ran.calls:
        for kind, index, attempt, at, data in facts:
            name = "run" if index < 0 else ran.graph.path(index)
            lines.append(f"  {at:8.3f} {name} {names[kind]} {attempt} {str(data)[:60] if kind > 1 else ''}")
        lines.append("  --")
        if facts is last:
            break
    return "\n".join(lines[-60:])


def check_nothing_lost(ran: Ran) -> None:
    """Every attempt that returned before the run ended was heard."""
    heard = {
        (ran.graph.path(fact[1]), fact[2])
        for stimuli, _, _ in ran.calls
        for fact in stimuli
        if fact[0] == kinds.ATTEMPT_SUCCEEDED
    }
    ended_at = ran.calls[-1][1][-1][3]
    for key, (_, at) in ran.seen.returned.items():
        assert key in heard or at >= ended_at, f"{key} returned at {at}, and nobody heard it"


def check_abandoned(flow: Flow, ran: Ran) -> None:
    """Nobody is given up but who does not listen: threads, and coroutines that swallow their cancellation."""
    nodes = {node.name: node for node in flow.nodes}
    for kind, index, attempt, *_ in (fact for _, facts, _ in ran.calls for fact in facts):
        if kind == kinds.ATTEMPT_ABANDONED:
            path = ran.graph.path(index)
            name, _, place = path.rstrip("]").partition("[")
            play = nodes[name].play(int(place or 0), attempt)
            is_deaf = nodes[name].where == "thread" or (play.ends == "stubborn" and play.lingers > flow.grace)
            assert is_deaf, f"attempt {attempt} of {path} was abandoned though it ends when it is told to"


def check_values(flow: Flow, parallel: Ran, sequential: Ran) -> None:
    """Where nothing is cut: parallel = one by one = recursion."""
    try:
        expected = Expected(flow)
    except UnpredictableError:
        return
    for ran in (parallel, sequential):
        assert ran.result.status == expected.status, f"{ran.result.status}, not {expected.status}"
        if expected.is_lost:
            continue
        assert ran.value == expected.value, "another value than by recursion"
        for path, outcome in expected.steps.items():
            step = ran.result.steps[path]
            assert step.state == outcome.state, f"{path} {step.state}, not {outcome.state}"
            if outcome.attempts is not None:
                made = len(step.attempts)
                assert made == outcome.attempts, f"{path}: {made} attempts, not {outcome.attempts}"
    if not expected.is_lost:
        check_same(parallel, sequential)


def check_same(parallel: Ran, sequential: Ran) -> None:
    """Same path, same step, same inputs."""
    assert {*parallel.result.steps} == {*sequential.result.steps}
    for key in parallel.seen.inputs.keys() & sequential.seen.inputs.keys():
        assert parallel.seen.inputs[key] == sequential.seen.inputs[key], f"{key} saw different inputs"
