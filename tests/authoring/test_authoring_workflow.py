"""A workflow's function: its inputs, its return value, and what becomes of errors in its body."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import pytest

from authoring.authoring_cases import load_body, load_file
from stretto import step, workflow
from stretto.authoring import Definition
from stretto.authoring import workflow as definitions
from stretto.errors import DefinitionError, InputError, StrettoError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@step(inline=True)
def load(x: object) -> object:
    return x


async def async_body(x: int) -> object:
    return load(x)


def generator_body(x: int):
    yield load(x)


async def async_generator_body(x: int):
    yield load(x)


@pytest.mark.parametrize("body", [async_body, generator_body, async_generator_body])
def test_a_body_is_a_plain_def(body: Callable[..., object]) -> None:
    """It only wires steps: anything else is refused where it is declared."""
    with pytest.raises(DefinitionError, match=r"is not a plain `def`.*make the steps `async def`") as caught:
        workflow(body)
    assert caught.value.where == f"test_authoring_workflow.py:{body.__code__.co_firstlineno}"


@pytest.mark.parametrize(
    ("declare", "words"),
    [
        (lambda: workflow("flow"), "@workflow takes a function, not str"),
        (lambda: workflow()(3), "@workflow takes a function, not int"),
        (lambda: workflow(load), "'load' is a step"),
        (lambda: workflow(functools.partial(print)), "A workflow's name cannot be None"),
        (lambda: workflow(within=0)(lambda: 1), "within=0; give seconds above 0"),
        (lambda: workflow(within="5")(lambda: 1), "within='5'"),
        (lambda: workflow(max_runs=0)(lambda: 1), "max_runs=0; give a whole number"),
    ],
)
def test_what_is_no_workflow_is_refused_when_it_is_declared(
    declare: Callable[[], object], words: str
) -> None:
    """The error says what was given and what fits."""
    with pytest.raises(DefinitionError) as caught:
        declare()
    assert words in str(caught.value)


def test_a_lambda_and_a_callable_object_are_bodies_like_others() -> None:
    """A name can be given; a lambda has one of its own."""

    class Body:
        def __call__(self, x: int) -> object:
            return load(x + 1)

    assert workflow(lambda x: load(x)).run(3).value == 3
    assert workflow(name="named")(lambda x: load(x)).name == "named"
    assert workflow(name="body")(Body()).run(3).value == 4
    assert workflow(name="part")(functools.partial(lambda x, y: load([x, y]), 1)).run(2).value == [1, 2]


def test_calling_a_workflow_like_a_function_names_both_ways_to_run_it() -> None:
    """Nothing runs."""

    @workflow
    def flow(x: int) -> object:
        return load(x)

    with pytest.raises(DefinitionError, match=r"flow\.run\(…\), or `await flow\.arun\(…\)`") as caught:
        flow(1)
    assert (caught.value.where or "").startswith("test_authoring_workflow.py:")


def test_a_workflow_is_not_run_inside_another_body(tmp_path: Path) -> None:
    """Neither traced nor run: it is called there, as a step."""
    before = "@workflow\ndef inner(x=1):\n    return load(x)"
    for call, error, words in (
        ("inner.trace(x)", DefinitionError, "was run inside another workflow's body"),
        ("inner.run(x)", DefinitionError, "was run inside another workflow's body"),
    ):
        module, _ = load_body(tmp_path, f"return {call}", before)
        with pytest.raises(error, match=words):
            module.flow.trace()


# -------------------------------------------------------------------- inputs


@pytest.mark.parametrize(
    ("args", "kwargs", "words"),
    [
        ((), {}, "missing a required argument: 'a'"),
        ((1, 2, 3, 4), {}, "too many positional arguments"),
        ((1,), {"a": 2}, "multiple values for argument 'a'"),
        ((1,), {"wrong": 2}, "unexpected keyword argument 'wrong'"),
        ((1,), {"engine": 2}, "unexpected keyword argument 'engine'"),
    ],
)
def test_inputs_that_do_not_fit_are_refused_with_the_signature(
    args: tuple[object, ...], kwargs: dict[str, object], words: str
) -> None:
    """The text says what was wrong and what the workflow takes; run options are never inputs."""

    @workflow
    def flow(a: int, b: int = 2, *, c: int = 3) -> object:
        return load([a, b, c])

    with pytest.raises(InputError) as caught:
        flow.run(*args, **kwargs)  # type: ignore[call-arg]  # wrong on purpose
    assert words in str(caught.value)
    assert "It takes (a: 'int', b: 'int' = 2, *, c: 'int' = 3)" in str(caught.value)


def test_every_kind_of_parameter_reaches_the_body() -> None:
    """Positional-only, defaults, surplus and keyword-only inputs, by name in the journal."""

    @workflow
    def flow(a: int, /, b: int = 2, *rest: int, c: int = 3, **more: int) -> object:
        return load([a, b, rest, c, more])

    assert flow.run(1).value == [1, 2, (), 3, {}]
    assert flow.run(1, 5, 6, 7, c=8, d=9).value == [1, 5, (6, 7), 8, {"d": 9}]
    assert flow.trace(1, 5, 6).inputs == {"a": 1, "b": 5, "rest": (6,), "c": 3, "more": {}}


def test_a_body_cannot_change_its_inputs_for_anybody_else() -> None:
    """Neither the caller's value, nor a mutable default, nor what the journal holds."""
    given = {"rows": [1]}

    @workflow
    def flow(data: dict[str, list[int]], seen: list[int] = []) -> object:  # noqa: B006  # what is tested
        data["rows"].append(2)
        seen.append(1)
        return load([data, seen])

    traced = flow.trace(given)
    assert traced.inputs == {"data": {"rows": [1]}, "seen": []}
    for _ in range(2):
        assert flow.run(given).value == [{"rows": [1, 2]}, [1]]
    assert given == {"rows": [1]}


def test_the_body_runs_once_a_run_with_that_runs_inputs() -> None:
    """Ordinary Python over plain inputs shapes each run's graph."""
    calls = []

    @workflow
    def flow(count: int) -> object:
        calls.append(count)
        if count == 0:
            return "nothing"
        return [load.named(f"n{number}")(number) for number in range(count)]

    assert flow.run(2).value == [0, 1]
    assert flow.run(0).value == "nothing"
    assert len(flow.run(3).steps) == 3
    assert calls == [2, 0, 3]


def test_an_example_is_kept_for_looking_at_the_graph() -> None:
    """It is no default: running without inputs stays an error."""

    @workflow(example={"a": 5})
    def flow(a: int) -> object:
        return load(a)

    assert flow.example == {"a": 5}
    with pytest.raises(InputError, match="missing a required argument"):
        flow.run()


# -------------------------------------------------------------------- return values


@pytest.mark.parametrize(
    ("returned", "value"),
    [
        ("None", None),
        ("3", 3),
        ("{'a': [x, (x,)]}", {"a": [1, (1,)]}),
        ("load(x)", 1),
        ("[load(x), {'b': (use(x), x)}]", [1, {"b": (1, 1)}]),
        ("load({'rows': [4, 5]})['rows'][1]", 5),
        ("[load([4, 5])[0], use(x)]", [4, 1]),
        ("(use.map([1, 2]), use.named('one')(3))", ([1, 2], 3)),
        ("frozenset({x})", frozenset({1})),
    ],
)
def test_a_return_value_is_any_plain_structure_with_refs_in_it(
    returned: str, value: object, tmp_path: Path
) -> None:
    """Equal to what the body wrote, with each Ref replaced by its step's result."""
    module, _ = load_body(tmp_path, f"return {returned}")
    assert module.flow.run().value == value


def test_a_workflow_without_steps_succeeds_at_once(tmp_path: Path) -> None:
    """Its value is what the body returned."""
    module, _ = load_body(tmp_path, "return {'sum': x + 1}")
    result = module.flow.run(2)
    assert (result.value, result.status, len(result.steps)) == ({"sum": 3}, "succeeded", 0)


def test_a_body_that_returns_nothing_still_runs_its_steps(tmp_path: Path) -> None:
    """What nobody consumes is work all the same."""
    module, _ = load_body(tmp_path, "load(x)\nuse(x)")
    result = module.flow.run()
    assert result.value is None
    assert [step.state for step in result.steps.values()] == ["succeeded", "succeeded"]


@pytest.mark.parametrize("returned", ["object()", "[load]", "lambda: 1"])
def test_a_return_value_that_cannot_be_journaled_is_refused(returned: str, tmp_path: Path) -> None:
    """The error names the workflow and the type, before anything runs."""
    module, _ = load_body(tmp_path, f"return {returned}")
    with pytest.raises(
        DefinitionError, match="Workflow 'flow', return value, got a value that cannot be journaled"
    ):
        module.flow.trace()


# -------------------------------------------------------------------- errors of the body

FORWARD = {
    "argument": "a = use(b)  # here\nb = load(x)",
    "circle": "a = use(b)  # here\nb = join(a)",
    "after": "a = use.after(b)(x)  # here\nb = load(x)",
    "only in one branch": "if x == 2: b = load(x)\nreturn use(b)  # here",
    "closure": "def inner():\n    return use(b)  # here\na = inner()\nb = load(x)",
    "comprehension": "a = [use.named(str(i))(b) for i in range(2)]  # here\nb = load(x)",
    "deleted": "b = load(x)\ndel b\nreturn use(b)  # here",
}


@pytest.mark.parametrize("name", FORWARD)
def test_a_name_used_before_its_step_is_a_definition_error(name: str, tmp_path: Path) -> None:
    """A step waits for steps above it: the line of the use is named, and no cycle can be written."""
    module, place = load_body(tmp_path, FORWARD[name])
    with pytest.raises(DefinitionError) as caught:
        module.flow.run()
    assert caught.value.where == place
    assert "'b'" in caught.value.what
    assert "used before it is assigned" in caught.value.what
    assert "never in a circle" in (caught.value.mend or "")


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ("return use(unknown)  # here", NameError),
        ("return use(1 / 0)  # here", ZeroDivisionError),
        ("raise KeyError(x)  # here", KeyError),
        ("return x.wrong  # here", AttributeError),
        ('return ", ".join([load(x)])  # here', TypeError),
        ("return json.dumps(load(x))  # here", TypeError),
        ("def inner():\n    return {}['a']  # here\nreturn inner()", KeyError),
    ],
)
def test_the_bodys_own_error_keeps_its_type_and_gains_a_place(
    body: str, error: type[Exception], tmp_path: Path
) -> None:
    """A note names the workflow and the innermost line of its file, also below library code."""
    module, place = load_body(tmp_path, body)
    with pytest.raises(error) as caught:
        module.flow.run()
    assert caught.value.__notes__ == [f"In the body of workflow 'flow' ({place}); no step has run."]


def test_an_error_in_a_helper_of_another_file_is_placed_in_the_body(tmp_path: Path) -> None:
    """The traceback shows the rest."""
    before = "import textwrap"
    module, place = load_body(tmp_path, "textwrap.dedent(3)  # here", before)
    with pytest.raises(TypeError) as caught:
        module.flow.trace()
    assert place in caught.value.__notes__[0]


def test_our_own_errors_pass_without_a_note(tmp_path: Path) -> None:
    """They name their place already."""
    module, _ = load_body(tmp_path, "use()")
    with pytest.raises(StrettoError) as caught:
        module.flow.trace()
    assert not hasattr(caught.value, "__notes__")


def test_a_body_with_an_error_in_it_runs_again_as_if_nothing_had_been(tmp_path: Path) -> None:
    """No state of a broken trace is left."""
    module, _ = load_body(tmp_path, "a = load(x)\nif x == 0: raise KeyError(x)\nreturn use(a)")
    with pytest.raises(KeyError):
        module.flow.run(0)
    assert module.flow.run(4).value == 4


def test_a_refused_body_stays_refused(tmp_path: Path) -> None:
    """Asking twice does not get past the check."""
    module, _ = load_file(tmp_path, "@workflow\ndef flow(x=1):\n    ref = load(x)\n    return ref is None\n")
    for _ in range(2):
        with pytest.raises(DefinitionError, match="compared by `is`"):
            module.flow.trace()


def test_an_accepted_body_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs after the first do not pay for parsing the source."""
    read = []
    monkeypatch.setattr(definitions, "check_body", lambda fn, name: read.append(name))
    flow = workflow(name="flow")(lambda x: load(x))
    for number in range(3):
        flow.trace(number)
    assert read == ["flow"]


def test_a_definition_knows_its_place() -> None:
    """File and first line, for whoever shows it."""
    made = Definition(load.fn, name="flow")
    assert made.place == f"test_authoring_workflow.py:{load.fn.__code__.co_firstlineno}"
    assert Definition(functools.partial(print), name="flow").place is None
