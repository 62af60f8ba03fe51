"""Classes with named parts: dataclasses, pydantic models and named tuples.

A shape takes a value apart into its state and builds an equal value from a state. It never runs `__init__`,
`__post_init__` or validators: what was once accepted comes back as it was, whatever today's rules say.
pydantic is never imported here; a model can only exist when it is loaded.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, fields
from enum import Enum
from functools import cached_property
from types import MemberDescriptorType
from typing import TYPE_CHECKING, Final, Literal, Protocol

from stretto.core.values.atoms import CACHE_LIMIT, Unfit
from stretto.core.values.secret import is_secret_class, secret_names

if TYPE_CHECKING:
    from collections.abc import Set

__all__ = ["Shape", "State", "is_model_class", "shape_of"]

_EXTRA: Final = "__pydantic_extra__"
_PRIVATE: Final = "__pydantic_private__"
_FIELDS_SET: Final = "__pydantic_fields_set__"


@dataclass(slots=True)
class State:
    """What a value consists of. All but `fields` are for pydantic models; `None` is what they mean by
    none.
    """

    fields: dict[str, object]
    fields_set: Set[str] | None = None
    extra: dict[str, object] | None = None
    private: dict[str, object] | None = None


class Shape(Protocol):
    """How one class is taken apart and built again."""

    @property
    def cls(self) -> type: ...

    @property
    def tag(self) -> Literal["dataclass", "model", "namedtuple", "secret"]: ...

    @property
    def names(self) -> frozenset[str]:
        """The names of the fields."""

    @property
    def secrets(self) -> frozenset[str]:
        """The names of the fields that must not be shown."""

    @property
    def frozen(self) -> bool:
        """Whether a value is as immutable as its fields (a model with extra fields never is)."""

    def state(self, value: object) -> State:
        """The value's parts themselves, not copies. Raises `Unfit` for what they do not tell all about."""

    def build(self, state: State) -> object:
        """An equal value; it does not keep the state's containers. The fields must be exactly `names`."""


class _DataclassShape:
    tag: Final = "dataclass"

    def __init__(self, cls: type) -> None:
        self.cls = cls
        self.order = tuple(field.name for field in fields(cls))
        self.names = frozenset(self.order)
        self.secrets = secret_names(cls, self.names)
        self.frozen: bool = cls.__dataclass_params__.frozen  # type: ignore[attr-defined]  # set by @dataclass
        self._slots = _slots_outside(cls, self.names)
        self._refusal = _unbuildable(cls) or _computed_field(cls, self.order)

    def state(self, value: object) -> State:
        if self._refusal:
            raise Unfit(self._refusal)
        if self._slots:
            _check_slots(value, self._slots)
        own = getattr(value, "__dict__", None)
        if own is not None:
            _check_attributes(self.cls, own, self.names)
        try:
            return State({name: getattr(value, name) for name in self.order})
        except AttributeError as unset:
            raise Unfit(f"its field {unset.name} was never given a value: give it one") from None

    def build(self, state: State) -> object:
        value: object = object.__new__(self.cls)
        for name, part in state.fields.items():
            object.__setattr__(value, name, part)
        return value


class _ModelShape:
    tag: Final = "model"

    def __init__(self, cls: type) -> None:
        self.cls = cls
        self.names = frozenset(cls.__pydantic_fields__)  # type: ignore[attr-defined]  # every model class has it
        self.secrets = secret_names(cls, self.names)
        private = cls.__private_attributes__  # type: ignore[attr-defined]  # the same
        # Private attributes can be assigned even where the fields are frozen.
        self.frozen = bool(cls.model_config.get("frozen")) and not private  # type: ignore[attr-defined]  # the same
        self._slots = _slots_outside(cls, self.names)
        # A RootModel class holds plain `None` in the place of these two slots, and its values have neither.
        self._settable = frozenset(name for name in (_EXTRA, _PRIVATE) if _is_slot(cls, name))

    def state(self, value: object) -> State:
        own = value.__dict__
        if self._slots:
            _check_slots(value, self._slots)
        if own.keys() != self.names:
            own = self._only_fields(own)
        return State(
            own,
            getattr(value, _FIELDS_SET),
            getattr(value, _EXTRA, None),
            getattr(value, _PRIVATE, None),
        )

    def _only_fields(self, own: dict[str, object]) -> dict[str, object]:
        _check_attributes(self.cls, own, self.names)
        for name in sorted(self.names - own.keys()):
            raise Unfit(f"its field {name} was never given a value: give it one")
        return {name: part for name, part in own.items() if name in self.names}

    def build(self, state: State) -> object:
        value: object = object.__new__(self.cls)
        object.__setattr__(value, "__dict__", dict(state.fields))
        object.__setattr__(value, _FIELDS_SET, set(state.fields_set or ()))
        if _EXTRA in self._settable:
            object.__setattr__(value, _EXTRA, None if state.extra is None else dict(state.extra))
        if _PRIVATE in self._settable:
            object.__setattr__(value, _PRIVATE, None if state.private is None else dict(state.private))
        return value


class _NamedTupleShape:
    tag: Final = "namedtuple"
    frozen: Final = True

    def __init__(self, cls: type[tuple[object, ...]], order: tuple[str, ...]) -> None:
        self.cls = cls
        self.order = order
        self.names = frozenset(order)
        self.secrets = secret_names(cls, self.names)

    def state(self, value: object) -> State:
        own = getattr(value, "__dict__", None)
        if own:
            _check_attributes(self.cls, own, frozenset())
        assert isinstance(value, tuple)  # noqa: S101 - the shape is chosen by this very class
        return State(dict(zip(self.order, value, strict=True)))

    def build(self, state: State) -> object:
        return tuple.__new__(self.cls, [state.fields[name] for name in self.order])


class _HidingShape:
    """pydantic's `SecretStr` and `SecretBytes`."""

    tag: Final = "secret"
    frozen: Final = True  # there is no way to change one but by its private attribute
    names: Final = frozenset(("value",))
    secrets: Final = names

    def __init__(self, cls: type) -> None:
        self.cls = cls

    def state(self, value: object) -> State:
        return State({"value": value.get_secret_value()})  # type: ignore[attr-defined]  # both classes have it

    def build(self, state: State) -> object:
        return self.cls(state.fields["value"])


_shapes: Final[dict[type, Shape | None]] = {}


def shape_of(cls: type) -> Shape | None:
    """How values of this very class are taken apart, or `None` for a class without known parts."""
    try:
        return _shapes[cls]
    except KeyError:
        if len(_shapes) >= CACHE_LIMIT:
            _shapes.clear()
        shape = _shapes[cls] = _make_shape(cls)
        return shape


def is_model_class(cls: type) -> bool:
    """Whether `cls` is a pydantic model, or pydantic's base of them."""
    base = getattr(sys.modules.get("pydantic.main"), "BaseModel", None)
    return base is not None and issubclass(cls, base)


def _make_shape(cls: type) -> Shape | None:
    if issubclass(cls, Enum):  # its members are singletons, whatever data class they are mixed with
        return None
    if is_model_class(cls):
        return _ModelShape(cls)
    if is_secret_class(cls):
        return _HidingShape(cls)
    if hasattr(cls, "__dataclass_fields__"):
        return _DataclassShape(cls)
    order = getattr(cls, "_fields", None)
    if issubclass(cls, tuple) and isinstance(order, tuple) and all(type(name) is str for name in order):
        return _NamedTupleShape(cls, order)
    return None


def _unbuildable(cls: type) -> str:
    """Why a plain object of this class cannot be made: it extends a built-in with a state of its own."""
    try:
        object.__new__(cls)
    except TypeError:
        return (
            "it extends a built-in type, whose own contents its fields do not tell: make it a plain dataclass"
        )
    return ""


def _computed_field(cls: type, names: tuple[str, ...]) -> str:
    for name in names:
        found = _class_attribute(cls, name)
        if hasattr(type(found), "__set__") and not isinstance(found, MemberDescriptorType):
            return f"its field {name} is a {type(found).__name__}, not stored data: rename one of them"
    return ""


def _class_attribute(cls: type, name: str) -> object:
    return next((vars(base)[name] for base in cls.__mro__ if name in vars(base)), None)


def _is_slot(cls: type, name: str) -> bool:
    return isinstance(_class_attribute(cls, name), MemberDescriptorType)


def _slots_outside(cls: type, names: frozenset[str]) -> tuple[str, ...]:
    """Slots that hold state which is no field. pydantic's own are dunder names."""
    found = {
        name
        for base in cls.__mro__
        for name, member in vars(base).items()
        if isinstance(member, MemberDescriptorType) and not name.startswith("__")
    }
    return tuple(sorted(found - names))


def _check_slots(value: object, slots: tuple[str, ...]) -> None:
    for name in slots:
        if hasattr(value, name):
            raise Unfit(_stray(name))


def _check_attributes(cls: type, own: dict[str, object], names: frozenset[str]) -> None:
    """Refuse state outside the fields. A cached property is none: whoever asks for it computes it again."""
    if own.keys() <= names:
        return
    for name in sorted(own.keys() - names):
        if not isinstance(_class_attribute(cls, name), cached_property):
            raise Unfit(_stray(name))


def _stray(name: str) -> str:
    return f"its attribute {name} is no field and would be lost: declare it as a field or do not set it"
