"""What an engine and a worker process say to each other: frames of JSON behind their length.

Values cross in Stretto's own encoding, never as pickles. Classes and functions cross as names of a module and
what it holds; a script is ``__main__`` on both sides, though the worker loads it under another name.
"""

from __future__ import annotations

import json
import struct
import sys
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from typing import TYPE_CHECKING, Any, Final

from stretto.core.values import Missing

if TYPE_CHECKING:
    import socket
    from types import ModuleType

__all__ = ["SCRIPT", "Names", "TrustedClasses", "known_as", "module_called", "receive", "send", "within"]

SCRIPT: Final = "__stretto_script__"
"""The name under which a worker loads the engine's ``__main__``: its main guard must not run again."""

_LENGTH: Final = struct.Struct(">Q")


def send(line: socket.socket, message: dict[str, Any]) -> None:
    """Write one frame. Raises OSError when nobody is there any more."""
    body = json.dumps(message, separators=(",", ":")).encode()
    line.sendall(_LENGTH.pack(len(body)) + body)


def receive(line: socket.socket) -> dict[str, Any] | None:
    """Read one frame; None when the other side has gone."""
    head = _read(line, _LENGTH.size)
    body = None if head is None else _read(line, _LENGTH.unpack(head)[0])
    if body is None:
        return None
    message: dict[str, Any] = json.loads(body)
    return message


def _read(line: socket.socket, count: int) -> bytes | None:
    parts = bytearray()
    while len(parts) < count:
        try:
            part = line.recv(min(count - len(parts), 1 << 20))
        except OSError:
            return None
        if not part:
            return None
        parts += part
    return bytes(parts)


class Names(dict[type, str]):
    """Class -> name, for both sides: made when asked for."""

    def get(self, cls: type, default: Any = None) -> Any:
        """The name, or `default` for a class inside a function, which the other side could not find."""
        if "<locals>" in cls.__qualname__:
            return default
        module = "__main__" if cls.__module__ == SCRIPT else cls.__module__
        return f"{module}:{cls.__qualname__}"


class TrustedClasses(dict[str, type]):
    """Name -> class of the modules that are loaded here: both sides run the same program, and trust each other
    as a program trusts itself."""

    def get(self, name: str, default: Any = None) -> Any:
        """The class, or `default`."""
        module, _, qualname = name.partition(":")
        loaded = sys.modules.get(SCRIPT if module == "__main__" else module) or sys.modules.get(module)
        found = None if loaded is None else within(loaded, qualname)
        return found if isinstance(found, type) and found is not Missing else default


def known_as(kind: str) -> str:
    """The qualified name that a class of a worker has in its engine, where the script is ``__main__``."""
    module, _, name = kind.partition(".")
    return f"__main__.{name}" if module == SCRIPT else kind


def within(module: ModuleType, qualname: str) -> object:
    """What a dotted name means in a module; None where there is nothing."""
    found: object = module
    for part in qualname.split("."):
        found = getattr(found, part, None)
    return found


def module_called(name: str, file: str | None) -> ModuleType:
    """The module of that name, loaded from `file` where Python's path does not lead to it.

    Raises what importing it raises.
    """
    here = SCRIPT if name == "__main__" else name
    if here in sys.modules:
        return sys.modules[here]
    if here != SCRIPT:
        try:
            return import_module(name)
        except ModuleNotFoundError as missing:
            if missing.name != name or file is None:
                raise
    spec = spec_from_file_location(here, str(file))
    if spec is None or spec.loader is None:
        raise ImportError(f"{file} cannot be loaded as Python")
    module = module_from_spec(spec)
    sys.modules[here] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[here]
        raise
    return module
