"""What differs between two declarations of a step, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from stretto.core.values.comparing import first_difference
from stretto.core.values.places import show

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stretto.core.graph.spec import StepSpec, WaitRule
    from stretto.core.policy.retry import Retry

__all__ = ["changed_options", "contrast", "length"]

_PLAIN: Final = ("optional", "has_default", "limits", "reads", "writes")
_LENGTHS: Final = ("timeout", "within")
_RETRY: Final = ("attempts", "on_timeout", "factor", "jitter")
_RETRY_LENGTHS: Final = ("first_wait", "longest_wait")

_WIDTH: Final = 40


def changed_options(old: StepSpec, new: StepSpec) -> Iterator[str]:
    """Each option that differs: ``timeout 30 s -> 60 s``."""
    for name in _PLAIN:
        yield from _changed(name, _words(getattr(old, name)), _words(getattr(new, name)))
    for name in ("role", "where"):
        yield from _changed(name, getattr(old, name).name.lower(), getattr(new, name).name.lower())
    for name in _LENGTHS:
        yield from _changed(name, length(getattr(old, name)), length(getattr(new, name)))
    yield from _changed("memory", _size(old.memory), _size(new.memory))
    yield from _changed("on_lost", old.on_lost.value, new.on_lost.value)
    yield from _changed("wait", _waiting(old.wait), _waiting(new.wait))
    yield from _changed_retry(old.retry, new.retry)


def contrast(old: object, new: object) -> str:
    """Two values that differ, each in few words; where long ones begin alike, the first place that differs."""
    left, right = _short(old), _short(new)
    return f"{left} -> {right}" if left != right else (first_difference(old, new) or f"{left} -> {right}")


def length(seconds: float | None) -> str:
    """Seconds, in words."""
    return "none" if seconds is None else f"{seconds:.12g} s"


def _changed_retry(old: Retry, new: Retry) -> Iterator[str]:
    for name in _RETRY:
        yield from _changed(f"retry {name}", _words(getattr(old, name)), _words(getattr(new, name)))
    for name in _RETRY_LENGTHS:
        yield from _changed(f"retry {name}", length(getattr(old, name)), length(getattr(new, name)))
    yield from _changed("retry on", _words(tuple(sorted(old.kinds))), _words(tuple(sorted(new.kinds))))


def _changed(name: str, old: str, new: str) -> Iterator[str]:
    if old != new:
        yield f"{name} {old} -> {new}"


def _words(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.12g}" if isinstance(value, float) else str(value)


def _size(size: int | None) -> str:
    return "none" if size is None else f"{size / 1e6:.12g} MB"


def _waiting(rule: WaitRule | None) -> str:
    return (
        "none" if rule is None else f"{rule.kind}, deadline {length(rule.deadline)}, then {rule.on_deadline}"
    )


def _short(value: object) -> str:
    text = show(value)
    return text if len(text) <= _WIDTH else f"{text[: _WIDTH - 1]}…"
