"""`approve`, `ask`, `wait_for`, `sleep` and `on_lost=`: what they become, and what is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from authoring.authoring_cases import refusal
from stretto import Missing, OnLost, approve, ask, choose, group, repeat, sleep, step, wait_for, workflow
from stretto.core.graph import Role, WaitRule, Where
from stretto.core.graph.spec import FREE
from stretto.errors import DefinitionError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from stretto.core.graph import Graph

BEFORE = "from stretto import approve, ask, sleep, wait_for"


@step
async def make(kind: str) -> dict[str, str]:
    return {"kind": kind}


@step
async def serve(drink: object, *more: object) -> object:
    return drink


@step
async def is_good(drink: object) -> bool:
    return drink is not None


@step(optional=True)
async def garnish() -> str:
    return "olive"


def _graph(body: Callable[[], object]) -> Graph:
    return workflow(name="flow")(body).trace().graph


def _deps(graph: Graph, path: str) -> list[str]:
    index = graph.index_of(path)
    assert index is not None, path
    return [graph.path(dep) for dep in graph.deps[index]]


# -------------------------------------------------------------------- what they become


def test_an_approval_in_the_graph() -> None:
    """It needs no permit, takes the value and the question, and hands on what its consumers take."""

    def flow() -> object:
        drink = make("negroni")
        return serve(approve(drink, "Serve it?", deadline=60, default="reject"))

    graph = _graph(flow)
    spec = graph.specs[1]
    assert (spec.id, spec.role, spec.where, spec.lane) == ("approve", Role.WAIT, Where.INLINE, FREE)
    assert spec.wait == WaitRule("approval", 60, "reject")
    assert spec.on_lost is OnLost.RETRY
    assert graph.args[1][1:] == ("Serve it?",)
    assert (_deps(graph, "approve"), _deps(graph, "serve")) == (["make"], ["approve"])


@pytest.mark.parametrize(
    ("body", "path", "rule", "args", "kwargs"),
    [
        (lambda: approve(1, "Well?"), "approve", WaitRule("approval"), (1, "Well?"), None),
        (
            lambda: approve(1, "Well?", deadline=5, default="approve", name="taste"),
            "taste",
            WaitRule("approval", 5, "approve"),
            (1, "Well?"),
            None,
        ),
        (lambda: ask("Which gin?"), "ask", WaitRule("approval"), ("Which gin?",), None),
        (
            lambda: ask("Which gin?", deadline=5, default=None, name="gin"),
            "gin",
            WaitRule("approval", 5, "default"),
            ("Which gin?",),
            {"default": None},
        ),
        (lambda: wait_for("paid"), "paid", WaitRule("event"), ("paid",), None),
        (
            lambda: wait_for("bar/paid", deadline=5.5, default={"sum": 0}, name="money"),
            "money",
            WaitRule("event", 5.5, "default"),
            ("bar/paid",),
            {"default": {"sum": 0}},
        ),
        (lambda: sleep(0), "sleep", WaitRule("sleep"), (0,), None),
        (lambda: sleep(2.5, name="chill"), "chill", WaitRule("sleep"), (2.5,), None),
    ],
)
def test_each_wait_as_a_node(
    body: Callable[[], object],
    path: str,
    rule: WaitRule,
    args: tuple[object, ...],
    kwargs: dict[str, object] | None,
) -> None:
    """Its path, its rule, its arguments."""
    graph = _graph(body)
    assert (graph.path(0), graph.specs[0].wait) == (path, rule)
    assert (tuple(graph.args[0]), graph.kwargs[0]) == (args, kwargs)


def test_refs_are_waited_for_wherever_they_may_stand() -> None:
    """Value, question, seconds and a default may be results; the wait begins when they are there."""

    def flow() -> object:
        drink = make("negroni")
        one = approve({"drink": drink}, drink["kind"])
        two = ask(drink["kind"], deadline=5, default=drink)
        three = sleep(drink["kind"])  # type: ignore[arg-type]  # what it is shows when it runs
        return serve(one, two, three)

    graph = _graph(flow)
    for path in ("approve", "ask", "sleep"):
        assert _deps(graph, path) == ["make"]


def test_waits_are_ordered_by_after() -> None:
    """One Ref or group, or several, without taking their values; and others by a sleep."""

    def flow() -> object:
        drink = make("negroni")
        with group("extras") as extras:
            garnish()
        chill = sleep(60, after=drink)
        paid = wait_for("paid", after=[chill, extras])
        return serve.after(chill)(paid)

    graph = _graph(flow)
    assert _deps(graph, "sleep") == ["make"]
    assert _deps(graph, "paid") == ["extras", "sleep"]
    assert _deps(graph, "serve") == ["sleep", "paid"]


def test_waits_stand_wherever_steps_do() -> None:
    """In branches, rounds, nested workflows and groups their paths are made like steps' paths."""

    @workflow
    def inner() -> str:
        return ask("Which gin?")

    def flow() -> object:
        with group("extras"):
            extra = ask("Which garnish?", name="garnish")
        drink = choose(
            make("negroni")["kind"], {"a": lambda: approve(1, "Well?"), "b": lambda: approve(2, "Hm?")}
        )
        good = repeat(lambda last: approve(last, "Good?"), drink, until=is_good, max_rounds=2)
        return serve(good, inner(), extra)

    graph = _graph(flow)
    assert "inner/ask" in [graph.path(index) for index in range(len(graph))]
    assert graph.is_optional(0)
    bodies = [body.body.nodes[0] for body in graph.bodies.values()]
    assert [(node.name, node.spec.role) for node in bodies] == [
        ("a/approve", Role.WAIT),
        ("approve", Role.WAIT),
    ]


def test_what_may_be_missing_stays_so_when_approved() -> None:
    """The approval of an optional step's result may hand on `Missing`: its consumers have to admit it."""

    @step
    async def strict(word: str) -> str:
        return word

    @step
    async def lenient(word: str | Missing) -> object:
        return word

    workflow(name="flow")(lambda: lenient(approve(garnish(), "This one?"))).trace()
    with pytest.raises(DefinitionError, match="may hand on `Missing`"):
        workflow(name="flow")(lambda: strict(approve(garnish(), "This one?"))).trace()


# -------------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("approve(x, '')", "approve 'approve': question=''; give a text, or a Ref to one."),
        ("approve(x, 5)", "approve 'approve': question=5; give a text, or a Ref to one."),
        ("ask('  ')", "ask 'ask': question='  '; give a text, or a Ref to one."),
        ("approve(x, 'Well?', deadline=0)", "approve 'approve': deadline=0; give seconds above 0."),
        ("ask('Well?', deadline=True)", "ask 'ask': deadline=True; give seconds above 0."),
        (
            "wait_for('paid', deadline=float('inf'))",
            "wait_for 'paid': deadline=inf; give seconds above 0.",
        ),
        (
            "approve(x, 'Well?', default='reject')",
            "approve 'approve' has a default= and no deadline=, so it would never be handed on.",
        ),
        ("ask('Well?', default='')", "ask 'ask' has a default= and no deadline="),
        (
            "approve(x, 'Well?', deadline=1, default='yes')",
            "default='yes'; give 'approve' or 'reject'.",
        ),
        ("wait_for('')", "wait_for(''): an event is a text that is known when the body runs."),
        ("wait_for(load(x))", "an event is a text that is known when the body runs."),
        ("wait_for('bar/paid')", "The name of wait_for() cannot be 'bar/paid'."),
        ("approve(x, 'Well?', name='a/b')", "The name of approve() cannot be 'a/b'."),
        ("sleep(-1)", "sleep 'sleep': seconds=-1; give seconds, 0 or more."),
        ("sleep(False)", "sleep 'sleep': seconds=False; give seconds, 0 or more."),
        ("sleep(float('nan'))", "sleep 'sleep': seconds=nan; give seconds, 0 or more."),
        ("sleep(float('inf'))", "sleep 'sleep': seconds=inf; give seconds, 0 or more."),
        ("sleep('1')", "sleep 'sleep': seconds='1'; give seconds, 0 or more."),
        ("sleep(maybe(x))", "which is optional and may hand on `Missing`"),
        ("sleep(1, after=5)", ".after() takes Refs and groups, not int."),
        ("ask('Well?', deadline=1, default=object())", "got a value that cannot be journaled"),
    ],
)
def test_what_cannot_be_meant_is_refused(tmp_path: Path, body: str, words: str) -> None:
    """By the line in the author's file, with what would do."""
    assert words in str(refusal(tmp_path, body, before=BEFORE))


def test_a_second_use_needs_a_name(tmp_path: Path) -> None:
    """Two waits of one scope cannot share a path."""
    error = refusal(tmp_path, "approve(x, 'Well?')\napprove(x, 'Really?')  # here", before=BEFORE)
    assert "would share the path 'approve'" in str(error)


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: approve(1, "Well?"), "approve 'approve'"),
        (lambda: ask("Well?"), "ask 'ask'"),
        (lambda: wait_for("paid"), "wait_for 'paid'"),
        (lambda: sleep(1), "sleep 'sleep'"),
    ],
)
def test_outside_a_body_nothing_waits(call: Callable[[], object], name: str) -> None:
    """Called like a function they say where they belong."""
    with pytest.raises(DefinitionError, match="outside a workflow's body; nothing was run") as caught:
        call()
    assert caught.value.what.startswith(name)


# -------------------------------------------------------------------- on_lost


def plain(value: int = 0) -> int:
    return value


@pytest.mark.parametrize(
    ("options", "rule"),
    [
        ({}, OnLost.RETRY),
        ({"reads": "db"}, OnLost.RETRY),
        ({"writes": "db"}, OnLost.ASK),
        ({"writes": "db", "inline": True}, OnLost.RETRY),
        ({"writes": "db", "on_lost": "retry"}, OnLost.RETRY),
        ({"on_lost": "ask"}, OnLost.ASK),
        ({"on_lost": OnLost.FAIL}, OnLost.FAIL),
    ],
)
def test_what_follows_a_lost_attempt(options: dict[str, Any], rule: OnLost) -> None:
    """As it is said; else a step that writes asks, any other runs again."""
    assert step(**options)(plain).spec.on_lost is rule


def test_on_lost_is_replaced_like_other_options() -> None:
    """`with_options` changes it, or leaves it as it was declared."""
    writer = step(writes="db")(plain)
    assert writer.with_options(on_lost="fail").spec.on_lost is OnLost.FAIL
    assert writer.with_options(timeout=5).spec.on_lost is OnLost.ASK
    glue = step(inline=True)(plain)
    assert glue.with_options().spec.on_lost is OnLost.RETRY


@pytest.mark.parametrize("given", ["again", "", 5, True, ["ask"]])
def test_unknown_rules_are_refused(given: Any) -> None:
    """The known ones are listed."""
    with pytest.raises(DefinitionError) as caught:
        step(on_lost=given)(plain)
    assert caught.value.what == f"Step 'plain': on_lost={given!r}; give one of 'retry', 'ask', 'fail'."
    assert (caught.value.where or "").startswith("test_authoring_wait.py:")


def test_glue_has_no_time_to_be_lost_in() -> None:
    """`on_lost=` contradicts `inline=True`."""
    with pytest.raises(DefinitionError, match="'plain' is inline"):
        step(inline=True, on_lost="ask")(plain)


def test_a_workflow_has_no_attempts_to_lose() -> None:
    """`on_lost=` belongs to a nested workflow's steps."""

    @workflow
    def inner() -> object:
        return serve(1)

    with pytest.raises(DefinitionError, match="on_lost= belong to its steps"):
        workflow(name="flow")(lambda: inner.named("x").with_options(on_lost="ask")()).trace()
