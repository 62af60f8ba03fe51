"""What mypy must see: never imported, only type-checked (strict, with unused ignores as errors)."""

from __future__ import annotations

from typing import assert_type

from stretto import step


@step
async def plain(topic: str, length: int = 3) -> list[str]:
    """An async step."""
    return [topic] * length


assert_type(plain("x"), list[str])
plain(3)  # type: ignore[arg-type]
