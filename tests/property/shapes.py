"""Descriptions of workflows as plain data: what the generator draws, and what everything else reads.

Nothing here knows the engine. A step's value is a pure function of its path, its attempt and its inputs, so that
any mix-up of inputs, steps or attempts gives another value.
"""

from __future__ import annotations

from dataclasses import MISSING, dataclass, field, fields
from typing import Any
from zlib import crc32

Plain = object
"""JSON-like data; an optional step's missing result stands in it as ``{"missing": path}``."""


class Brief:
    """Prints only what was set, so that a failing example can be read and pasted into a test."""

    def __repr__(self) -> str:
        shown = [
            f"{each.name}={getattr(self, each.name)!r}"
            for each in fields(self)  # type: ignore[arg-type]  # every subclass is a dataclass
            if each.init and (each.default is MISSING or getattr(self, each.name) != each.default)
        ]
        return f"{type(self).__name__}({', '.join(shown)})"

    def _repr_pretty_(self, printer: Any, _: bool) -> None:
        printer.text(repr(self))  # hypothesis would print every field


@dataclass(frozen=True)
class Const:
    """A plain value."""

    value: object


@dataclass(frozen=True)
class Out:
    """What the step or group `of` hands on, or one field of it."""

    of: str
    key: str | None = None


@dataclass(frozen=True)
class Many:
    """Several inputs in a list, a tuple or a dict."""

    kind: str
    parts: tuple[Const | Out, ...]


Part = Const | Out | Many


@dataclass(frozen=True, repr=False)
class Play(Brief):
    """What one attempt does: after `latency` seconds it returns or raises.

    `ends`: "value"; "error" (worth a retry); "permanent"; "cancelled" (raises CancelledError of its own); "hang"
    (never); "stubborn" (returns its value `lingers` seconds after it was cancelled, whatever is said to it).
    """

    latency: float
    ends: str = "value"
    lingers: float = 0.0


@dataclass(frozen=True, repr=False)
class Node(Brief):
    """One use of a step, or (`items` is not None) one map."""

    name: str
    inputs: tuple[Part, ...] = ()
    named: tuple[tuple[str, Part], ...] = ()
    items: Part | None = None
    after: tuple[str, ...] = ()
    where: str = "loop"
    size: int = 0
    optional: bool = False
    default: bool = False
    attempts: int = 1
    wait: float = 0.5
    jitter: bool = False
    timeout: float | None = None
    within: float | None = None
    limits: tuple[str, ...] = ()
    plays: tuple[Play, ...] = (Play(0.0),)
    is_named: bool = False

    def play(self, item: int, attempt: int) -> Play:
        """What attempt number `attempt` (from 1) of use number `item` does."""
        return self.plays[(item * 3 + attempt - 1) % len(self.plays)]

    @property
    def parts(self) -> tuple[Part, ...]:
        """All its inputs but a map's items."""
        return (*self.inputs, *(part for _, part in self.named))


@dataclass(frozen=True, repr=False)
class Block(Brief):
    """A group."""

    name: str
    nodes: tuple[Node, ...]
    within: float | None = None
    min_success: int | None = None


@dataclass(frozen=True, repr=False)
class Flow(Brief):
    """A whole workflow and how it is run."""

    items: tuple[Node | Block, ...]
    output: tuple[str, ...]
    permits: int | None = None
    on_failure: str = "drain"
    within: float | None = None
    cancel_at: float | None = None
    grace: float = 2.0
    limits: tuple[tuple[str, int], ...] = (("a", 1), ("b", 2))
    estimates: tuple[tuple[str, float], ...] = ()
    commits_later: bool = False
    nodes: tuple[Node, ...] = field(init=False, repr=False, compare=False)
    group_of: dict[str, Block] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        nodes: list[Node] = []
        group_of: dict[str, Block] = {}
        for item in self.items:
            members = item.nodes if isinstance(item, Block) else (item,)
            nodes.extend(members)
            if isinstance(item, Block):
                group_of.update(dict.fromkeys((node.name for node in members), item))
        object.__setattr__(self, "nodes", tuple(nodes))
        object.__setattr__(self, "group_of", group_of)

    @property
    def blocks(self) -> tuple[Block, ...]:
        """Its groups."""
        return tuple(item for item in self.items if isinstance(item, Block))

    @property
    def is_cut(self) -> bool:
        """Whether a clock or a person may cut it, so that its value depends on the order of events."""
        return self.within is not None or self.cancel_at is not None or any(b.within for b in self.blocks)


def outs_in(parts: tuple[Part, ...]) -> list[Out]:
    """All references in some inputs."""
    found: list[Out] = []
    for part in parts:
        if isinstance(part, Out):
            found.append(part)
        elif isinstance(part, Many):
            found.extend(outs_in(part.parts))
    return found


def step_id(node: Node) -> str:
    """The id its step is declared with."""
    return f"do_{node.name}" if node.is_named else node.name


def digest(data: Plain) -> int:
    """A number that changes with the data."""
    return crc32(repr(data).encode()) % 10_000


def value_of(node: Node, path: str, attempt: int, inputs: Plain) -> dict[str, object]:
    """What an attempt returns. A thread's late result may come from any attempt, so it does not tell which."""
    number = digest((path, inputs))
    shown = attempt if node.where == "loop" else 0
    return {"of": path, "try": shown, "n": number, "items": [number + extra for extra in range(node.size)]}


def default_of(node: Node) -> dict[str, object]:
    """What an optional step with a default hands on when it is lost."""
    return {"of": "default", "try": 0, "n": -1, "items": list(range(node.size))}
