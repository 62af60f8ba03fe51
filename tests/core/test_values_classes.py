"""Which classes a type hint admits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Annotated, Generic, Literal, NamedTuple, NewType, TypedDict, TypeVar

import pytest
from pydantic import BaseModel, PrivateAttr, RootModel

from stretto.core.values import class_name, classes_in, decode, encode

if TYPE_CHECKING:
    from decimal import Decimal as Unseen


class Size(Enum):
    S = 1


class Pair(NamedTuple):
    size: Size
    other: Leaf


@dataclass
class Leaf:
    number: int


@dataclass
class SubLeaf(Leaf):
    size: Size


@dataclass
class Tree:
    left: Tree | None
    leaves: dict[str, list[Leaf]]


@dataclass
class Partly:
    unseen: Unseen
    size: Size


class Inner(BaseModel):
    size: Size


class Outer(BaseModel):
    inner: list[Inner]
    _kept: Pair | None = PrivateAttr(default=None)


Item = TypeVar("Item", bound=Leaf)
One = TypeVar("One", Inner, Size)


class Box(BaseModel, Generic[Item]):
    item: Item


@dataclass
class Crate(Generic[One]):
    one: One


class Rows(RootModel[list[Inner]]):
    pass


class Options(TypedDict):
    size: Size


SizeId = NewType("SizeId", Size)


@pytest.mark.parametrize(
    ("hint", "expected"),
    [
        (int, set()),
        (object, set()),
        (list[dict[str, tuple[int, ...]]], set()),
        (BaseModel, set()),
        (Enum, set()),
        (Size, {Size}),
        (Size | None, {Size}),
        (list[tuple[Size, ...]], {Size}),
        (Annotated[Size, "doc"], {Size}),
        (Literal[Size.S], {Size}),
        (SizeId, {Size}),
        (Callable[[Size], Inner], {Size, Inner}),
        (Options, {Size}),
        (Inner, {Inner, Size}),
        (Outer, {Outer, Inner, Size, Pair, Leaf, SubLeaf}),
        (Pair, {Pair, Size, Leaf, SubLeaf}),
        (Leaf, {Leaf, SubLeaf, Size}),
        (Tree, {Tree, Leaf, SubLeaf, Size}),
        (Box[Leaf], {Box[Leaf], Leaf, SubLeaf, Size}),
        (Crate[Inner], {Crate, Inner, Size}),
        (Crate, {Crate, Inner, Size}),
        (Rows, {Rows, Inner, Size}),
        (Partly, {Partly, Size}),
    ],
    ids=str,
)
def test_classes_are_found_through_everything(hint: object, expected: set[type]) -> None:
    """Unions, containers, aliases, fields, private attributes, type variables, subclasses; nothing else."""
    assert classes_in(hint) == {class_name(cls): cls for cls in expected}


def test_the_mapping_decodes_what_the_hint_admits() -> None:
    """A subclass in a field typed as its base comes back as itself."""
    value = Tree(Tree(None, {}), {"a": [Leaf(1), SubLeaf(2, Size.S)]})
    assert decode(encode(value), classes_in(Tree)) == value
    boxed = Box[Leaf](item=Leaf(1))
    assert decode(encode(boxed), classes_in(Box[Leaf])) == boxed


def test_a_class_defined_again_is_found_in_its_newest_form() -> None:
    """In a notebook, running a cell again leaves the old class alive under the same name."""

    @dataclass
    class Base:
        number: int

    older = type("Again", (Base,), {"__module__": "notebook", "__qualname__": "Again"})
    newer = type("Again", (Base,), {"__module__": "notebook", "__qualname__": "Again"})
    assert classes_in(Base)["notebook:Again"] is newer
    assert older is not newer
