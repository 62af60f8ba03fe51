"""What mypy must see: never imported, only type-checked (strict, with unused ignores as errors)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, assert_type

from stretto import (
    Engine,
    Missing,
    OnFailure,
    PermanentError,
    PlanProblem,
    PlanStep,
    Retry,
    RunError,
    RunResult,
    Step,
    StepResult,
    TransientError,
    Workflow,
    check_plan,
    choose,
    current,
    expand,
    from_engine,
    group,
    repeat,
    step,
    workflow,
)

if TYPE_CHECKING:
    from collections.abc import Mapping


class Client:
    """A live object."""

    async def ask(self, question: str) -> str:
        """An answer."""
        return question


# -------------------------------------------------------------------- declaring steps


@step
async def write(topic: str, length: int = 3) -> list[str]:
    """A bare async step: a call is typed as what it will give."""
    return [topic] * length


@step
def count(words: list[str]) -> int:
    """A bare blocking step."""
    return len(words)


@step(timeout=30, within=60.0, retry=Retry(attempts=3, on=(OSError,)), limit="openai")
async def asked(topic: str) -> str:
    """An async step with options."""
    return topic


@step(inline=True)
def merge(left: list[str], right: str) -> dict[str, object]:
    """Inline glue."""
    return {"left": left, "right": right}


@step(executor="thread", retry=2, limit=("disk", "cpu"), id="disk-read")
def read(path: str) -> bytes:
    """A blocking step with options."""
    return path.encode()


@step(optional=True, default=None)
async def advise(topic: str) -> str:
    """Optional, with a default of another type."""
    return topic


@step(optional=True, default_factory=list)
def links(topic: str) -> list[str]:
    """Optional, with a fresh default."""
    return [topic]


@step(optional=True)
async def extra(topic: str) -> int:
    """Optional, without a default."""
    return len(topic)


@step(optional=True, inline=True, default="")
def label(topic: str) -> str:
    """Optional glue."""
    return topic


@step
async def answer(question: str, *, client: Client = from_engine()) -> str:
    """A resource by the parameter's name."""
    return await client.ask(question)


@step
async def answer_twice(
    question: str,
    main: Client = from_engine("client"),
    spare: Client = from_engine(default=Client),
) -> str:
    """Resources by key, and with a default."""
    return await main.ask(question) + await spare.ask(question)


@step
def take_any(value: int | Missing) -> int:
    """A consumer of an optional result."""
    return 0 if isinstance(value, Missing) else value


@step
def total(values: list[int]) -> int:
    """A consumer of a map's list."""
    return sum(values)


assert_type(count.fn(["x"]), object)
takes_step: Step[[list[str]], int] = count


# -------------------------------------------------------------------- calling them


def calls() -> None:
    """A call, a variation and a map are typed as the results they stand for."""
    assert_type(write("x"), list[str])
    assert_type(write("x", length=4), list[str])
    assert_type(count(write("x")), int)
    assert_type(asked("x"), str)
    assert_type(merge(write("x"), asked("y")), dict[str, object])
    assert_type(read("x"), bytes)
    assert_type(advise("x"), str | None)
    assert_type(links("x"), list[str])
    assert_type(extra("x"), int | Missing)
    assert_type(label("x"), str)
    assert_type(answer("x"), str)
    assert_type(answer_twice("x"), str)
    assert_type(take_any(extra("x")), int)

    assert_type(write.named("again")("x", 2), list[str])
    assert_type(write.after(asked("x"))("x"), list[str])
    assert_type(write.with_options(timeout=3, within=9, retry=Retry(), limit="openai")("x"), list[str])
    assert_type(write.named("a").after(asked("x"), count(["y"])).with_options(retry=2)("x"), list[str])

    assert_type(write.map(["x", "y"]), list[list[str]])
    assert_type(count.map(write.map(["x"], length=2)), list[int])
    assert_type(total(count.map(write.map(["x"]))), int)
    assert_type(extra.map(["x"]), list[int | Missing])
    assert_type(advise.named("many").map(("x", "y")), list[str | None])


def blocks() -> None:
    """A group orders and counts."""
    with group("agents", within=300, min_success=2) as agents:
        write("x")
    asked.after(agents)("y")
    assert_type(agents.count, int)


def wrong_calls() -> None:
    """Each of these lines is an error for mypy."""
    write(3)  # type: ignore[arg-type]  # the topic is text
    write()  # type: ignore[call-arg]  # the topic is missing
    write("x", width=3)  # type: ignore[call-arg]  # there is no such parameter
    count(asked("x"))  # type: ignore[arg-type]  # a text where a list is wanted
    take_any(asked("x"))  # type: ignore[arg-type]  # a text where a number is wanted
    total(extra.map(["x"]))  # type: ignore[arg-type]  # items may be missing
    count(advise("x"))  # type: ignore[arg-type]  # may be None
    write.named("again")(3)  # type: ignore[arg-type]  # variations keep the parameters
    write.with_options(timeout=3)(3)  # type: ignore[arg-type]  # variations keep the parameters
    write.map(3)  # type: ignore[arg-type]  # a map takes a list
    write.with_options(speed=3)  # type: ignore[call-arg]  # there is no such rule
    asked.named(3)  # type: ignore[arg-type]  # a name is text
    group("g", within="5")  # type: ignore[arg-type]  # seconds are a number


def wrong_declarations() -> None:
    """Options that contradict each other do not type-check."""

    def plain(x: int) -> int:
        return x

    step(default=3)(plain)  # type: ignore[call-overload]  # a default belongs to optional=True
    step(optional=True, default=3, default_factory=int)(plain)  # type: ignore[call-overload]  # one of them
    step(executor="gpu")(plain)  # type: ignore[call-overload]  # there is no such executor
    step(timeout="3")(plain)  # type: ignore[call-overload]  # seconds are a number
    step(retry="twice")(plain)  # type: ignore[call-overload]  # a Retry or a number
    step("plain")  # type: ignore[call-overload]  # a step is made of a function
    Retry(on=("OSError",))  # type: ignore[arg-type]  # classes, not their names


# -------------------------------------------------------------------- workflows


@workflow
def bare(topic: str, length: int = 2) -> int:
    """A bare workflow."""
    return count(write(topic, length))


@workflow(within=60, example={"topic": "x"}, on_failure="drain", max_concurrency=4, max_runs=2, name="nested")
def structured(topic: str) -> dict[str, list[int] | str | None]:
    """A workflow with options."""
    return {"counts": count.map(write.map([topic])), "advice": advise(topic)}


assert_type(bare.run("x").value, int)
assert_type(bare.run(topic="x", length=3), RunResult[int])
assert_type(structured.run("x").value, dict[str, list[int] | str | None])
assert_type(bare.name, str)
assert_type(bare.engine, Engine)


async def running() -> None:
    """Awaiting gives the same types."""
    result = await bare.arun("x", length=3)
    assert_type(result, RunResult[int])
    assert_type(result.value, int)
    assert_type(await structured.aresult("x"), RunResult[dict[str, list[int] | str | None]])
    assert_type(result.steps["write"], StepResult)
    assert_type(result.steps["write"].value, object)
    assert_type(result.steps["write"].error, BaseException | None)
    assert_type(result.timing.makespan, float)
    assert_type(result.story("write"), tuple[str, ...])
    assert_type(result.to_error(), RunError)
    assert_type(result.to_error().result.steps["write"], Any)  # a RunResult, which errors must not know


def options() -> None:
    """Run options make another workflow of the same type."""
    engine = Engine(limits={"openai": 8}, resources={"client": Client()}, on_failure=OnFailure.FAIL_FAST)
    chosen = bare.with_options(engine=engine, within=5, sequential=True, run_id="a", max_concurrency=2)
    assert_type(chosen.run("x").value, int)
    as_mapping: Mapping[str, StepResult] = chosen.run("x").steps
    assert_type(as_mapping["write"], StepResult)


def takes_any_workflow(given: Workflow[[str], int]) -> int:
    """A workflow can be asked for by its types."""
    return given.run("x").value


def wrong_runs() -> None:
    """Inputs are checked like arguments; run options are not among them."""
    bare.run(3)  # type: ignore[arg-type]  # the topic is text
    bare.run()  # type: ignore[call-arg]  # the topic is missing
    bare.run("x", within=3)  # type: ignore[call-arg]  # an option, not an input
    bare.with_options(topic="x")  # type: ignore[call-arg]  # an input, not an option
    bare.run("x").value.upper()  # type: ignore[attr-defined]  # an int
    Engine(limits=3)  # type: ignore[arg-type]  # names and numbers


# -------------------------------------------------------------------- what grows


@step(inline=True)
def is_long(words: list[str]) -> bool:
    """A verdict."""
    return len(words) > 3


@step
async def extend(words: list[str]) -> list[str]:
    """One round's work."""
    return [*words, "more"]


@step(writes="ledger")
def book(amount: int) -> int:
    """Ordered by what it writes."""
    return amount


@step(reads=("ledger", "rates"), writes="report")
async def close(amount: int) -> str:
    """Ordered by several."""
    return str(amount)


@step(executor="process", memory="512MB")
def crunch(numbers: list[int]) -> int:
    """In a process of its own."""
    return sum(numbers)


@step
async def again(plan: list[PlanStep], problem: PlanProblem) -> list[PlanStep]:
    """Makes a new plan."""
    assert_type(problem.problems, tuple[str, ...])
    assert_type(problem.finished, dict[str, object])
    return plan


def choices() -> None:
    """A choice is typed as what its branches give; the selector's type is the labels'."""
    assert_type(choose(asked("x"), {"a": lambda: write("x"), "b": lambda: ["y"]}), list[str])
    assert_type(choose(is_long(write("x")), {True: lambda: 1, False: lambda: count(["x"])}, name="long"), int)
    assert_type(choose(count(["x"]), {1: lambda: asked("x")}, otherwise=lambda: asked("y")), str)


def loops() -> None:
    """A loop is typed as what it starts from, which its body takes and gives."""
    assert_type(repeat(extend, write("x"), until=is_long, max_rounds=3), list[str])
    assert_type(
        repeat(
            lambda words: extend(words), ["x"], until=is_long, max_rounds=3, on_exhausted="last", name="l"
        ),
        list[str],
    )


def nested() -> None:
    """A workflow used as a step is typed like one."""
    assert_type(bare("x"), int)
    assert_type(bare.named("again")(asked("x"), length=3), int)
    assert_type(bare.after(asked("x"))("y"), int)
    assert_type(bare.map(["x", "y"], length=3), list[int])
    takes_any_step: Step[[str], int] = bare.as_step()
    assert_type(takes_any_step("x"), int)


def plans() -> None:
    """A plan's results are known by key alone."""
    plan = [PlanStep("a", "ask", {"topic": "x"}), PlanStep("b", "count", {"words": []}, after=("a",))]
    known: dict[str, Step[..., Any]] = {"ask": asked, "count": count, "bare": bare.as_step()}
    assert_type(expand(plan, known), dict[str, Any])
    assert_type(expand(again(plan, PlanProblem(("no",))), known, replan=again, max_replans=2), dict[str, Any])
    assert_type(check_plan(plan, known), tuple[str, ...])


def wrong_growth() -> None:
    """Each of these lines is an error for mypy."""
    choose(asked("x"), {1: lambda: 1})  # type: ignore[dict-item]  # labels are texts, like the selector
    choose(asked("x"), {"a": count(["x"])})  # type: ignore[arg-type]  # a branch is a function
    repeat(extend, "x", until=is_long, max_rounds=3)  # type: ignore[arg-type]  # a text where a list is wanted
    repeat(count, ["x"], until=is_long, max_rounds=3)  # type: ignore[arg-type]  # does not give what it takes
    repeat(extend, ["x"], until=count, max_rounds=3)  # type: ignore[arg-type]  # a verdict is True or False
    repeat(extend, ["x"], until=is_long)  # type: ignore[call-arg]  # rounds must have an end
    repeat(extend, ["x"], until=is_long, max_rounds=3, on_exhausted="go")  # type: ignore[arg-type]  # unknown
    bare(3)  # type: ignore[arg-type]  # the topic is text
    expand([], {"bare": bare})  # type: ignore[dict-item]  # a workflow is passed as .as_step()
    PlanStep("a")  # type: ignore[call-arg]  # a capability is missing
    step(writes=3)(count.fn)  # type: ignore[call-overload]  # names are texts


# -------------------------------------------------------------------- inside steps


def inside() -> None:
    """What a step may ask about its attempt, and the errors it may raise."""
    attempt = current()
    assert_type(attempt.run_id, str)
    assert_type(attempt.attempt, int)
    assert_type(attempt.deadline, float | None)
    attempt.progress(1, total=3, note="read")
    attempt.usage(input_tokens=1, output_tokens=2, cost=0.1, model="m")
    if attempt.attempt > 1:
        raise PermanentError("no")
    raise TransientError("busy", retry_after=2.5)
