"""A run's inputs from the command line, given the types that the workflow's function declares.

``-i key=value``: a text parameter takes the text as it is; numbers, booleans, dates and enums are read from
it; lists, dicts and models from JSON or YAML, or from a file: ``-i key=@file.yaml``, or just its path where
the type is a model or a dict. ``--input FILE`` gives all of them as one mapping; ``-i`` wins over it.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from functools import reduce
from operator import or_
from pathlib import Path
from types import UnionType
from typing import TYPE_CHECKING, Any, NamedTuple, Union, cast, get_args, get_origin, get_type_hints

from stretto.errors import InputError
from stretto.service.cli.documents import SUFFIXES, Document, read_document, read_text

if TYPE_CHECKING:
    from pydantic import TypeAdapter, ValidationError

    from stretto.api.workflow import Workflow
    from stretto.authoring.workflow import Definition

__all__ = ["GIVEN", "chosen_inputs", "given_inputs", "inputs_for"]

GIVEN = "the ones given"

_UNTYPED = (inspect.Parameter.empty, object, Any)
_SHOWN = 5


class _Slot(NamedTuple):
    """One parameter of the workflow: its name and its type, and the workflow's name for errors."""

    workflow: str
    name: str
    hint: object

    @property
    def label(self) -> str:
        kind = "" if self.hint in _UNTYPED else f" ({inspect.formatannotation(self.hint)})"
        return f"input {self.name!r}{kind} of workflow {self.workflow!r}"


def inputs_for(definition: Definition, pairs: Sequence[str], file: Path | None) -> dict[str, object]:
    """The inputs by name, defaults applied. Raises `InputError`: what, where, how to mend it."""
    slots = _slots(definition)
    given: dict[str, object] = {}
    if file is not None:
        given.update(_from_file(definition, slots, file))
    given.update(given_inputs(definition, pairs))
    _refuse_missing(definition, slots, given)
    return definition.bind((), given)


def given_inputs(definition: Definition, pairs: Sequence[str], flag: str = "-i") -> dict[str, object]:
    """Only the inputs that `pairs` give, as what `flag` stood before them. Raises `InputError`."""
    slots = _slots(definition)
    given: dict[str, object] = {}
    for pair in pairs:
        name, text = _split(pair, flag)
        if name in given:
            raise InputError(f"{flag} {pair}: input {name!r} is given twice; give it once.")
        given[name] = _from_text(_slot(definition, slots, name, f"{flag} {pair}"), text, flag)
    return given


def chosen_inputs(
    workflow: Workflow[..., object], pairs: Sequence[str], file: Path | None
) -> tuple[dict[str, object], str]:
    """The inputs and where they are from: given ones, else the workflow's example, else its defaults ("" where it
    takes none). Raises as `inputs_for`."""
    if pairs or file is not None:
        return inputs_for(workflow.definition, pairs, file), GIVEN
    if workflow.example is not None:
        return workflow.definition.bind((), workflow.example), "the workflow's example, as none were given"
    defaults = inputs_for(workflow.definition, (), None)
    return defaults, "the workflow's defaults" if defaults else ""


def _slots(definition: Definition) -> dict[str, _Slot]:
    """Parameters with their types; one whose annotation does not resolve at run time counts as untyped."""
    hints: dict[str, object] = {}
    for name, parameter in definition.signature.parameters.items():
        hints[name] = parameter.annotation
    try:
        hints.update(get_type_hints(definition.fn, include_extras=True))
    except Exception:  # noqa: BLE001  # annotations are the user's code and may raise anything
        hints = {name: _resolved(definition, hint) for name, hint in hints.items()}
    return {name: _Slot(definition.name, name, hints[name]) for name in definition.signature.parameters}


def _resolved(definition: Definition, hint: object) -> object:
    if not isinstance(hint, str):
        return hint
    scope = {"__annotations__": {"hint": hint}}
    try:
        return get_type_hints(type("Alone", (), scope), getattr(definition.fn, "__globals__", {}))["hint"]
    except Exception:  # noqa: BLE001  # as above
        return object


def _slot(definition: Definition, slots: Mapping[str, _Slot], name: str, where: str) -> _Slot:
    if name in slots:
        return slots[name]
    close = get_close_matches(name, slots, n=1)
    meant = f" Did you mean {close[0]!r}?" if close else ""
    known = f"It takes {', '.join(slots)}." if slots else "It takes none."
    raise InputError(f"{where}: workflow {definition.name!r} has no input {name!r}.{meant} {known}")


def _split(pair: str, flag: str) -> tuple[str, str]:
    name, equals, text = pair.partition("=")
    if not equals or not name.strip():
        raise InputError(f"{flag} {pair}: an input is written key=value, e.g. {flag} limit=3.")
    return name.strip(), text


def _refuse_missing(definition: Definition, slots: Mapping[str, _Slot], given: Mapping[str, object]) -> None:
    optional = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
    for name, parameter in definition.signature.parameters.items():
        is_needed = parameter.default is parameter.empty and parameter.kind not in optional
        if is_needed and name not in given:
            raise InputError(
                f"{slots[name].label} is missing. Give it with -i {name}=…, or all inputs with --input FILE."
            )


# -------------------------------------------------------------------- files


def _from_file(definition: Definition, slots: Mapping[str, _Slot], file: Path) -> dict[str, object]:
    document = read_document(file)
    if not isinstance(document.value, Mapping):
        kind = "nothing" if document.value is None else type(document.value).__name__
        raise InputError(f"{document.place(())}: --input must hold a mapping of inputs, not {kind}.")
    found: dict[str, object] = {}
    for name, value in document.value.items():
        slot = _slot(definition, slots, str(name), document.place((str(name),)))
        found[slot.name] = _fitted(slot, slot.hint, value, (document, (slot.name,)))
    return found


Origin = tuple[Document, tuple[str | int, ...]] | str
"""Where a value stands: a part of a document, or the words of an option."""


def _from_document(slot: _Slot, path: Path) -> object:
    document = read_document(path)
    return _fitted(slot, _structural(slot.hint) or slot.hint, document.value, (document, ()))


# -------------------------------------------------------------------- texts


def _from_text(slot: _Slot, text: str, flag: str) -> object:
    structural = _structural(slot.hint)
    if text.startswith("@@"):
        text = text[1:]
    elif text.startswith("@"):
        path = Path(text[1:])
        return _from_document(slot, path) if structural or slot.hint is not str else read_text(path)
    if slot.hint in _UNTYPED:
        return _json_or_text(text)
    if structural is not None and _names_file(text, structural):
        return _from_document(slot, Path(text))
    if _admits_text(slot.hint):
        return text
    return _read(slot, text, flag, is_structure=structural is not None)


def _read(slot: _Slot, text: str, flag: str, *, is_structure: bool) -> object:
    """A number, date, enum… straight from its text; a structure, and what is left, from JSON or YAML."""
    from pydantic import ValidationError

    origin = f"{flag} {slot.name}={text}"
    if not is_structure:
        try:
            return _adapter(slot, slot.hint).validate_python(text)
        except ValidationError as error:
            refusal = _refusal(slot, error, origin)
    parsed = _parsed(slot, text, origin)
    if not is_structure and isinstance(parsed, str | dict | list):
        raise refusal
    return _fitted(slot, slot.hint, parsed, origin)


def _parsed(slot: _Slot, text: str, origin: str) -> object:
    import yaml

    try:
        value: object = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        place = f" at line {mark.line + 1}, column {mark.column + 1}" if mark is not None else ""
        what = getattr(error, "problem", None) or str(error)
        raise InputError(
            f"{origin}: {slot.label} is not JSON or YAML{place}: {what}. Quote it for the shell."
        ) from None
    return value


def _json_or_text(text: str) -> object:
    try:
        value: object = json.loads(text)
    except ValueError:
        return text
    return value


def _names_file(text: str, structural: object) -> bool:
    """Whether a text for a model or dict is a path: it ends like one, or a file of that name is there."""
    if not any(_is_mapping(part) for part in _members(structural)) or text.lstrip()[:1] in ("{", "["):
        return False
    if "\n" in text or ": " in text:
        return False
    return text.lower().endswith(SUFFIXES) or Path(text).is_file()


# -------------------------------------------------------------------- types


def _members(hint: object) -> tuple[object, ...]:
    return get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)


def _structural(hint: object) -> object | None:
    """The part of a type that text must be parsed for: its collections and models; None without any."""
    kept = [part for part in _members(hint) if _is_mapping(part) or _is_collection(part)]
    return reduce(or_, kept) if kept else None


def _is_mapping(hint: object) -> bool:
    kind = get_origin(hint) or hint
    if not isinstance(kind, type):
        return False
    is_record = hasattr(kind, "__pydantic_fields__") or hasattr(kind, "__dataclass_fields__")
    return is_record or hasattr(kind, "__total__") or issubclass(kind, Mapping)


def _is_collection(hint: object) -> bool:
    kind = get_origin(hint) or hint
    if not isinstance(kind, type) or issubclass(kind, str | bytes):
        return False
    return issubclass(kind, (Sequence, set, frozenset))


def _admits_text(hint: object) -> bool:
    return str in _members(hint)


def _adapter(slot: _Slot, hint: object) -> TypeAdapter[object]:
    from pydantic import PydanticUserError, TypeAdapter
    from pydantic.errors import PydanticSchemaGenerationError

    try:
        return TypeAdapter(cast("type[object]", hint))
    except (PydanticSchemaGenerationError, PydanticUserError):
        raise InputError(
            f"{slot.label} cannot be given on the command line: its type has no form as JSON or YAML. "
            "Use plain types, dataclasses or pydantic models, or run the workflow from Python."
        ) from None


def _fitted(slot: _Slot, hint: object, value: object, origin: Origin) -> object:
    from pydantic import ValidationError

    if hint in _UNTYPED:
        return value
    try:
        return _adapter(slot, hint).validate_python(value)
    except ValidationError as error:
        raise _refusal(slot, error, origin) from None


def _refusal(slot: _Slot, error: ValidationError, origin: Origin) -> InputError:
    found = error.errors(include_url=False, include_context=False)
    told = [f"  {_problem(each['loc'], each['msg'], each['input'], origin)}" for each in found[:_SHOWN]]
    if len(found) > _SHOWN:
        told.append(f"  and {len(found) - _SHOWN} more")
    where = origin if isinstance(origin, str) else origin[0].source
    mend = "Correct the value." if isinstance(origin, str) else "Correct the file."
    return InputError("\n".join([f"{where}: {slot.label} has a wrong value. {mend}", *told]))


def _problem(loc: tuple[str | int, ...], message: str, value: object, origin: Origin) -> str:
    shown = repr(value)
    short = shown if len(shown) <= 60 else f"{shown[:57]}…"
    field = ".".join(str(part) for part in loc)
    if isinstance(origin, str):
        return f"{field + ': ' if field else ''}{message}, not {short}"
    document, way = origin
    return f"{document.place((*way, *loc))}: {field + ': ' if field else ''}{message}, not {short}"
