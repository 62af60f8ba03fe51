"""`@workflow` and the ways to run it."""

from __future__ import annotations

import asyncio

import pytest

from stretto import Engine, OnFailure, RunError, Workflow, step, workflow
from stretto.errors import ConfigError, DefinitionError, InputError, RunFailedError, StrettoError
from stretto.testing import Recorder, run_virtual


@step
async def double(number: int) -> int:
    """Twice as much."""
    return number * 2


@step
async def fail() -> None:
    raise ValueError("no")


@workflow
def flow(number: int, times: int = 1) -> int:
    """Double a number."""
    for round_number in range(times):
        number = double.named(f"double-{round_number}")(number)
    return number


@workflow(name="breaks")
def breaking() -> None:
    fail()


def test_run_gives_the_result() -> None:
    """On an event loop of its own."""
    assert flow.run(4, times=3).value == 32


def test_arun_gives_the_result() -> None:
    """On the running loop."""
    assert asyncio.run(flow.arun(4)).value == 8


def test_run_inside_a_loop_names_the_way_out() -> None:
    """There are no nested loops: the error says what to write."""

    async def inside() -> None:
        flow.run(1)

    with pytest.raises(StrettoError, match=r"flow\.run\(\) was called inside.*await flow\.arun\(…\)"):
        asyncio.run(inside())


def test_a_failed_run_raises_with_its_result() -> None:
    """`run` and `arun` raise the run's error."""
    with pytest.raises(RunFailedError, match=r"of 'breaks' failed: fail: ValueError: no") as caught:
        breaking.run()
    assert caught.value.result.status == "failed"  # type: ignore[attr-defined]
    with pytest.raises(RunError):
        asyncio.run(breaking.arun())


def test_aresult_gives_a_failed_runs_result() -> None:
    """Whoever wants to look instead of catching uses `aresult`."""
    assert asyncio.run(breaking.aresult()).status == "failed"


def test_calling_a_workflow_runs_nothing() -> None:
    """A workflow is run, not called; the error has the line and the way."""
    with pytest.raises(DefinitionError, match=r"^test_api_workflow\.py:\d+: .*Use flow\.run\(…\)"):
        flow(1)


@pytest.mark.parametrize(
    ("args", "kwargs", "says"),
    [
        ((), {}, "missing a required argument: 'number'"),
        ((1, 2, 3), {}, "too many positional arguments"),
        ((1,), {"tmies": 2}, "unexpected keyword argument 'tmies'"),
    ],
)
def test_wrong_inputs_name_the_parameters(args: tuple[int, ...], kwargs: dict[str, int], says: str) -> None:
    """The error says what is wrong, and what the workflow takes."""
    with pytest.raises(InputError, match=f"'flow'.*{says}.*It takes \\(number"):
        flow.run(*args, **kwargs)


def test_live_objects_are_no_inputs() -> None:
    """What cannot be journaled is refused by name, with the place for it."""
    with pytest.raises(InputError, match=r"Input 'number' of workflow 'flow'.*Engine\(resources="):
        flow.run(object())  # type: ignore[arg-type]


def test_defaults_are_inputs() -> None:
    """The journaled inputs hold defaults as well."""
    recorder = Recorder()
    flow.with_options(observers=[recorder]).run(4)
    assert recorder.events[0].data["inputs"] == {"number": 4, "times": 1}


def test_options_are_never_inputs() -> None:
    """A workflow may have parameters called like run options."""

    @workflow
    def named(within: int, run_id: str) -> object:
        return [within, run_id, double(within)]

    assert named.with_options(run_id="r-7", within=60).run(within=3, run_id="mine").value == [3, "mine", 6]


def test_with_options_leaves_the_workflow_alone() -> None:
    """Options make another workflow; what is None stays."""
    changed = flow.with_options(sequential=True, run_id="r1")
    assert changed is not flow
    assert changed.with_options(within=5).run(1).run_id == "r1"
    assert flow.run(1).run_id != "r1"


def test_variants_share_their_engine() -> None:
    """Estimates learned by one variant of a workflow serve the others."""

    @workflow
    def own() -> int:
        return double(1)

    own.with_options(sequential=True).run()
    assert "double" in own.engine.estimates.known


def test_a_run_has_an_id_of_its_own() -> None:
    """Two runs never share one by chance."""
    assert flow.run(1).run_id != flow.run(1).run_id


def test_docs_and_names_are_kept() -> None:
    """Editors and `list` see what the author wrote."""
    assert (flow.name, flow.__name__, flow.__doc__) == ("flow", "flow", "Double a number.")
    assert breaking.name == "breaks"
    assert repr(flow) == "<Workflow flow>"


def test_trace_runs_nothing() -> None:
    """The graph can be had without a run."""
    traced = flow.trace(1, times=2)
    assert [traced.graph.path(index) for index in range(len(traced.graph))] == ["double-0", "double-1"]
    assert traced.inputs == {"number": 1, "times": 2}


@pytest.mark.parametrize("within", [0, -1, "5", float("nan")])
def test_a_deadline_is_seconds_above_zero(within: object) -> None:
    """Refused where it is declared, and where it is given as an option."""
    with pytest.raises(DefinitionError, match=r"within="):
        workflow(within=within)(flow.definition.fn)  # type: ignore[call-overload]
    with pytest.raises(ConfigError, match=r"within="):
        flow.with_options(within=within).run(1)  # type: ignore[arg-type]


@pytest.mark.parametrize("permits", [0, -2, 1.5, "8"])
def test_a_cap_is_a_whole_number(permits: object) -> None:
    """0 is no cap at all, and no way to say 'the default'."""
    with pytest.raises(ConfigError, match=r"max_concurrency="):
        flow.with_options(max_concurrency=permits).run(1)  # type: ignore[arg-type]


def test_an_unknown_policy_names_the_known_ones() -> None:
    """A misspelt `on_failure` is no default."""
    with pytest.raises(ConfigError, match=r"on_failure='darin' is unknown; known: 'drain', 'fail_fast'"):
        flow.with_options(on_failure="darin").run(1)


def test_a_policy_may_be_given_in_words() -> None:
    """The enum and its word mean the same."""
    for policy in (OnFailure.FAIL_FAST, "fail_fast"):
        assert flow.with_options(on_failure=policy).run(1).value == 2


def test_a_body_runs_once_a_run_with_plain_inputs() -> None:
    """Ordinary Python over inputs decides the graph of each run anew."""
    bodies: list[int] = []

    @workflow
    def counted(times: int) -> object:
        bodies.append(times)
        return [double.named(f"d{number}")(number) for number in range(times)]

    assert counted.run(2).value == [0, 2]
    assert counted.run(0).value == []
    assert bodies == [2, 0]


def test_what_a_body_raises_comes_out() -> None:
    """An ordinary mistake in the body is the author's own exception."""

    @workflow
    def wrong(table: dict[str, int]) -> int:
        return double(table["missing"])

    with pytest.raises(KeyError, match="missing"):
        wrong.run({})


def test_a_workflow_inside_a_body_is_refused() -> None:
    """Bodies do not run other workflows."""

    @workflow
    def outer() -> object:
        return flow.trace(1)

    with pytest.raises(DefinitionError, match="inside another workflow's body"):
        outer.run()


def test_a_step_may_run_another_workflow() -> None:
    """A step awaits another workflow's run like anything else."""

    @step
    async def inner(number: int) -> int:
        return (await flow.arun(number)).value

    @workflow
    def outer(number: int) -> int:
        return inner(number)

    assert outer.run(5).value == 10


def test_runs_on_one_loop_overlap() -> None:
    """Two runs of one workflow wait for each other and both end."""
    met: list[asyncio.Barrier] = []

    @step
    async def meet() -> str:
        await met[0].wait()
        return "met"

    @workflow
    def pair() -> str:
        return meet()

    async def both() -> list[str]:
        met.append(asyncio.Barrier(2))
        return [one.value for one in await asyncio.gather(pair.arun(), pair.arun())]

    assert run_virtual(both()) == ["met", "met"]


def test_a_workflow_may_name_its_engine() -> None:
    """`engine=` at the declaration is the engine of every run."""
    engine = Engine()

    @workflow(engine=engine)
    def own() -> int:
        return double(1)

    assert isinstance(own, Workflow)
    own.run()
    assert own.engine is engine
    assert "double" in engine.estimates.known


def test_a_body_runs_no_other_workflow() -> None:
    """Not by `.run()` either: its advice must fit a body, which is not `async`."""

    @workflow
    def inner() -> int:
        return 1

    @workflow
    def outer() -> int:
        return inner.run().value

    with pytest.raises(
        DefinitionError,
        match=r"'inner' was run inside another workflow's body.*Use it as a step there: inner",
    ):
        outer.run()
