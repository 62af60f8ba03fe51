"""A person's edit, which is plain JSON, as a value of the type that was asked about."""

from __future__ import annotations

from typing import Any, Final, cast

from stretto.core.values import canonical, snapshot
from stretto.core.values.secret import HIDDEN, MASK
from stretto.errors import InputError, ValueEncodingError

__all__ = ["fitted"]

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


def _classes_in(value: object) -> set[type]:
    """What a list's items, or a dict's values, are beside plain JSON."""
    parts = value if isinstance(value, list) else list(value.values()) if isinstance(value, dict) else []
    return {type(part) for part in parts} - {str, bool, int, float, type(None), list, dict}


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
    kind = type(original)
    if isinstance(original, (list, tuple)) and original:
        kinds = {type(part) for part in original}
        if len(kinds) == 1:
            part = next(iter(kinds))
            return list[part] if kind is list else tuple[part, ...]  # type: ignore[valid-type]  # a class found at run time
    if isinstance(original, dict) and original:
        kinds = {type(part) for part in original.values()}
        if len(kinds) == 1:
            return dict[str, next(iter(kinds))]  # type: ignore[misc]  # as above
    return kind
