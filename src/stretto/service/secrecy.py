"""What of a setting must not be shown. There is no setting for a key: but one may stand where its variable's name
should, or inside an address.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlsplit, urlunsplit

from stretto.core.values.secret import MASK

__all__ = ["MASK", "shown", "without_password"]

_VARIABLE: Final = re.compile(r"[A-Z_][A-Z0-9_]{0,39}|[a-z_][a-z0-9_]{0,39}")


_BEHIND_USER: Final = re.compile(r"(://[^/@:?]*):[^/@]*@")
_IN_QUERY: Final = re.compile(r"(\b\w*password=)[^&\s]*")


def shown(key: str, value: object) -> object:
    """A setting's value as it may be shown; `key` is its dotted name."""
    if not isinstance(value, str):
        return value
    if key == "model.api_key_env":
        return value if _VARIABLE.fullmatch(value) else MASK
    return _without_secrets(value) if "://" in value else value


def without_password(text: str) -> str:
    """An argument of a command as it may be said again: a URL in it loses its password."""
    return _IN_QUERY.sub(rf"\1{MASK}", _BEHIND_USER.sub(rf"\1:{MASK}@", text))


def _without_secrets(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        return MASK
    user, at, host = parts.netloc.rpartition("@")
    safe = f"{MASK if user else ''}{at}{host}"
    return urlunsplit((parts.scheme, safe, parts.path, MASK if parts.query else "", parts.fragment and MASK))
