"""Values as JSON text, exactly.

Plain JSON stands for itself: `None`, booleans, text, floats, integers that every JSON reader takes exactly,
lists, and dicts whose keys are all text. Whatever else is an object with the key ``$``:

==============  ======================================================
``$``           with
==============  ======================================================
tuple           v: items
set, frozenset  v: members, sorted
dict            v: [[key, value], …]
str             v: base64 of UTF-8 with surrogates
bytes           v: base64; also bytearray
int             v: hexadecimal
float           v: nan, inf or -inf
complex         v: [real, imaginary]
datetime, time  v: ISO 8601, zone?, offset?, name?, fold?
date            v: ISO 8601
timedelta       v: [days, seconds, microseconds]
decimal, uuid   v: text
path            kind: class, v: text
missing         step, reason, detail
secret          v: form, where it may be written; class, for text that hides itself
enum            class, name
flag            class, v: integer
dataclass       class, v: fields; also namedtuple
model           class, v: fields, set: names, extra?, private?
==============  ======================================================

A dict with the key ``$`` or with a key that is no plain text takes the form `dict`, so that the forms are
unambiguous. Text with NUL or lone surrogates takes the form `str`, since neither PostgreSQL nor UTF-8 can
hold it. These forms are on disks: they may be added to, never changed.
"""

from __future__ import annotations

import json
from binascii import b2a_base64
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, time, timedelta
from enum import Enum, Flag
from typing import Any, Final, cast

from stretto.core.values.atoms import (
    DEPTH_LIMIT,
    Unfit,
    is_enum_class,
    is_member,
    stdlib_name,
)
from stretto.core.values.classes import name_for_journal
from stretto.core.values.clocks import write_clock
from stretto.core.values.faults import first_fault
from stretto.core.values.immutable import is_immutable
from stretto.core.values.missing import Missing
from stretto.core.values.secret import Redacted
from stretto.core.values.shapes import shape_of

__all__ = ["TAG", "NameOf", "Writer", "dump", "encode", "encode_json"]

TAG: Final = "$"

_EXACT: Final = 2**53 - 1
"""The largest integer that readers which keep numbers as doubles take exactly (RFC 8259, section 6)."""

_NO_NAMES: Final[Mapping[type, str]] = {}

NameOf = Callable[[type], str]
_Form = Callable[["Writer", Any, int], object]


def encode(value: object, names: Mapping[type, str] | None = None, *, keeps_secrets: bool = False) -> str:
    """The value as one line of JSON, from which `decode` makes an equal value of the same types.

    Dicts keep their order; everything else is written in one way only, so equal values give equal text up
    to the order of dicts. `names` gives classes the names to be known by, in place of ``module:qualname``.
    Secrets (see `secret.py`) are written with `keeps_secrets` only; without, `decode` finds `REDACTED` there.

    Raises `ValueEncodingError`, with the place, for what `snapshot` refuses and for classes that another
    process cannot find (in `__main__` or inside a function) and that `names` does not name.
    """
    known = _NO_NAMES if names is None else names
    return dump(value, lambda cls: name_for_journal(cls, known), keeps_secrets=keeps_secrets)


def encode_json(
    value: object, names: Mapping[type, str] | None = None, *, keeps_secrets: bool = False
) -> object:
    """Like `encode`, but the JSON as Python's lists and dicts, for embedding into a larger document."""
    known = _NO_NAMES if names is None else names
    return _write(value, Writer(lambda cls: name_for_journal(cls, known), keeps_secrets=keeps_secrets))


def dump(value: object, name_of: NameOf, *, is_canonical: bool = False, keeps_secrets: bool = False) -> str:
    """`encode` with any way to name classes; canonical text does not depend on the order of dicts."""
    form = _write(value, Writer(name_of, is_canonical=is_canonical, keeps_secrets=keeps_secrets))
    try:
        return _to_text(form, is_canonical=is_canonical)
    except RecursionError:
        raise first_fault(value, name_of) from None


def _write(value: object, writer: Writer) -> object:
    try:
        return writer.write(value, 0)
    except (Unfit, RecursionError):
        raise first_fault(value, writer.name_of) from None


# `json.dumps` with options of its own makes an encoder a call, which takes longer than a small value.
_AS_IT_IS: Final = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode
_SORTED: Final = json.JSONEncoder(
    ensure_ascii=False, allow_nan=False, separators=(",", ":"), sort_keys=True
).encode


def _to_text(form: object, *, is_canonical: bool) -> str:
    return _SORTED(form) if is_canonical else _AS_IT_IS(form)


class Writer:
    """Turns values into JSON forms. Raises `Unfit` without words; `first_fault` finds them."""

    def __init__(self, name_of: NameOf, *, is_canonical: bool = False, keeps_secrets: bool = False) -> None:
        self.name_of = name_of
        self.is_canonical = is_canonical
        self.keeps_secrets = keeps_secrets

    def write(self, value: object, depth: int) -> object:
        """The form of `value`, which lies `depth` containers deep."""
        form = _FORMS.get(type(value))
        return form(self, value, depth) if form is not None else self._learned(value, depth)

    def write_all(self, values: Iterable[object], depth: int) -> list[object]:
        """The forms of the items of a container that lies `depth` containers deep."""
        if depth >= DEPTH_LIMIT:
            raise Unfit
        depth += 1
        return [self.write(value, depth) for value in values]

    def write_sorted(self, members: Iterable[object], depth: int) -> list[object]:
        """The forms of members of a set, in an order that does not depend on their hashes."""
        if not all(map(is_immutable, members)):
            raise Unfit
        forms = self.write_all(members, depth)
        return sorted(forms, key=lambda form: _to_text(form, is_canonical=True))

    def write_dict(self, entries: dict[object, object], depth: int) -> dict[str, object]:
        """A JSON object where all keys are plain text other than the tag, else the form `dict`."""
        if depth >= DEPTH_LIMIT:
            raise Unfit
        if all(type(key) is str and key != TAG and _is_plain(key) for key in entries):
            depth += 1
            return {cast("str", key): self.write(part, depth) for key, part in entries.items()}
        if not all(map(is_immutable, entries)):
            raise Unfit
        keys, parts = self.write_all(entries, depth), self.write_all(entries.values(), depth)
        pairs = [[key, part] for key, part in zip(keys, parts, strict=True)]
        if self.is_canonical:
            pairs.sort(key=lambda pair: _to_text(pair[0], is_canonical=True))
        return {TAG: "dict", "v": pairs}

    def _learned(self, value: object, depth: int) -> dict[str, object]:
        cls = type(value)
        if isinstance(value, Enum):
            return self._enum(value)
        known = stdlib_name(cls)
        if known in ("decimal", "uuid"):
            return {TAG: known, "v": str(value)}
        if known is not None and known != "zone":
            return {TAG: "path", "kind": known, "v": _text(self, str(value), depth)}
        return self._instance(value, depth)

    def _enum(self, value: Enum) -> dict[str, object]:
        cls = type(value)
        if not is_enum_class(cls) or not is_member(value):
            raise Unfit
        if isinstance(value, Flag):
            return {TAG: "flag", "class": self.name_of(cls), "v": _integer(self, value.value, 0)}
        return {TAG: "enum", "class": self.name_of(cls), "name": value.name}

    def _instance(self, value: object, depth: int) -> dict[str, object]:
        shape = shape_of(type(value))
        if shape is None:
            raise Unfit
        state = shape.state(value)
        if shape.tag == "secret":
            form = self._secret(state.fields["value"], depth)
            return {**form, "class": self.name_of(shape.cls)} if "v" in form else form
        form = {TAG: shape.tag, "class": self.name_of(shape.cls)}
        form["v"] = self._attributes(state.fields, depth)
        if shape.secrets:
            hidden = {
                name: self._secret(state.fields[name], depth + 1)
                for name in state.fields
                if name in shape.secrets
            }
            form["v"] = {**cast("dict[str, object]", form["v"]), **hidden}
        if state.fields_set is not None:
            form["set"] = [_text(self, name, depth) for name in sorted(state.fields_set)]
        if state.extra is not None:
            form["extra"] = self._attributes(state.extra, depth)
        if state.private is not None:
            form["private"] = self._attributes(state.private, depth)
        return form

    def _secret(self, value: object, depth: int) -> dict[str, object]:
        form = self.write(value, depth)  # what cannot be written is refused, wherever it would go
        return (
            {TAG: "secret", "v": form}
            if self.keeps_secrets and type(value) is not Redacted
            else {TAG: "secret"}
        )

    def _attributes(self, attributes: dict[str, object], depth: int) -> dict[str, object]:
        return self.write_dict(cast("dict[object, object]", attributes), depth)


def _is_plain(text: str) -> bool:
    if text.isascii():
        return "\0" not in text
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in text


def _same(_writer: Writer, value: object, _depth: int) -> object:
    return value


def _text(_writer: Writer, text: str, _depth: int) -> object:
    return text if _is_plain(text) else {TAG: "str", "v": _base64(text.encode("utf-8", "surrogatepass"))}


def _integer(_writer: Writer, number: int, _depth: int) -> object:
    return number if -_EXACT <= number <= _EXACT else {TAG: "int", "v": hex(number)}


def _float(_writer: Writer, number: float, _depth: int) -> object:
    return number if number - number == 0 else {TAG: "float", "v": repr(number)}


def _complex(writer: Writer, number: complex, depth: int) -> object:
    return {TAG: "complex", "v": [_float(writer, number.real, depth), _float(writer, number.imag, depth)]}


def _base64(data: bytes | bytearray) -> str:
    return b2a_base64(data, newline=False).decode()


def _bytes(_writer: Writer, data: bytes | bytearray, _depth: int) -> object:
    return {TAG: type(data).__name__, "v": _base64(data)}


def _list(writer: Writer, items: list[object], depth: int) -> object:
    return writer.write_all(items, depth)


def _tuple(writer: Writer, items: tuple[object, ...], depth: int) -> object:
    return {TAG: "tuple", "v": writer.write_all(items, depth)}


def _set(writer: Writer, members: set[object] | frozenset[object], depth: int) -> object:
    return {TAG: type(members).__name__, "v": writer.write_sorted(members, depth)}


def _dict(writer: Writer, entries: dict[object, object], depth: int) -> object:
    return writer.write_dict(entries, depth)


def _clock(writer: Writer, value: datetime | time, depth: int) -> object:
    form = write_clock(value)
    if "name" in form:
        form["name"] = writer.write(form["name"], depth)
    return {TAG: type(value).__name__, **form}


def _date(_writer: Writer, value: date, _depth: int) -> object:
    return {TAG: "date", "v": value.isoformat()}


def _timedelta(_writer: Writer, length: timedelta, _depth: int) -> object:
    return {TAG: "timedelta", "v": [length.days, length.seconds, length.microseconds]}


def _missing(writer: Writer, missing: Missing, depth: int) -> object:
    step, detail = _text(writer, missing.step, depth), _text(writer, missing.detail, depth)
    return {TAG: "missing", "step": step, "reason": missing.reason, "detail": detail}


def _redacted(_writer: Writer, _value: object, _depth: int) -> object:
    return {TAG: "secret"}


_FORMS: Final[dict[type, _Form]] = {
    **dict.fromkeys((type(None), bool), _same),
    str: _text,
    int: _integer,
    float: _float,
    complex: _complex,
    list: _list,
    dict: _dict,
    tuple: _tuple,
    **dict.fromkeys((set, frozenset), _set),
    **dict.fromkeys((bytes, bytearray), _bytes),
    **dict.fromkeys((datetime, time), _clock),
    date: _date,
    timedelta: _timedelta,
    Missing: _missing,
    Redacted: _redacted,
}
