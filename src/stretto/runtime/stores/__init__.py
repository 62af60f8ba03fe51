"""Where journals lie."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from stretto.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stretto.ports import Store

__all__ = ["DEFAULT_KEY_ENV", "KINDS", "is_made", "open_store", "sealed_with"]

_POSTGRES = ("postgresql://", "postgres://")

KINDS = ("memory", "sqlite:///PATH", "postgresql://…")
"""What a store's URL may be."""


DEFAULT_KEY_ENV = "STRETTO_KEY"
"""The environment variable that holds the key of sealed stores, if no other is named."""


def open_store(url: str, *, key_env: str = DEFAULT_KEY_ENV) -> Store:
    """The store behind a URL: ``sqlite:///runs.db`` (or a path that ends in .db), ``postgresql://…``, or ``memory``,
    which ends with the process.

    With a key in the environment variable `key_env`, what lies there is sealed (see `SealedStore`); in memory nothing
    is. Raises ConfigError for other URLs, for a driver that is not installed and for what is no key; StoreError where
    the store cannot be opened, or was sealed with another key, or the key is missing.
    """
    if url == "memory":
        from stretto.runtime.stores.memory import MemoryStore

        return MemoryStore()
    from stretto.runtime.stores.sealing import key_of  # loads hashlib

    key = key_of(os.environ, key_env)
    return sealed_with(_opened(url), key, key_env)


def sealed_with(store: Store, key: bytes | None, key_env: str = DEFAULT_KEY_ENV) -> Store:
    """`store` as whoever has `key`, or no key, may use it; closed where that is refused. Raises what `open_store`
    does."""
    from stretto.runtime.stores.sealed import SealedStore, check_open

    try:
        if key is not None:
            return SealedStore(store, key)
        check_open(store, key_env)
    except BaseException:
        store.close()
        raise
    return store


def is_made(url: str) -> bool:
    """False for a ``postgresql://`` URL where there is no store yet; looking makes none. Raises what `open_store`
    does."""
    if not url.startswith(_POSTGRES):
        return True
    with _needing_psycopg():
        from stretto.runtime.stores.postgres_schema import is_made

    return is_made(url)


def _opened(url: str) -> Store:
    if url.startswith("sqlite:///") or url.endswith(".db"):
        from stretto.runtime.stores.sqlite import SqliteStore

        return SqliteStore(url.removeprefix("sqlite:///"))
    if url.startswith(_POSTGRES):
        with _needing_psycopg():
            from stretto.runtime.stores.postgres import PostgresStore

        return PostgresStore(url)
    raise ConfigError(f"There is no store {url!r}. Known: {', '.join(KINDS)}.")


@contextmanager
def _needing_psycopg() -> Iterator[None]:
    try:
        yield
    except ModuleNotFoundError as missing:
        raise ConfigError(
            f"PostgreSQL needs {missing.name}, which is not installed: pip install 'stretto[postgres]'."
        ) from None
