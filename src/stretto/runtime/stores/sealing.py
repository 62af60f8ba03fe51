"""`Sealer`: seals bytes with a key: who has a store's file but not the key reads nothing and changes nothing unnoticed.

AES-256-GCM (NIST SP 800-38D) by the package `cryptography`. A sealed text is ``1``, 12 random bytes, and the
ciphertext with its tag of 16 bytes; what it was sealed for (its `place`) is authenticated with it, so that nothing can
be put in another's place.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
from functools import cached_property
from typing import TYPE_CHECKING, Final

from stretto.errors import ConfigError, StoreDamagedError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

__all__ = ["KEY_BYTES", "MAKE_A_KEY", "OVERHEAD", "Sealer", "key_of"]

KEY_BYTES: Final = 32
_NONCE: Final = 12
_VERSION: Final = b"\x01"

OVERHEAD: Final = 1 + _NONCE + 16
"""Bytes by which sealing lengthens a text."""

MAKE_A_KEY: Final = "python -c 'import base64, os; print(base64.b64encode(os.urandom(32)).decode())'"
"""A command that prints a new key."""


def key_of(env: Mapping[str, str], name: str) -> bytes | None:
    """The key in the variable `name`: 32 bytes in base64; None where it is not set. Raises ConfigError for anything
    else, which is not shown."""
    text = env.get(name, "").strip()
    if not text:
        return None
    try:
        key = base64.b64decode(text, altchars=b"-_" if set(text) & {"-", "_"} else None, validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != KEY_BYTES:
        raise ConfigError(
            f"What stands in {name} is no key: it must be {KEY_BYTES} bytes in base64, 44 characters. Make one by "
            f"{MAKE_A_KEY}"
        )
    return key


class Sealer:
    """Seals and opens with one key. Raises ConfigError for a key of another length, and where `cryptography` is not
    installed."""

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_BYTES:
            raise ConfigError(f"A key has {KEY_BYTES} bytes; this one has {len(key)}.")
        self._key = key
        self._cipher: AESGCM = _cipher(key)

    def __repr__(self) -> str:
        return "Sealer(…)"

    def seal(self, text: bytes, place: str) -> bytes:
        """Sealed for `place`: another one every time."""
        nonce = os.urandom(_NONCE)
        return _VERSION + nonce + self._cipher.encrypt(nonce, text, place.encode())

    def open(self, sealed: bytes, place: str) -> bytes:
        """The text again. Raises StoreDamagedError for what was not sealed with this key, for this place."""
        from cryptography.exceptions import InvalidTag

        nonce, rest = sealed[1 : 1 + _NONCE], sealed[1 + _NONCE :]
        if sealed[:1] != _VERSION or len(sealed) < OVERHEAD:
            raise _unsealed(place)
        try:
            return self._cipher.decrypt(nonce, rest, place.encode())
        except InvalidTag:
            raise _unsealed(place) from None

    def seal_same(self, text: bytes, place: str) -> bytes:
        """Sealed for `place`, the same for the same text: for what is stored by its hash. It tells that two texts are
        equal, and nothing else."""
        nonce = hmac.digest(self._nonce_key, place.encode() + b"\0" + text, "sha256")[:_NONCE]
        return _VERSION + nonce + self._cipher.encrypt(nonce, text, place.encode())

    @cached_property
    def fingerprint(self) -> str:
        """Tells two keys apart, and nothing else about them."""
        return hmac.digest(self._key, b"stretto: which key", "sha256").hex()[:32]

    @cached_property
    def _nonce_key(self) -> bytes:
        return hashlib.sha256(b"stretto: nonces" + self._key).digest()


def _cipher(key: bytes) -> AESGCM:
    try:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    except ModuleNotFoundError:
        raise ConfigError(
            "Sealing a store needs the package cryptography, which is not installed: pip install 'stretto[crypto]'."
        ) from None
    return AESGCM(key)


def _unsealed(place: str) -> StoreDamagedError:
    return StoreDamagedError(
        f"What lies in the store as {place} was not sealed with this key, or was changed since. Restore the store "
        "from a backup."
    )
