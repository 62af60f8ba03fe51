"""Durable waits in a run that lives: begun with their inputs, answered, and passed by time."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from runtime.late_stores import LateStore
from stretto import Engine, OnFailure, approve, ask, group, repeat, sleep, step, wait_for, workflow
from stretto.core.graph import WaitRule
from stretto.core.journal import facts as kinds
from stretto.core.journal.facts import Answer, Created, RunOptions, Verdict, Wait
from stretto.core.schedule import Scheduler
from stretto.errors import InputError, PermanentError
from stretto.runtime.engine.asking import wait_of
from stretto.runtime.engine.growth import grown_by
from stretto.runtime.engine.inputs import Values
from stretto.testing import run_virtual

if TYPE_CHECKING:
    from collections.abc import Callable

    from stretto import RunResult
    from stretto.api.workflow import Workflow
    from stretto.core.journal.facts import Fact
    from stretto.runtime.engine.driver import RunDriver

Script = dict[float, tuple[str, Answer]]
YES = Answer(Verdict.APPROVE)


@step
async def make(kind: str) -> dict[str, object]:
    return {"kind": kind, "sugar": 2}


@step
async def serve(drink: object, *more: object) -> object:
    return [drink, *more] if more else drink


@step
async def is_dry(drink: dict[str, object]) -> bool:
    return drink["sugar"] == 0


def _run(flow: Callable[[], object], script: Script, **options: object) -> tuple[RunResult, list[Fact]]:
    """Run a body; at each instant the path's wait is answered."""
    declared: Workflow[..., object] = workflow(name="flow")(flow)
    declared = declared.with_options(engine=Engine(), **options)  # type: ignore[arg-type]  # the test's own

    async def run() -> tuple[RunResult, list[Fact]]:
        drivers: list[RunDriver] = []
        task = asyncio.ensure_future(declared.start({}, started=drivers.append))
        for at, (path, answer) in script.items():
            await asyncio.sleep(at - asyncio.get_running_loop().time())
            _answer(drivers[0], path, answer)
        result = await task
        return result, drivers[0].facts

    return run_virtual(run())


def _answer(driver: RunDriver, path: str, answer: Answer) -> None:
    index = driver.info.graph.index_of(path)
    assert index is not None
    driver.answer(index, answer)


def _waits(facts: list[Fact]) -> list[object]:
    return [fact[4] for fact in facts if fact[0] == kinds.WAIT_BEGAN]


# -------------------------------------------------------------------- answers


def test_an_approval_hands_on_the_value_it_asked_about() -> None:
    """Who approves need not send the value; what is handed on is what the step before returned."""
    result, facts = _run(
        lambda: serve(approve(make("negroni"), "Serve it?")), {5.0: ("approve", Answer(Verdict.APPROVE, "x"))}
    )
    assert result.value == {"kind": "negroni", "sugar": 2}
    assert _waits(facts) == [Wait("approval", "Serve it?")]
    assert result.timing.makespan == 5.0


def test_an_edit_hands_on_another_value() -> None:
    """An edit stands in the value's place."""
    edited = {"kind": "negroni", "sugar": 0}
    result, _ = _run(
        lambda: serve(approve(make("negroni"), "Serve it?")), {1.0: ("approve", Answer(Verdict.EDIT, edited))}
    )
    assert result.value == edited


def test_a_rejection_fails_the_run() -> None:
    """With the name of who said so, and what was done is kept."""
    result, _ = _run(
        lambda: serve(approve(make("negroni"), "Serve it?")),
        {1.0: ("approve", Answer(Verdict.REJECT, None, "Mia", "too strong"))},
    )
    assert (result.status, result.steps["make"].state) == ("failed", "succeeded")
    failure = result.steps["approve"].failure
    assert failure is not None
    assert failure.message == "rejected by Mia: too strong"


def test_a_question_gives_a_text() -> None:
    """The answer's text is the result; the question may have been made by a step."""
    result, facts = _run(
        lambda: serve(ask(make("Which gin?")["kind"])),  # type: ignore[arg-type]  # a text, as it is made here
        {2.0: ("ask", Answer(Verdict.RESPOND, "the dry one"))},
    )
    assert (result.value, _waits(facts)) == ("the dry one", [Wait("approval", "Which gin?")])


def test_a_question_without_a_value_cannot_be_approved() -> None:
    """The driver says what would do, and the run goes on waiting."""

    async def run() -> object:
        drivers: list[RunDriver] = []
        flow = workflow(name="flow")(lambda: ask("Which gin?")).with_options(engine=Engine())
        task = asyncio.ensure_future(flow.start({}, started=drivers.append))
        await asyncio.sleep(1)
        with pytest.raises(InputError, match="'ask' asks for a text: respond with one, or reject it"):
            _answer(drivers[0], "ask", YES)
        _answer(drivers[0], "ask", Answer(Verdict.RESPOND, "any"))
        return (await task).value

    assert run_virtual(run()) == "any"


def test_an_event_brings_its_data() -> None:
    """What is sent is what the consumers get."""
    result, facts = _run(
        lambda: serve(wait_for("paid")), {3.0: ("paid", Answer(Verdict.RESPOND, {"sum": 12}))}
    )
    assert (result.value, _waits(facts)) == ({"sum": 12}, [Wait("event", "paid")])


def test_an_answer_is_decided_at_once() -> None:
    """Even while others run, whoever looks after an answer sees that it was taken."""

    async def run() -> list[bool]:
        drivers: list[RunDriver] = []

        @step
        async def slow(seconds: float) -> None:
            await asyncio.sleep(seconds)

        def flow() -> object:
            return [approve(1, "Well?"), slow.map([9, 9, 9])]

        declared = workflow(name="flow")(flow).with_options(engine=Engine())
        task = asyncio.ensure_future(declared.start({}, started=drivers.append))
        await asyncio.sleep(1)
        seen = [drivers[0].scheduler.is_asked(0)]
        drivers[0].answer(0, YES)
        seen.append(drivers[0].scheduler.is_asked(0))
        await task
        return seen

    assert run_virtual(run()) == [True, False]


def test_each_round_asks_again() -> None:
    """A question in a loop is one of each round, under that round's path."""

    def flow() -> object:
        return repeat(lambda drink: approve(drink, "Dry?"), make("negroni"), until=is_dry, max_rounds=3)

    result, _ = _run(
        flow,
        {
            1.0: ("repeat#1/approve", YES),
            2.0: ("repeat#2/approve", Answer(Verdict.EDIT, {"kind": "negroni", "sugar": 0})),
        },
    )
    assert result.value == {"kind": "negroni", "sugar": 0}


def test_commits_that_are_late_do_not_lose_an_answer() -> None:
    """A store that commits a second later: the wait begins with its commit, the answer counts."""

    async def run() -> object:
        drivers: list[RunDriver] = []
        engine = Engine(journals=LateStore(1.0))
        flow = workflow(name="flow")(lambda: serve(approve(1, "Well?"))).with_options(engine=engine)
        task = asyncio.ensure_future(flow.start({}, started=drivers.append))
        await asyncio.sleep(5)
        drivers[0].answer(0, YES)
        return (await task).value

    assert run_virtual(run()) == 1


def test_a_loop_whose_turn_was_lost_begins_with_that_round() -> None:
    """Rounds are counted without the attempts that died with their process."""
    flow = workflow(name="flow")(lambda: repeat(make, "negroni", until=is_dry, max_rounds=3))  # type: ignore[arg-type]  # its types do not matter here
    graph = flow.trace().graph
    created = Created("flow", graph, RunOptions(), {}, {})
    scheduler = Scheduler(created)
    scheduler.handle((kinds.RUN_CREATED, kinds.RUN, 0, 0.0, created))
    scheduler.handle((kinds.ATTEMPT_LOST, 0, 1, 1.0, None))
    grown = grown_by(graph, 0, 2, Values(graph, scheduler.values), None, scheduler)
    assert {str(node.name).partition("/")[0] for node in grown.fragment.nodes} == {"#1"}


# -------------------------------------------------------------------- time


def test_a_sleep_takes_as_long_as_it_says() -> None:
    """Its seconds may be a result; what is ordered behind it starts when it is over."""

    @step
    async def minutes() -> int:
        await asyncio.sleep(2)
        return 60

    result, _ = _run(lambda: serve.after(sleep(minutes()))(1), {})
    assert (result.value, result.timing.makespan) == (1, 62.0)
    assert result.steps["sleep"].value is None


def test_sleeps_overlap() -> None:
    """They hold no permit, in sequential runs neither."""

    def flow() -> object:
        return serve.after(*(sleep(10, name=f"nap{number}") for number in range(5)))(1)

    result, _ = _run(flow, {}, max_concurrency=1, sequential=True)
    assert result.timing.makespan == 10.0


@pytest.mark.parametrize(
    ("flow", "value"),
    [
        (lambda: approve(make("negroni"), "Well?", deadline=5, default="approve")["kind"], "negroni"),
        (lambda: ask("Which gin?", deadline=5, default="any"), "any"),
        (lambda: ask("Which gin?", deadline=5, default=make("dry")["kind"]), "dry"),
        (lambda: wait_for("paid", deadline=5, default=None), None),
    ],
)
def test_at_its_deadline_a_wait_hands_on_what_was_agreed(flow: Callable[[], object], value: object) -> None:
    """Counted from the moment at which its inputs are there."""
    result, _ = _run(flow, {})
    assert (result.value, result.status, result.timing.makespan) == (value, "succeeded", 5.0)


def test_deadlines_count_from_when_the_wait_begins() -> None:
    """Not from when the run does."""
    result, facts = _run(lambda: approve(1, "Well?", deadline=5, default="approve", after=sleep(100)), {})
    began, ended = (
        next(fact[3] for fact in facts if fact[0] == kind and fact[1] == 1)
        for kind in (kinds.WAIT_BEGAN, kinds.WAIT_ENDED)
    )
    assert (ended - began, result.timing.makespan) == (5.0, 105.0)


@pytest.mark.parametrize(
    ("flow", "path", "words"),
    [
        (lambda: approve(1, "Well?", deadline=5), "approve", "nobody answered within 5 s"),
        (
            lambda: approve(1, "Well?", deadline=5, default="reject"),
            "approve",
            "rejected, since nobody answered within 5 s",
        ),
        (lambda: wait_for("paid", deadline=5), "paid", "event 'paid' did not come within 5 s"),
    ],
)
def test_without_a_default_it_fails(flow: Callable[[], object], path: str, words: str) -> None:
    """The run fails with it, and the words say what was waited for."""
    result, _ = _run(flow, {})
    failure = result.steps[path].failure
    assert failure is not None
    assert (result.status, failure.message) == ("failed", words)


def test_a_group_does_without_the_answer() -> None:
    """A member that nobody answers is missing, and the rest goes on."""

    def flow() -> object:
        with group("second opinions", within=5) as opinions:
            first = ask("Good?")
        return serve(first, opinions.count)

    result, _ = _run(flow, {})
    assert result.status == "partial"
    assert result.value[1] == 0  # type: ignore[index]  # the list that `serve` makes


# -------------------------------------------------------------------- inputs that no wait can have


@pytest.mark.parametrize("seconds", [-1, "60", None, True, float("nan"), float("inf")])
def test_a_sleep_of_no_length_fails(seconds: object) -> None:
    """The step fails for good and says what it was to sleep for."""

    @step
    async def how_long() -> object:
        return seconds

    result, _ = _run(lambda: sleep(how_long()), {})  # type: ignore[arg-type]  # the case at hand
    failure = result.steps["sleep"].failure
    assert failure is not None
    assert failure.is_permanent
    assert failure.message.startswith(f"it was to sleep for {seconds!r}; the step that says how long has to")


def test_a_question_that_is_no_text_fails() -> None:
    """The step that makes it is to be mended; what does not need the answer still runs."""
    result, _ = _run(
        lambda: [ask(make("x")), serve(1)],  # type: ignore[arg-type]  # the case at hand
        {},
        on_failure=OnFailure.CONTINUE,
    )
    failure = result.steps["ask"].failure
    assert failure is not None
    assert failure.message == "its question is dict; the step that makes it has to return a text."
    assert result.steps["serve"].state == "succeeded"


@pytest.mark.parametrize(
    ("rule", "args", "kwargs", "wait"),
    [
        (WaitRule("sleep"), [5], {}, Wait("sleep", "", 105.0)),
        (WaitRule("sleep"), [0], {}, Wait("sleep", "", 100.0)),
        (WaitRule("approval"), [7, "Well?"], {}, Wait("approval", "Well?")),
        (WaitRule("approval", 5, "approve"), [7, "Well?"], {}, Wait("approval", "Well?", 105.0, (7,))),
        (WaitRule("approval", 5, "reject"), [7, "Well?"], {}, Wait("approval", "Well?", 105.0)),
        (WaitRule("event", 5, "default"), ["paid"], {"default": None}, Wait("event", "paid", 105.0, (None,))),
    ],
)
def test_a_wait_from_its_rule(
    rule: WaitRule, args: list[object], kwargs: dict[str, object], wait: Wait
) -> None:
    """Instants from lengths, and what is handed on when nobody answers."""
    assert wait_of(rule, args, kwargs, 100.0) == wait


def test_a_wait_that_cannot_begin_is_permanent() -> None:
    """Another attempt would be given the same."""
    with pytest.raises(PermanentError, match="it was to sleep for -5"):
        wait_of(WaitRule("sleep"), [-5], {}, 100.0)
