"""Values from JSON text: the inverse of `encoding`.

Nothing is imported on the text's behalf and no user code runs: classes come from the caller's mapping,
values are built from their state.
"""

from __future__ import annotations

import json
from binascii import a2b_base64
from datetime import date, timedelta
from enum import Enum, Flag
from typing import TYPE_CHECKING, Final, TypeVar, cast

from stretto.core.values.atoms import load_stdlib
from stretto.core.values.clocks import ClockForm, read_datetime, read_time
from stretto.core.values.encoding import TAG
from stretto.core.values.missing import Missing
from stretto.core.values.places import join_places, texts_of
from stretto.core.values.secret import REDACTED, meet
from stretto.core.values.shapes import Shape, State, shape_of
from stretto.errors import ValueEncodingError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from stretto.core.values.missing import MissingReason

__all__ = ["decode", "decode_json"]

_T = TypeVar("_T")
_Json = dict[str, object]
_NO_CLASSES: Final[Mapping[str, type]] = {}


def decode(text: str, classes: Mapping[str, type] | None = None) -> object:
    """The value that `encode` wrote. `classes` (name -> class, see `classes_in`) are all it may build.

    Raises `ValueEncodingError`, with the place, for classes that are not given or have changed their
    fields, and for text that `encode` does not write.
    """
    try:
        form = json.loads(text, parse_constant=_refuse_constant)
    except ValueError as bad:
        raise ValueEncodingError(f"this is no encoded value: {bad}", where="", type_name="text") from None
    except RecursionError:
        raise ValueEncodingError(_TOO_DEEP, where="", type_name="text") from None
    return decode_json(form, classes)


def decode_json(form: object, classes: Mapping[str, type] | None = None) -> object:
    """Like `decode`, from the JSON that `encode_json` made or that was part of a larger document."""
    reader = _Reader(_NO_CLASSES if classes is None else classes)
    try:
        return reader.read(form)
    except _Unreadable as bad:
        raise ValueEncodingError(bad.problem, where=join_places(bad.places), type_name=bad.name) from None
    except RecursionError:
        raise ValueEncodingError(_TOO_DEEP, where="", type_name="text") from None


_MEND: Final = "put it back as it was, or run the step again"
_TOO_DEEP: Final = "it nests too deep to be an encoded value: was it written by something else?"


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is not JSON")


class _Unreadable(Exception):  # noqa: N818 - becomes a ValueEncodingError with its place
    """A form that cannot be read. `places` grows from the inside out."""

    def __init__(self, problem: str, name: str) -> None:
        self.problem = problem
        self.name = name
        self.places: list[str] = []
        super().__init__(problem)


class _Reader:
    def __init__(self, classes: Mapping[str, type]) -> None:
        self.classes = classes

    def read(self, form: object) -> object:
        kind = type(form)
        if kind is list:
            return self.items(form)
        if kind is not dict:
            return form
        entries = cast("_Json", form)
        return self._tagged(entries) if TAG in entries else self.entries(entries)

    def items(self, form: object) -> list[object]:
        read: list[object] = []
        try:
            for each in _expect(form, list):
                read.append(self.read(each))
        except _Unreadable as bad:
            bad.places.insert(0, f"[{len(read)}]")
            raise
        return read

    def entries(self, form: _Json, place: str = '["{}"]') -> dict[str, object]:
        read: dict[str, object] = {}
        key = ""
        try:
            for key, part in form.items():
                read[key] = self.read(part)
        except _Unreadable as bad:
            bad.places.insert(0, place.format(key))
            raise
        return read

    def attributes(self, form: object) -> dict[str, object]:
        """A dict with text keys, in whichever of its two forms; its places read as attributes."""
        entries = _expect(form, dict)
        if TAG in entries:
            return cast("dict[str, object]", _expect(self.read(form), dict))
        return self.entries(entries, ".{}")

    def class_of(self, form: _Json) -> type:
        name = _expect(form["class"], str)
        cls = self.classes.get(name)
        if cls is None:
            raise _Unreadable(
                "its class is none of those this workflow is known to use: name it in the type hints of a "
                "step (outside `if TYPE_CHECKING`), or put it back where it was",
                name,
            )
        return cls

    def _tagged(self, form: _Json) -> object:
        tag = form[TAG]
        reader = _READERS.get(tag) if isinstance(tag, str) else None
        if reader is None:
            raise _Unreadable(
                "this form is not known: a newer Stretto or something else wrote it", f"{tag!r}"
            )
        try:
            return reader(self, form)
        except (LookupError, ValueError, TypeError, ArithmeticError, OSError) as bad:
            raise _Unreadable(f"this form is damaged ({type(bad).__name__}: {bad})", f"{tag}") from None


def _expect(form: object, kind: type[_T]) -> _T:
    if type(form) is not kind:
        raise TypeError(f"expected {kind.__name__}, got {type(form).__name__}")
    return form


def _str(_reader: _Reader, form: _Json) -> str:
    return _data(form).decode("utf-8", "surrogatepass")


def _text(reader: _Reader, form: object) -> str:
    return _expect(reader.read(form), str)


def _data(form: _Json) -> bytes:
    return a2b_base64(_expect(form["v"], str), strict_mode=True)


def _bytes(_reader: _Reader, form: _Json) -> object:
    return _data(form)


def _bytearray(_reader: _Reader, form: _Json) -> object:
    return bytearray(_data(form))


def _integer(_reader: _Reader, form: _Json) -> object:
    return int(_expect(form["v"], str), 16)


def _float(_reader: _Reader, form: _Json) -> object:
    return float(_expect(form["v"], str))


def _complex(reader: _Reader, form: _Json) -> object:
    real, imaginary = (_expect(part, float) for part in reader.items(form["v"]))
    return complex(real, imaginary)


def _tuple(reader: _Reader, form: _Json) -> object:
    return tuple(reader.items(form["v"]))


def _set(reader: _Reader, form: _Json) -> object:
    return set(reader.items(form["v"]))


def _frozenset(reader: _Reader, form: _Json) -> object:
    return frozenset(reader.items(form["v"]))


def _dict(reader: _Reader, form: _Json) -> object:
    return {reader.read(key): reader.read(part) for key, part in map(_pair, _expect(form["v"], list))}


def _pair(form: object) -> tuple[object, object]:
    key, part = _expect(form, list)
    return key, part


def _decimal(_reader: _Reader, form: _Json) -> object:
    return load_stdlib("decimal")(_expect(form["v"], str))


def _uuid(_reader: _Reader, form: _Json) -> object:
    return load_stdlib("uuid")(_expect(form["v"], str))


def _path(reader: _Reader, form: _Json) -> object:
    kind = _expect(form["kind"], str)
    if not kind.endswith("Path"):
        raise ValueError(f"{kind} is no kind of path")
    return load_stdlib(kind)(_text(reader, form["v"]))


def _clock(reader: _Reader, form: _Json) -> ClockForm:
    return ClockForm(
        v=_expect(form["v"], str),
        zone=_optional(form, "zone", str),
        offset=_optional(form, "offset", int),
        name=None if "name" not in form else _text(reader, form["name"]),
        fold=_optional(form, "fold", int) or 0,
    )


def _optional(form: _Json, key: str, kind: type[_T]) -> _T | None:
    return _expect(form[key], kind) if key in form else None


def _datetime(reader: _Reader, form: _Json) -> object:
    return read_datetime(_clock(reader, form))


def _time(reader: _Reader, form: _Json) -> object:
    return read_time(_clock(reader, form))


def _date(_reader: _Reader, form: _Json) -> object:
    return date.fromisoformat(_expect(form["v"], str))


def _timedelta(_reader: _Reader, form: _Json) -> object:
    days, seconds, microseconds = (_expect(part, int) for part in _expect(form["v"], list))
    return timedelta(days, seconds, microseconds)


def _missing(reader: _Reader, form: _Json) -> object:
    reason = cast("MissingReason", _expect(form["reason"], str))
    return Missing(_text(reader, form["step"]), reason, _text(reader, form["detail"]))


def _enum(reader: _Reader, form: _Json) -> object:
    cls, name = reader.class_of(form), _expect(form["name"], str)
    member = cls.__members__.get(name) if issubclass(cls, Enum) else None
    if member is None:
        raise _Unreadable(f"its enum has no member {name} any more: {_MEND}", cls.__name__)
    return member


def _flag(reader: _Reader, form: _Json) -> object:
    cls = reader.class_of(form)
    value = reader.read(form["v"])
    try:
        member = cls(_expect(value, int)) if issubclass(cls, Flag) else None
    except ValueError:
        member = None
    if member is not None and member.value == value:  # Python 3.11.2 drops bits it does not know
        return member
    raise _Unreadable(f"its enum has no flags {value} any more: {_MEND}", cls.__name__)


def _instance(reader: _Reader, form: _Json) -> object:
    cls = reader.class_of(form)
    shape = shape_of(cls)
    if shape is None or shape.tag != form[TAG]:
        raise _Unreadable(f"its class is no {form[TAG]} any more: {_MEND}", cls.__name__)
    fields = reader.attributes(form["v"])
    _check_fields(shape, fields)
    return shape.build(
        State(
            fields,
            _names(reader, form.get("set")),
            _attributes(reader, form, "extra"),
            _attributes(reader, form, "private"),
        )
    )


def _attributes(reader: _Reader, form: _Json, key: str) -> dict[str, object] | None:
    return reader.attributes(form[key]) if key in form else None


def _names(reader: _Reader, form: object) -> frozenset[str] | None:
    return None if form is None else frozenset(_text(reader, name) for name in _expect(form, list))


def _secret(reader: _Reader, form: _Json) -> object:
    if "v" not in form:
        return REDACTED
    value = reader.read(form["v"])
    for text in texts_of(value):
        meet(text)
    if "class" not in form:
        return value
    shape = shape_of(reader.class_of(form))
    if shape is None or shape.tag != "secret":
        raise _Unreadable(f"its class hides no text any more: {_MEND}", str(form["class"]))
    return shape.build(State({"value": value}))


def _check_fields(shape: Shape, fields: dict[str, object]) -> None:
    gone = sorted(fields.keys() - shape.names)
    new = sorted(shape.names - fields.keys())
    if gone or new:
        changes = [f"{name} is gone" for name in gone] + [f"{name} is new" for name in new]
        raise _Unreadable(f"its class has changed ({', '.join(changes)}): {_MEND}", shape.cls.__name__)


_READERS: Final[dict[str, Callable[[_Reader, _Json], object]]] = {
    "str": _str,
    "int": _integer,
    "float": _float,
    "complex": _complex,
    "bytes": _bytes,
    "bytearray": _bytearray,
    "tuple": _tuple,
    "set": _set,
    "frozenset": _frozenset,
    "dict": _dict,
    "decimal": _decimal,
    "uuid": _uuid,
    "path": _path,
    "datetime": _datetime,
    "time": _time,
    "date": _date,
    "timedelta": _timedelta,
    "missing": _missing,
    "enum": _enum,
    "flag": _flag,
    "dataclass": _instance,
    "namedtuple": _instance,
    "model": _instance,
    "secret": _secret,
}
