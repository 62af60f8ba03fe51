"""What of a setting must not be shown. There is no setting for a key: but one may stand where its variable's name
should, or inside an address.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlsplit, urlunsplit

from stretto.core.values.secret import MASK

__all__ = ["MASK", "shown"]

_VARIABLE: Final = re.compile(r"[A-Z_][A-Z0-9_]{0,39}|[a-z_][a-z0-9_]{0,39}")


def shown(key: str, value: object) -> object:
    """A setting's value as it may be shown; `key` is its dotted name."""
    if not isinstance(value, str):
        return value
    if key == "model.api_key_env":
        return value if _VARIABLE.fullmatch(value) else MASK
    return _without_secrets(value) if "://" in value else value


def _without_secrets(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        return MASK
    user, at, host = parts.netloc.rpartition("@")
    safe = f"{MASK if user else ''}{at}{host}"
    return urlunsplit((parts.scheme, safe, parts.path, MASK if parts.query else "", parts.fragment and MASK))
