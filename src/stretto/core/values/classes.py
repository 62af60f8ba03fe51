"""The names of classes in encodings, and which classes a type hint admits.

Decoding imports nothing: it finds a class by its name in a mapping that the caller made, most often with
`classes_in` from the hints of the steps. A journal therefore cannot make a program load code.
"""

from __future__ import annotations

import sys
from contextlib import suppress
from enum import Enum
from types import SimpleNamespace
from typing import TYPE_CHECKING, Final, get_args, get_type_hints

from stretto.core.values.atoms import Unfit, is_enum_class
from stretto.core.values.missing import Missing
from stretto.core.values.shapes import is_model_class, shape_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["class_name", "classes_in", "name_for_journal"]

_SCRIPTS: Final[frozenset[str]] = frozenset({"__main__", "__mp_main__"})


def class_name(cls: type) -> str:
    """``module:qualname``, wherever the class lives."""
    return f"{cls.__module__}:{cls.__qualname__}"


def name_for_journal(cls: type, names: Mapping[type, str]) -> str:
    """The name under which another process can find the class: the caller's, else ``module:qualname``.

    Raises `Unfit` for a class which only this process can know.
    """
    given = names.get(cls)
    if given is not None:
        return given
    if cls.__module__ in _SCRIPTS:
        raise Unfit(
            f"its class {cls.__qualname__} is defined in the script itself ({cls.__module__}), where no "
            "other process finds it: move it to a module and import it"
        )
    if "<locals>" in cls.__qualname__:
        raise Unfit(
            f"its class {cls.__qualname__} is defined inside a function, where no other process finds it: "
            "move it to the top of a module"
        )
    return class_name(cls)


def classes_in(hint: object) -> dict[str, type]:
    """The enums, dataclasses, pydantic models and named tuples that values of this type hint may consist of.

    Looks through unions, containers, `Annotated`, `Literal`, new types, aliases and type variables, into
    the fields (and private attributes) of each class, and at the loaded subclasses of each, since a field
    of type `Animal` may hold a `Dog`. Names which do not resolve at run time (imports under
    `TYPE_CHECKING`) are passed over: decoding a value of such a class then says that the class is not
    known. Keys are `class_name`s.
    """
    found: dict[str, type] = {}
    seen: set[int] = set()
    waiting: list[object] = [hint]
    keep: list[object] = []
    while waiting:
        each = waiting.pop(0)
        if id(each) in seen:
            continue
        seen.add(id(each))
        keep.append(each)  # an id is only unique while its object lives
        if isinstance(each, type) and _is_data_class(each):
            found.setdefault(class_name(each), each)
        waiting.extend(_inside(each))
    return found


def _is_data_class(cls: type) -> bool:
    if cls is Missing or _is_model_base(cls):
        return False
    return is_model_class(cls) or is_enum_class(cls) or shape_of(cls) is not None


def _is_model_base(cls: type) -> bool:
    """pydantic's own `BaseModel` and `RootModel`: every model of the program is their subclass."""
    return is_model_class(cls) and cls.__module__.partition(".")[0] == "pydantic"


def _inside(hint: object) -> Iterator[object]:
    yield from get_args(hint)
    yield from _alias_parts(hint)
    if isinstance(hint, Enum):
        yield type(hint)
    if isinstance(hint, list):  # the arguments of a `Callable`
        yield from hint
    if isinstance(hint, type) and (_is_data_class(hint) or hasattr(hint, "__total__")):
        yield from _field_hints(hint)
        # The newest first: in a notebook, a class defined again has the name of the one before.
        yield from reversed(type.__subclasses__(hint))


def _alias_parts(hint: object) -> Iterator[object]:
    """What stands behind a generic alias, a `NewType`, a `type` alias or a type variable."""
    for attribute in ("__origin__", "__supertype__", "__value__", "__bound__"):
        behind = getattr(hint, attribute, None)
        if behind is not None:
            yield behind
    yield from getattr(hint, "__constraints__", ())


def _field_hints(cls: type) -> Iterator[object]:
    for field in (getattr(cls, "__pydantic_fields__", None) or {}).values():
        yield field.annotation
    try:
        yield from get_type_hints(cls, include_extras=True).values()
    except Exception:  # noqa: BLE001 - annotations are the user's code and may raise anything
        yield from _resolvable_hints(cls)


def _resolvable_hints(cls: type) -> Iterator[object]:
    """Those annotations which do resolve, where one of them does not."""
    for base in cls.__mro__:
        scope = vars(sys.modules[base.__module__]) if base.__module__ in sys.modules else {}
        for name, annotation in getattr(base, "__annotations__", {}).items():
            alone = SimpleNamespace(__annotations__={name: annotation})
            with suppress(Exception):  # one that does not resolve says nothing
                yield from get_type_hints(alone, scope, dict(vars(base)), include_extras=True).values()
