"""Where journals lie."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stretto.errors import ConfigError

if TYPE_CHECKING:
    from stretto.ports import Store

__all__ = ["KINDS", "open_store"]

KINDS = ("memory", "sqlite:///PATH", "postgresql://…")
"""What a store's URL may be."""


def open_store(url: str) -> Store:
    """The store behind a URL: ``sqlite:///runs.db`` (or a path that ends in .db), ``postgresql://…``, or ``memory``,
    which ends with the process.

    Raises ConfigError for other URLs and for a driver that is not installed, StoreError where it cannot be opened.
    """
    if url == "memory":
        from stretto.runtime.stores.memory import MemoryStore

        return MemoryStore()
    if url.startswith("sqlite:///") or url.endswith(".db"):
        from stretto.runtime.stores.sqlite import SqliteStore

        return SqliteStore(url.removeprefix("sqlite:///"))
    if url.startswith(("postgresql://", "postgres://")):
        return _postgres(url)
    raise ConfigError(f"There is no store {url!r}. Known: {', '.join(KINDS)}.")


def _postgres(url: str) -> Store:
    try:
        from stretto.runtime.stores.postgres import PostgresStore
    except ModuleNotFoundError as missing:
        raise ConfigError(
            f"PostgreSQL needs {missing.name}, which is not installed: pip install 'stretto[postgres]'."
        ) from None
    return PostgresStore(url)
