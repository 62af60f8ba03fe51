"""Which types are atoms: immutable values without parts, shared freely and written down as they are.

Types are judged exactly: a subclass of `str` may carry anything. Modules that a program may never load
(`decimal`, `uuid`, `pathlib`, `zoneinfo`, pydantic) are looked up among the loaded ones, since a value of
theirs cannot exist before; only decoding loads them, from the closed table below.
"""

from __future__ import annotations

import importlib
import sys
from datetime import date, timedelta
from enum import Enum, Flag
from typing import Final

from stretto.core.values.missing import Missing
from stretto.core.values.secret import Redacted

__all__ = [
    "ATOMS",
    "CACHE_LIMIT",
    "DEPTH_LIMIT",
    "STDLIB",
    "Unfit",
    "is_atom_class",
    "is_enum_class",
    "is_member",
    "load_stdlib",
    "stdlib_name",
]

DEPTH_LIMIT: Final = 200
"""How deep containers may nest. With up to three JSON levels for each it stays inside CPython 3.11's stack of
1000 frames and leaves room for the caller's."""

CACHE_LIMIT: Final = 2048
"""How many classes the caches remember; a program which makes classes without end must not fill the
memory.
"""

ATOMS: Final[set[type]] = {
    type(None),
    bool,
    int,
    float,
    str,
    bytes,
    complex,
    date,
    timedelta,
    Missing,
    Redacted,
}
"""Types whose values need no look inside. Learned classes (enums, `Decimal`, …) join on first sight."""

STDLIB: Final = {
    "decimal": ("decimal", "Decimal"),
    "uuid": ("uuid", "UUID"),
    "PurePosixPath": ("pathlib", "PurePosixPath"),
    "PureWindowsPath": ("pathlib", "PureWindowsPath"),
    "PosixPath": ("pathlib", "PosixPath"),
    "WindowsPath": ("pathlib", "WindowsPath"),
    "zone": ("zoneinfo", "ZoneInfo"),
}
"""Names used in encodings -> where the class is."""

_DEFAULT_MISSING: Final[object] = Enum.__dict__["_missing_"].__func__


class Unfit(Exception):  # noqa: N818 - never leaves this room: `first_fault` turns it into words
    """A value that would not come back equal. `problem` is empty where only a second look can tell."""

    def __init__(self, problem: str = "") -> None:
        self.problem = problem
        super().__init__(problem)


def stdlib_name(cls: type) -> str | None:
    """The name in `STDLIB` of this very class, or `None`."""
    for name, (module, attribute) in STDLIB.items():
        if cls is getattr(sys.modules.get(module), attribute, None):
            return name
    return None


def load_stdlib(name: str) -> type:
    """The class behind a name of `STDLIB`, loading its module if needed. None of them touches the disk by
    this.

    Raises `KeyError` for any other name: an encoding cannot ask for a module of its choice.
    """
    module, attribute = STDLIB[name]
    cls: type = getattr(importlib.import_module(module), attribute)
    return cls


def is_enum_class(cls: type) -> bool:
    """Whether `cls` is an enum with members."""
    return issubclass(cls, Enum) and bool(cls._member_map_)


def is_member(value: Enum) -> bool:
    """Whether an enum's value can be found again: a declared member, or a flag's combination.

    A custom `_missing_` can hand out values which are neither.
    """
    cls = type(value)
    return issubclass(cls, Flag) or cls._member_map_.get(value._name_) is value


def is_atom_class(cls: type) -> bool:
    """Whether every value of `cls` is an atom."""
    if is_enum_class(cls):
        lookup = getattr(cls, "_missing_", None)
        return issubclass(cls, Flag) or getattr(lookup, "__func__", None) is _DEFAULT_MISSING
    return stdlib_name(cls) not in (None, "zone")
