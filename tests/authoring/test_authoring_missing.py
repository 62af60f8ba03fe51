"""An optional step without a default needs consumers whose annotation admits `Missing`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from authoring.authoring_cases import HEAD, load_file, refusal
from stretto import Missing
from stretto.errors import DefinitionError

if TYPE_CHECKING:
    from pathlib import Path

CONSUMER = """
@step(inline=True)
def take({signature}):
    return ({names},)

"""
FLOW = """
@workflow
def flow(x=1):
    return {call}
"""
REFUSED = {
    "plain type": ("value: int", "take(maybe(x))"),
    "quoted": ("value: 'int'", "take(maybe(x))"),
    "Optional": ("value: Optional[int]", "take(maybe(x))"),
    "or None": ("value: int | None", "take(maybe(x))"),
    "a list of Missing is no Missing": ("value: list[int | Missing]", "take(maybe(x))"),
    "a similar name": ("value: MissingPart", "take(maybe(x))"),
    "Missing as text": ("value: Annotated[int, 'no Missing here']", "take(maybe(x))"),
    "by keyword": ("value: int", "take(value=maybe(x))"),
    "keyword only": ("*, value: int", "take(value=maybe(x))"),
    "second": ("first, value: int", "take(1, maybe(x))"),
    "surplus": ("*value: int", "take(1, maybe(x))"),
    "surplus beside keywords": ("*value: int, **rest: object", "take(maybe(x))"),
    "any keyword": ("**value: int", "take(a=maybe(x))"),
    "any keyword beside surplus": ("*rest: object, **value: int", "take(a=maybe(x))"),
    "in a list": ("value: list[int]", "take([maybe(x)])"),
    "in a dict in a tuple": ("value: tuple[dict[str, int]]", "take(({'a': maybe(x)},))"),
    "item of a map": ("value: int", "take.map([1, maybe(x)])"),
    "fixed argument of a map": ("item, value: int", "take.map([1], value=maybe(x))"),
    "map over a map": ("value: int", "take.map(maybe.map([1]))"),
    "the list of a map": ("value: list[int]", "take(maybe.map([1]))"),
    "an item of a map": ("value: int", "take(maybe.map([1])[0])"),
}
ADMITTED = {
    "not annotated": ("value", "take(maybe(x))"),
    "Any": ("value: Any", "take(maybe(x))"),
    "object": ("value: object", "take(maybe(x))"),
    "union": ("value: int | Missing", "take(maybe(x))"),
    "quoted": ("value: 'int | Missing'", "take(maybe(x))"),
    "half quoted": ("value: Optional['int | Missing']", "take(maybe(x))"),
    "Optional": ("value: Optional[Missing]", "take(maybe(x))"),
    "Union": ("value: typing.Union[int, Missing]", "take(maybe(x))"),
    "Annotated": ("value: Annotated[int | Missing, 'seconds']", "take(maybe(x))"),
    "dotted": ("value: int | stretto.Missing", "take(maybe(x))"),
    "alone": ("value: Missing", "take(maybe(x))"),
    "by keyword": ("value: int | Missing", "take(value=maybe(x))"),
    "keyword only": ("*, value: int | Missing", "take(value=maybe(x))"),
    "surplus": ("*value: int | Missing", "take(1, maybe(x))"),
    "surplus beside keywords": ("*value: int | Missing, **rest: int", "take(maybe(x))"),
    "any keyword": ("**value: int | Missing", "take(a=maybe(x))"),
    "any keyword beside surplus": ("*rest: int, **value: int | Missing", "take(a=maybe(x))"),
    "in a list": ("value: list[int | Missing]", "take([maybe(x)])"),
    "quoted in a list": ("value: list['int | Missing']", "take([maybe(x)])"),
    "in a bare list": ("value: list", "take([maybe(x)])"),
    "in anything": ("value: dict[str, object]", "take({'a': maybe(x)})"),
    "item of a map": ("value: int | Missing", "take.map([1, maybe(x)])"),
    "fixed argument of a map": ("item, value: int | Missing", "take.map([1], value=maybe(x))"),
    "map over a map": ("value: int | Missing", "take.map(maybe.map([1]))"),
    "map with surplus arguments": ("*value: int | Missing", "take.map(maybe.map([1]))"),
    "the list of a map": ("value: list[int | Missing]", "take(maybe.map([1]))"),
    "an item of a map": ("value: int | Missing", "take(maybe.map([1])[0])"),
    "only for order": ("value: int", "take.after(maybe(x))(1)"),
}
EAGER_HEAD = HEAD.replace("from __future__ import annotations\n", "")
EXTRA = "import stretto\nimport typing\nfrom typing import Annotated\nclass MissingPart: pass\n"


def consumer(signature: str) -> str:
    """A step with that signature, annotations kept as text."""
    names = "value" if "value" in signature else "None"
    return EXTRA + CONSUMER.format(signature=signature, names=names)


@pytest.mark.parametrize("name", REFUSED)
def test_a_type_without_missing_is_refused(name: str, tmp_path: Path) -> None:
    """The error names consumer, parameter and producer, and both ways to mend it."""
    signature, call = REFUSED[name]
    error = refusal(tmp_path, f"return {call}", consumer(signature))
    assert "'maybe'" in str(error)
    assert "`Missing`" in error.what
    assert "| Missing`" in (error.mend or "")
    assert "default=" in (error.mend or "")


@pytest.mark.parametrize("name", ADMITTED)
def test_a_type_that_admits_missing_is_accepted(name: str, tmp_path: Path) -> None:
    """However the annotation is spelled, and wherever the value is passed."""
    signature, call = ADMITTED[name]
    module, _ = load_file(tmp_path, consumer(signature) + FLOW.format(call=call))
    assert module.flow.run().status == "succeeded"


@pytest.mark.parametrize("name", ["plain type", "Optional", "a list of Missing is no Missing", "in a list"])
def test_annotation_objects_without_missing_are_refused(name: str, tmp_path: Path) -> None:
    """Without `from __future__ import annotations` the verdict is the same."""
    signature, call = REFUSED[name]
    module, _ = load_file(tmp_path, consumer(signature) + FLOW.format(call=call), EAGER_HEAD)
    with pytest.raises(DefinitionError, match="does not admit it"):
        module.flow.trace()


@pytest.mark.parametrize(
    "name", ["Any", "object", "union", "Union", "half quoted", "Annotated", "dotted", "quoted in a list"]
)
def test_annotation_objects_that_admit_missing_are_accepted(name: str, tmp_path: Path) -> None:
    """The classes themselves are known by their names."""
    signature, call = ADMITTED[name]
    module, _ = load_file(tmp_path, consumer(signature) + FLOW.format(call=call), EAGER_HEAD)
    assert module.flow.run().status == "succeeded"


@pytest.mark.parametrize(("rest", "is_admitted"), [("int", False), ("int | Missing", True)])
def test_an_annotation_whose_text_is_no_python_is_searched_for_the_word(
    rest: str, is_admitted: bool, tmp_path: Path
) -> None:
    """An `Annotated` with an object in it prints as something that cannot be parsed."""
    code = consumer(f"value: Annotated[{rest}, object()]") + FLOW.format(call="take(maybe(x))")
    module, _ = load_file(tmp_path, code, EAGER_HEAD)
    try:
        module.flow.trace()
    except DefinitionError:
        assert not is_admitted
    else:
        assert is_admitted


def test_a_projection_of_what_may_be_missing_is_refused(tmp_path: Path) -> None:
    """`Missing` has no fields: the error says to take the field in a step or to give a default."""
    error = refusal(tmp_path, "ref = maybe(x)\nreturn use(ref.name)  # here")
    assert "narrowed by 'name'" in error.what
    assert "default=" in (error.mend or "")


def test_a_field_of_one_item_of_a_map_of_optional_steps_is_refused(tmp_path: Path) -> None:
    """The list can be indexed; what stands there may be `Missing`."""
    error = refusal(tmp_path, 'ref = maybe.map([{"a": 1}])\nreturn use(ref[0]["a"])  # here')
    assert "narrowed by 'a'" in error.what


def test_a_default_lifts_the_duty(tmp_path: Path) -> None:
    """A consumer of a step with a default never sees `Missing`."""
    extra = (
        "@step(inline=True, optional=True, default=0)\ndef spare(x):\n    raise ValueError(x)\n"
        "@step(inline=True)\ndef take(value: int):\n    return value + 1\n"
    )
    module, _ = load_file(
        tmp_path, extra + FLOW.format(call="[take(spare(x)), take.named('b')(spare.named('c')(x))]")
    )
    assert module.flow.run().value == [1, 1]


def test_members_of_a_group_may_be_missing(tmp_path: Path) -> None:
    """A group makes its members optional, whatever they were declared to be."""
    body = 'with group("g"):\n    ref = load(x)\nreturn take(ref)  # here'
    assert "'load'" in str(refusal(tmp_path, body, consumer("value: int")))


def test_members_of_a_group_with_a_default_are_never_missing(tmp_path: Path) -> None:
    """Their default is what consumers get."""
    extra = consumer("value: int") + (
        "@step(inline=True, optional=True, default=5)\ndef spare(x):\n    raise ValueError(x)\n"
    )
    flow = '@workflow\ndef flow(x=1):\n    with group("g"):\n        ref = spare(x)\n    return take(ref)\n'
    module, _ = load_file(tmp_path, extra + flow)
    assert module.flow.run().value == (5,)


def test_a_map_in_a_group_may_be_missing_as_a_whole(tmp_path: Path) -> None:
    """The anchor is the member: a plain list type does not admit its loss."""
    body = 'with group("g"):\n    refs = load.map([1])\nreturn take(refs)  # here'
    assert "'load'" in str(refusal(tmp_path, body, consumer("value: list[int]")))
    assert "'load'" in str(refusal(tmp_path, body, consumer("value: list[int | Missing]")))


def test_missing_says_which_step_was_lost_and_why(tmp_path: Path) -> None:
    """The consumer gets the step's path, the way it ended, and its error's text."""
    module, _ = load_file(tmp_path, FLOW.format(call='use(maybe("lost"))'))
    value = module.flow.run().value
    assert isinstance(value, Missing)
    assert (value.step, value.reason) == ("maybe", "failed")
    assert "lost" in value.detail
