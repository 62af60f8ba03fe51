"""`service/cli/inputs.py` and `documents.py`: inputs from options and files, by the declared types."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Literal

import pytest
from pydantic import BaseModel, Field

from stretto.authoring.workflow import Definition
from stretto.errors import InputError
from stretto.service.cli.inputs import inputs_for

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from service.conftest import Cli


class Drink(StrEnum):
    """Something to drink."""

    GIN = "gin"
    RUM = "rum"


class Order(BaseModel):
    """A model with a rule."""

    drink: Drink
    count: int = Field(ge=1)
    notes: list[str] = []


@dataclass
class Table:
    """A dataclass."""

    seats: int


class Client:
    """Something without a form as text."""


def given(fn: Callable[..., object], *pairs: str, file: Path | None = None) -> dict[str, object]:
    """The inputs these options give to this function."""
    return inputs_for(Definition(fn, name="flow"), pairs, file)


def refused(fn: Callable[..., object], *pairs: str, file: Path | None = None) -> str:
    """The text of the refusal."""
    with pytest.raises(InputError) as caught:
        given(fn, *pairs, file=file)
    return str(caught.value)


def takes(hint: object) -> Callable[..., object]:
    """A workflow's function with one parameter `x` of this type."""

    def fn(x): ...  # type: ignore[no-untyped-def]

    fn.__annotations__["x"] = hint
    return fn


@pytest.mark.parametrize(
    ("hint", "text", "value"),
    [
        (str, "5", "5"),
        (str, "", ""),
        (str, "a=b", "a=b"),
        (str, "@@handle", "@handle"),
        (str | None, "null", "null"),
        (str | list[str], '["a"]', '["a"]'),
        (int, "5", 5),
        (int | None, "null", None),
        (int | None, "7", 7),
        (float, "2", 2.0),
        (bool, "true", True),
        (bool, "false", False),
        (Drink, "rum", Drink.RUM),
        (Literal["a", "b"], "b", "b"),
        (Literal[1, 2], "2", 2),
        (dt.date, "2026-01-02", dt.date(2026, 1, 2)),
        (list[str], '["gin", "campari"]', ["gin", "campari"]),
        (list[str], "[gin, campari]", ["gin", "campari"]),
        (list[int] | None, "[1, 2]", [1, 2]),
        (list[int] | None, "null", None),
        (tuple[int, ...], "[1, 2]", (1, 2)),
        (set[int], "[2, 2]", {2}),
        (dict[str, float], "{a: 1, b: 2.5}", {"a": 1.0, "b": 2.5}),
        (Order, "{drink: gin, count: 2}", Order(drink=Drink.GIN, count=2)),
        (Order | str, "just words", "just words"),
        (Table, '{"seats": 4}', Table(4)),
        (Any, "5", 5),
        (Any, '{"a": [1]}', {"a": [1]}),
        (Any, "plain words", "plain words"),
        (object, "true", True),
    ],
)
def test_texts_become_typed_values(hint: object, text: str, value: object) -> None:
    """A text parameter takes the text; everything else is read by its type."""
    found = given(takes(hint), f"x={text}")["x"]
    assert found == value
    assert type(found) is type(value)


def test_an_untyped_parameter_reads_json_or_text() -> None:
    """Without a type there is nothing else to go by."""

    def fn(x, y): ...  # type: ignore[no-untyped-def]

    assert given(fn, "x=[1]", "y=hello") == {"x": [1], "y": "hello"}


def test_annotations_that_do_not_resolve_count_as_none() -> None:
    """A name imported for type checkers only does not keep the other parameters from being read."""

    def fn(x: Nowhere, y: int): ...  # type: ignore[name-defined, no-untyped-def]  # noqa: F821

    assert given(fn, "x=[1]", "y=3") == {"x": [1], "y": 3}


def test_defaults_are_applied() -> None:
    """What is not given is the function's."""

    def fn(a: int, b: str = "b") -> None: ...

    assert given(fn, "a=1") == {"a": 1, "b": "b"}


@pytest.mark.parametrize(
    ("hint", "text", "says"),
    [
        (int, "abc", "Input should be a valid integer"),
        (int, "1.5", "Input should be a valid integer"),
        (bool, "perhaps", "Input should be a valid boolean"),
        (Drink, "tea", "Input should be 'gin' or 'rum'"),
        (list[str], "gin", "Input should be a valid list, not 'gin'"),
        (list[int], "[1, x]", "1: Input should be a valid integer"),
        (Order, "{drink: gin, count: 0}", "count: Input should be greater than or equal to 1, not 0"),
    ],
)
def test_a_wrong_value_says_what_where_and_how(hint: object, text: str, says: str) -> None:
    """The option, the input with its type, the rule, and the value."""
    told = refused(takes(hint), f"x={text}")
    assert told.startswith(f"-i x={text}: input 'x' (")
    assert "has a wrong value. Correct the value." in told
    assert says in told


def test_many_mistakes_are_counted() -> None:
    """Five are told, the others counted."""
    told = refused(takes(list[int]), "x=[a, b, c, d, e, f, g]")
    assert told.count("Input should be") == 5
    assert told.endswith("and 2 more")


def test_text_that_is_not_yaml() -> None:
    """The place inside the option's text is told."""
    assert "is not JSON or YAML at line 1, column" in refused(takes(list[int]), "x=[1, 2")


def test_a_type_without_a_form() -> None:
    """A live object cannot come from the command line."""
    told = refused(takes(Client), "x=1")
    assert "cannot be given on the command line" in told


def test_names() -> None:
    """Unknown, missing and malformed options are told with what there is."""

    def fn(cabinet: list[str], skill: str = "beginner") -> None: ...

    told = refused(fn, "cabnet=[]")
    assert told.startswith("-i cabnet=[]: workflow 'flow' has no input 'cabnet'. Did you mean 'cabinet'?")
    assert "It takes cabinet, skill." in told
    assert refused(fn).startswith(
        "input 'cabinet' (list[str]) of workflow 'flow' is missing. Give it with -i cabinet="
    )
    assert "an input is written key=value" in refused(fn, "cabinet")
    assert "It takes none." in refused(lambda: None, "x=1")


# -------------------------------------------------------------------- files


def test_a_file_by_its_path(cli: Cli) -> None:
    """A model or dict may be named by its file, JSON or YAML, also where a text would do."""
    cli.write("order.yaml", "drink: rum\ncount: 3\n")
    cli.write("order.json", '{"drink": "gin", "count": 1}')
    rum, gin = Order(drink=Drink.RUM, count=3), Order(drink=Drink.GIN, count=1)
    assert given(takes(Order), "x=order.yaml") == {"x": rum}
    assert given(takes(Order | str), "x=order.json") == {"x": gin}
    assert given(takes(dict[str, object]), "x=order.json") == {"x": {"drink": "gin", "count": 1}}
    assert given(takes(str), "x=order.yaml") == {"x": "order.yaml"}
    assert given(takes(list[str] | str), "x=order.yaml") == {"x": "order.yaml"}


def test_a_file_by_an_at_sign(cli: Cli) -> None:
    """``@`` reads a file for any type; a text parameter gets its text."""
    cli.write("order.yaml", "drink: rum\ncount: 3\n")
    cli.write("names.yaml", "[a, b]")
    assert given(takes(Order), "x=@order.yaml")["x"] == Order(drink=Drink.RUM, count=3)
    assert given(takes(list[str]), "x=@names.yaml")["x"] == ["a", "b"]
    assert given(takes(int), f"x=@{cli.write('n.json', '12')}")["x"] == 12
    assert given(takes(str), "x=@names.yaml")["x"] == "[a, b]"


def test_mistakes_in_a_file_have_line_and_column(cli: Cli) -> None:
    """The line of the field, or of the object that lacks it."""
    cli.write("order.yaml", "# an order\ncount: 0\nnotes:\n  - a\n  - {b: 1}\n")
    told = refused(takes(Order), "x=order.yaml")
    assert told.startswith("order.yaml: input 'x' (")
    assert "order.yaml:2:8: count: Input should be greater than or equal to 1, not 0" in told
    assert "order.yaml:5:5: notes.1: Input should be a valid string" in told
    assert "order.yaml:2:1: drink: Field required" in told


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("bad.yaml", "a: 1\n b: 2\n", r"bad.yaml:2:3: not YAML: "),
        ("bad.yaml", "a: [1, 2\n", r"bad.yaml:2:1: not YAML: "),
        ("bad.yaml", "a: \x07", r"bad.yaml: not YAML: "),
        ("bad.json", '{"a": 1,\n "b" 2}', r"bad.json:2:6: not JSON: Expecting ':' delimiter"),
        ("bad.yaml", "2026-13-45", r"bad.yaml: not YAML: month must be in 1..12"),
    ],
)
def test_files_that_cannot_be_parsed(cli: Cli, name: str, text: str, says: str) -> None:
    """Line and column of the mistake, where the parser knows them."""
    cli.write(name, text)
    assert refused(takes(Order), f"x={name}").startswith(says)


def test_files_that_cannot_be_read(cli: Cli) -> None:
    """A missing file, and one that is not text."""
    assert refused(takes(Order), "x=none.yaml") == "none.yaml: there is no such file. Check the path."
    assert refused(takes(int), "x=@none.txt").startswith("none.txt: there is no such file")
    (cli.folder / "raw.yaml").write_bytes(b"\xff\xfe\x00")
    assert "must be UTF-8 text" in refused(takes(Order), "x=raw.yaml")


def test_all_inputs_from_one_file(cli: Cli) -> None:
    """A mapping gives inputs by name, typed like options; an option wins over it."""

    def fn(order: Order, table: Table, skill: str = "beginner") -> None: ...

    fn.__annotations__.update(order=Order, table=Table, skill=str)
    file = cli.write("in.yaml", "order: {drink: gin, count: 1}\ntable: {seats: 2}\nskill: expert\n")
    found = given(fn, "skill=novice", file=file)
    assert found == {"order": Order(drink=Drink.GIN, count=1), "table": Table(2), "skill": "novice"}


def test_mistakes_in_the_input_file(cli: Cli) -> None:
    """Unknown names and wrong values have their place; anything but a mapping is refused."""

    def fn(count: int) -> None: ...

    fn.__annotations__.update(count=int)
    file = cli.write("in.yaml", "count: many\n")
    assert f"{file}:1:8: Input should be a valid integer" in refused(fn, file=file)
    file = cli.write("in.yaml", "cuont: 3\n")
    assert refused(fn, file=file).startswith(
        f"{file}:1:8: workflow 'flow' has no input 'cuont'. Did you mean 'count'?"
    )
    file = cli.write("in.yaml", "- 3\n")
    assert "--input must hold a mapping of inputs, not list" in refused(fn, file=file)
    file = cli.write("in.yaml", "")
    assert "not nothing" in refused(fn, file=file)


def test_places_survive_aliases(cli: Cli) -> None:
    """A document that refers to itself has places too."""
    file = cli.write("in.yaml", "x: &a [1, *a]\n")
    found: Mapping[str, object] = given(takes(int), "x=3")
    assert found == {"x": 3}
    assert "in.yaml:1:4" in refused(takes(int), file=file)


def test_an_input_given_twice_is_refused() -> None:
    """Which of two values is meant cannot be known."""

    def flow(x: int) -> None: ...

    with pytest.raises(InputError, match=r"-i x=2: input 'x' is given twice"):
        given(flow, "x=1", "x=2")
