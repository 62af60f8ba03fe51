"""What must not be shown: fields marked with `Secret`, and pydantic's `SecretStr` and `SecretBytes`.

A secret is a value like any other for the steps of a run. It is written down only where its text is kept from others
(a sealed store, the memory of this process, the pipe to a worker); everywhere else its place is marked, and `REDACTED`
is what is read from there.

Texts that people and models make may repeat a secret: `mask` takes those out of them that were met in this process.
"""

from __future__ import annotations

import json
import re
import sys
from dataclasses import dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING, Annotated, Final, final, get_args, get_origin, get_type_hints

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = [
    "HIDDEN",
    "MASK",
    "REDACTED",
    "Redacted",
    "Secret",
    "has_hidden",
    "is_marked",
    "is_secret_class",
    "loads_hidden",
    "mask",
    "meet",
    "secret_names",
]

MASK: Final = "•••"
"""Stands for what must not be shown."""

HIDDEN: Final = '{"$":"secret"}'
"""The form of a secret that was not written. Quotes within texts are escaped, so no text looks like it."""

_SHORTEST: Final = 4
"""Characters of a secret that is looked for in texts: a shorter one would be found in the midst of words."""

_MOST: Final = 10_000
"""Secrets that are looked for in texts; the latest are."""


@dataclass(frozen=True, slots=True)
class Secret:
    """Marks a field of a dataclass, model or named tuple: ``token: Annotated[str, Secret()]``."""


@final
class Redacted:
    """Stands where a secret was that its journal does not hold. There is one, `REDACTED`."""

    __slots__ = ()

    def __repr__(self) -> str:
        return MASK


REDACTED: Final = Redacted()


# ---------------------------------------------------------------- which fields are secret


def is_secret_class(cls: type) -> bool:
    """Whether `cls` is one of pydantic's classes that hide a text. pydantic is never imported here."""
    loaded = sys.modules.get("pydantic.types")
    return loaded is not None and cls in (loaded.SecretStr, loaded.SecretBytes)


def secret_names(cls: type, names: Iterable[str]) -> frozenset[str]:
    """Which of a class's fields are marked. A field is also marked by a part of its hint: ``Annotated[str, Secret()] |
    None``. Where a hint does not resolve at run time, its text decides."""
    fields: Mapping[str, object] = getattr(cls, "__pydantic_fields__", None) or {}
    marked = {name for name, field in fields.items() if _has_mark(getattr(field, "metadata", ()))}
    try:
        hints: Mapping[str, object] = get_type_hints(cls, include_extras=True)
    except Exception:  # noqa: BLE001  # annotations are the user's code and may raise anything
        hints = _resolved_hints(cls)
    return frozenset(marked | {name for name in names if is_marked(hints.get(name))})


def is_marked(hint: object) -> bool:
    """Whether a type hint, or a part of it, is marked with `Secret`."""
    if isinstance(hint, str):
        return re.search(r"\bSecret\(\)", hint) is not None
    if get_origin(hint) is Annotated and _has_mark(hint.__metadata__):  # type: ignore[attr-defined]  # Annotated has it
        return True
    return any(map(is_marked, get_args(hint)))


def _has_mark(metadata: Iterable[object]) -> bool:
    return any(isinstance(each, Secret) or each is Secret for each in metadata)


def _resolved_hints(cls: type) -> dict[str, object]:
    """Each hint by itself, where one of them does not resolve: that one as its text."""
    found: dict[str, object] = {}
    for base in reversed(cls.__mro__):
        scope = vars(sys.modules[base.__module__]) if base.__module__ in sys.modules else {}
        for name, hint in vars(base).get("__annotations__", {}).items():
            alone = SimpleNamespace(__annotations__={name: hint})
            try:
                found.update(get_type_hints(alone, scope, dict(vars(base)), include_extras=True))
            except Exception:  # noqa: BLE001  # as above
                found[name] = hint
    return found


# ---------------------------------------------------------------- forms


def loads_hidden(text: str | bytes) -> object:
    """`json.loads`, without the secrets that stand in the text."""
    return json.loads(text, object_hook=_hide)


def _hide(form: dict[str, object]) -> dict[str, object]:
    return {"$": "secret"} if form.get("$") == "secret" else form


def has_hidden(form: object) -> bool:
    """Whether a value's form has lost a secret."""
    if isinstance(form, dict):
        return form == {"$": "secret"} or any(map(has_hidden, form.values()))
    return isinstance(form, list) and any(map(has_hidden, form))


# ---------------------------------------------------------------- texts


class _Texts:
    """The secrets that were met in this process."""

    def __init__(self) -> None:
        self._met: dict[str, None] = {}
        self._pattern: re.Pattern[str] | None = None

    def meet(self, text: str) -> None:
        """Remember a secret's text, so that `mask` finds it, also as `repr`, JSON and a shell write it."""
        if len(text) < _SHORTEST or text in self._met:
            return
        as_json = (json.dumps(text, ensure_ascii=is_ascii)[1:-1] for is_ascii in (True, False))
        as_bytes = repr(text.encode("utf-8", "surrogatepass"))[2:-1]
        for form in (text, repr(text)[1:-1], as_bytes, *as_json, text.replace("'", "'\"'\"'")):
            self._met[form] = None
            if len(self._met) > _MOST:
                del self._met[next(iter(self._met))]
        self._pattern = None

    def mask(self, text: str) -> str:
        """The text without the secrets that were met in this process; those of under four characters stay."""
        if not self._met:
            return text
        pattern = self._pattern
        if pattern is None:
            longest_first = sorted(self._met.copy(), key=len, reverse=True)
            pattern = self._pattern = re.compile("|".join(map(re.escape, longest_first)))
        return pattern.sub(MASK, text)


_TEXTS: Final = _Texts()
meet: Final = _TEXTS.meet
mask: Final = _TEXTS.mask
