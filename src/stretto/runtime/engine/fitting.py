"""What people say, which is plain JSON, as values of the types that are wanted."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, Union, cast, get_type_hints

from stretto.core.values import canonical, snapshot
from stretto.core.values.secret import HIDDEN, MASK
from stretto.errors import InputError, ValueEncodingError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["fitted", "fitted_result"]

_WORDS: Final = {str: "text", bool: "true or false", int: "a whole number", list: "a list", dict: "an object"}


def fitted(plain: object, original: object) -> object:
    """`plain` as a value of `original`'s type. Raises InputError saying what does not fit."""
    if MASK in str(plain) and HIDDEN in canonical(original, hides_secrets=True):
        raise InputError(
            f"the edit has {MASK} in it, which stands for a secret that was not shown: give that itself."
        )
    kind = type(original)
    if original is None or (type(plain) is kind and kind in (str, bool, int, float)):
        return plain
    if kind is float and type(plain) is int:
        return float(plain)
    if kind in (list, dict) and type(plain) is kind and not _classes_in(original):
        return plain
    if kind in (str, bool, int, float):
        raise InputError(f"the value asked about is {_WORDS.get(kind, 'a number')}; the edit is {plain!r}.")
    return _validated(plain, original)


def fitted_result(said: object, fn: Callable[..., object]) -> object:
    """What a person says a step's result is, as a value of the type that the step's function names. A text may be the
    value or its JSON. Raises InputError saying what does not fit."""
    try:
        hint = get_type_hints(fn)["return"]
    except Exception:  # noqa: BLE001  # none, or one that does not resolve: annotations are the user's code
        return said
    try:
        return _as_hinted(said, hint)
    except ValueError as wrong:
        if isinstance(said, str):
            with suppress(ValueError):
                return _as_hinted(json.loads(said), hint)
        name = getattr(hint, "__name__", str(hint))
        reason = str(wrong).partition("\n")[2].strip().partition("\n")[0] or str(wrong)
        raise InputError(f"the step's result is {name}; the answer does not fit it: {reason}") from None


def _as_hinted(plain: object, hint: object) -> object:
    from pydantic import TypeAdapter

    return snapshot(TypeAdapter(cast("Any", hint)).validate_python(plain))


def _classes_in(value: object) -> bool:
    """Whether something in a list or a dict, however deep, is more than plain JSON."""
    if type(value) in (list, dict):
        return any(
            map(_classes_in, value.values() if isinstance(value, dict) else cast("list[object]", value))
        )
    return type(value) not in (str, bool, int, float, type(None))


def _validated(plain: object, original: object) -> object:
    from pydantic import TypeAdapter, ValidationError

    try:
        return snapshot(TypeAdapter(cast("Any", _hint_of(original))).validate_python(plain))
    except ValidationError as error:
        first = error.errors()[0]
        place = "".join(f"[{part!r}]" for part in first["loc"])
        raise InputError(f"the edit does not fit {type(original).__name__}{place}: {first['msg']}.") from None
    except ValueEncodingError as error:
        raise InputError(f"the edit cannot be journaled: {error}.") from None


def _hint_of(original: object) -> object:
    """A type hint for values like this one: its class, and for containers what is in them."""
    kind = type(original)
    if isinstance(original, (list, tuple)) and kind in (list, tuple) and original:
        part = _hint_of_all(original)
        return list[part] if kind is list else tuple[part, ...]  # type: ignore[valid-type]  # a hint found at run time
    if isinstance(original, dict) and kind is dict and original:
        return dict[_hint_of_all(original), _hint_of_all(original.values())]  # type: ignore[misc]  # as above
    return kind


def _hint_of_all(values: Iterable[object]) -> object:
    return Union[tuple(dict.fromkeys(map(_hint_of, values)))]  # noqa: UP007  # made at run time
