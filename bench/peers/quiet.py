"""What is measured talks to nobody: telemetry is switched off, and the network is shut while it runs."""

from __future__ import annotations

import os
import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["NetworkUsedError", "no_network", "silence"]

# Hamilton has dropped its telemetry; the switch is for versions that still have it.
SWITCHES = {
    "HAMILTON_TELEMETRY_ENABLED": "false",
    "LANGSMITH_TRACING": "false",
    "LANGSMITH_TRACING_V2": "false",
    "LANGCHAIN_TRACING": "false",
    "LANGCHAIN_TRACING_V2": "false",
}
DOORS = ("connect", "connect_ex", "sendto", "sendmsg")


class NetworkUsedError(Exception):
    """Something that was measured wanted the network."""


def silence() -> None:
    """Switch off what the peers would send. To be called before any of them is imported."""
    os.environ.update(SWITCHES)


@contextmanager
def no_network() -> Iterator[list[str]]:
    """Refuse every connection, datagram and name look-up made in Python; gives the list of those asked for.

    Raises NetworkUsedError at the end if there were any: whoever asked may have swallowed the refusal, in a thread.
    """
    asked: list[str] = []

    def refuse(*arguments: object, **_: object) -> NoReturn:
        asked.append(next((str(each) for each in arguments if isinstance(each, str | tuple)), "an address"))
        raise NetworkUsedError(f"the network was asked for {asked[-1]} while measuring")

    lookup = socket.getaddrinfo
    socket.getaddrinfo = refuse
    for door in DOORS:
        setattr(socket.socket, door, refuse)
    try:
        yield asked
    finally:
        socket.getaddrinfo = lookup
        for door in DOORS:
            delattr(socket.socket, door)  # the class below it has the real one
    if asked:
        raise NetworkUsedError(f"the network was asked for while measuring: {', '.join(asked)}")
