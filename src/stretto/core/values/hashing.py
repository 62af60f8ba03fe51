"""One text for one value, and its hash: what "the same input" and "equal results" mean.

Canonical text is the encoding (`encoding.py`) with every object's keys and every dict's pairs sorted. So
the order of dicts does not count, and whatever else can be told apart after a round trip does: ``1``,
``1.0`` and ``True``; ``0.0`` and ``-0.0``; ``Decimal("1.0")`` and ``Decimal("1.00")``; a tuple and a list;
the same instant in two zones; a model's field that was given and one left at its default. NaN equals NaN.
Prior art: RFC 8785 (JSON Canonicalization Scheme), without its number formatting, since the types here are
known.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stretto.core.values.classes import class_name
from stretto.core.values.encoding import dump

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["canonical", "digest"]


def canonical(value: object, names: Mapping[type, str] | None = None, *, hides_secrets: bool = False) -> str:
    """The canonical text of a value. `names` as in `encode`; classes from scripts and functions are fine
    here. With `hides_secrets` the texts of values that differ in their secrets alone are equal.

    Raises `ValueEncodingError` for what `snapshot` refuses.
    """
    known = {} if names is None else names
    return dump(
        value,
        lambda cls: known.get(cls) or class_name(cls),
        is_canonical=True,
        keeps_secrets=not hides_secrets,
    )


def digest(value: object, names: Mapping[type, str] | None = None, *, hides_secrets: bool = False) -> str:
    """SHA-256 of the canonical text, 64 hexadecimal digits. The same on every machine and Python."""
    from hashlib import sha256  # loads OpenSSL, 2 ms that a program without stores need not pay

    return sha256(canonical(value, names, hides_secrets=hides_secrets).encode()).hexdigest()
