"""Inputs as templates."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from stretto.core.graph import Source, fill, is_projected, project, sources_in


@dataclass
class Menu:
    title: str
    drinks: list[str]


NESTED = {"a": [Source(1), (Source(2), 3)], "b": Source(1), "c": "text"}


def test_sources_are_found_in_list_tuple_and_dict() -> None:
    """All of them, at any depth, each once."""
    assert sources_in(NESTED) == {1, 2}
    assert sources_in("text") == frozenset()


def test_filling_replaces_sources_only() -> None:
    """Containers keep their types, plain parts their values."""
    assert fill(NESTED, lambda source: source._index * 10) == {"a": [10, (20, 3)], "b": 10, "c": "text"}


def test_plain_objects_are_handed_on_as_they_are() -> None:
    """What holds no source is not rebuilt."""
    menu = Menu("x", [])
    assert fill(menu, lambda source: None) is menu


def test_projection_goes_field_by_field() -> None:
    """``ref.drinks[1]`` takes the field, then the item."""
    value = Menu("late", ["negroni", "spritz"])
    assert project(value, (("attr", "drinks"), ("item", 1))) == "spritz"
    assert project(value, ()) is value


@pytest.mark.parametrize(
    ("projection", "error"),
    [
        ((("attr", "price"),), AttributeError),
        ((("attr", "drinks"), ("item", 9)), IndexError),
        ((("item", "title"),), TypeError),
    ],
)
def test_a_projection_that_does_not_fit_raises_as_python_does(
    projection: tuple[tuple[str, object], ...], error: type[Exception]
) -> None:
    """The error is Python's own; whoever calls names the step."""
    with pytest.raises(error):
        project(Menu("late", []), projection)


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        (Source(1), False),
        (Source(1, (("attr", "x"),)), True),
        ([1, {"k": (Source(1, (("item", 0),)),)}], True),
        ([1, {"k": (Source(1),)}], False),
        ("plain", False),
    ],
)
def test_a_narrowed_source_is_found_anywhere(template: object, expected: bool) -> None:
    """A template is projected if any of its sources is."""
    assert is_projected(template) is expected
