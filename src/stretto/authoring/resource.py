"""`from_engine()`: parameters whose live value belongs to the engine, not to the run."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar, cast

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["FromEngine", "from_engine"]

T = TypeVar("T")


class FromEngine:
    """The marker behind `from_engine()`; `key` None means the parameter's own name.

    Not a dataclass: a marker passed as a value must not be taken for data.
    """

    __slots__ = ("default", "key")

    def __init__(self, key: str | None, default: Callable[[], object] | None) -> None:
        self.key = key
        self.default = default


def from_engine(key: str | None = None, *, default: Callable[[], T] | None = None) -> T:
    """Mark a step's parameter as a resource of the `Engine`: ``client: Client = from_engine()``.

    The value comes from ``Engine(resources={key: …})``; without `key` from the parameter's name. It stays
    outside the step's hash and the journal. `default` makes it, once an engine, where the engine has none;
    without either, starting the run raises DefinitionError.
    """
    return cast("T", FromEngine(key, default))
