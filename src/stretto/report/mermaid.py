"""A diagram as Mermaid's flowchart language: what Markdown pages show as a picture."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from stretto.report.diagram import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stretto.report.diagram import Box, Diagram

__all__ = ["mermaid"]

_SHAPES: Final = {
    Kind.LOOP: ("(", ")"),
    Kind.THREAD: ("[", "]"),
    Kind.PROCESS: ("[[", "]]"),
    Kind.INLINE: ("([", "])"),
    Kind.GATE: ("{{", "}}"),
    Kind.MAP: ("[/", "/]"),
    Kind.CHOOSE: ("{{", "}}"),
    Kind.REPEAT: ("[/", "\\]"),
    Kind.GROW: ("[\\", "/]"),
    Kind.BRANCH: ("[", "]"),
}
_LINES: Final = {
    Kind.LOOP: "#5b8def",
    Kind.THREAD: "#d08a1d",
    Kind.PROCESS: "#a25fd0",
    Kind.INLINE: "#8b94a1",
    Kind.MAP: "#5b8def",
    Kind.CHOOSE: "#279a74",
    Kind.REPEAT: "#1e93ad",
    Kind.GROW: "#7468d8",
}
# Only letters, digits and these are written as they are: everything else means something to Mermaid somewhere.
_PLAIN: Final = frozenset(" _-.,/:+()[]×≥≤·…?")


def mermaid(diagram: Diagram) -> str:
    """The diagram as a flowchart. Steps are named ``s`` and a number: their own names stand in the labels alone."""
    return "\n".join(_lines(diagram)) + "\n"


def _lines(diagram: Diagram) -> Iterator[str]:
    yield "---"
    yield f"title: {json.dumps(diagram.title, ensure_ascii=False)}"
    yield "---"
    yield "flowchart LR"
    if diagram.left_out:
        yield f"  %% {diagram.left_out} edges that others imply are left out"
    for key in diagram.top:
        yield from _box(diagram, diagram.boxes[key], "  ")
    for arrow in diagram.arrows:
        line = "==>" if arrow.is_critical else "-->" if arrow.has_data else "-.->"
        yield f"  s{arrow.start} {line} s{arrow.end}"
    yield from _classes(diagram)


def _box(diagram: Diagram, box: Box, indent: str) -> Iterator[str]:
    if not box.inside:
        start, end = _SHAPES[box.kind]
        yield f'{indent}s{box.key}{start}"{_label(box)}"{end}'
        return
    yield f'{indent}subgraph s{box.key}["{_title(box)}"]'
    for key in box.inside:
        yield from _box(diagram, diagram.boxes[key], f"{indent}  ")
    yield f"{indent}end"


def _label(box: Box) -> str:
    name = _escaped(box.label + (f" ×{box.count}" if box.count else ""))
    mark = {Kind.CHOOSE: "choose ", Kind.REPEAT: "repeat ", Kind.GATE: "gate "}.get(box.kind, "")
    return f"{mark}{name}<br/>{_escaped(' · '.join(box.facts))}" if box.facts else f"{mark}{name}"


def _title(box: Box) -> str:
    words = {
        Kind.MAP: [f"map {box.label}"],
        Kind.CHOOSE: [f"choose {box.label}"],
        Kind.REPEAT: [f"repeat {box.label}"],
    }
    parts = [*words.get(box.kind, [box.label] if box.label else []), *box.facts]
    return _escaped(" · ".join(parts)) or " "


def _escaped(text: str) -> str:
    """`text` with everything that could mean something to Mermaid as an entity of its own kind, ``#35;``."""
    line = " ".join(text.split())
    return "".join(letter if letter.isalnum() or letter in _PLAIN else f"#{ord(letter)};" for letter in line)


def _classes(diagram: Diagram) -> Iterator[str]:
    boxes = [box for box in diagram.boxes.values() if not box.inside]
    for kind, color in _LINES.items():
        keys = [f"s{box.key}" for box in boxes if box.tone is kind]
        if keys:
            yield f"  classDef {kind.name.lower()} stroke:{color}"
            yield f"  class {','.join(keys)} {kind.name.lower()}"
    styles = {
        "optional": ("stroke-dasharray:5 3", [box for box in boxes if box.is_optional]),
        "maybe": ("stroke-dasharray:2 3", [box for box in boxes if not box.is_certain]),
        "critical": ("stroke:#d92d57,stroke-width:3px", [box for box in boxes if box.is_critical]),
    }
    for name, (style, marked) in styles.items():
        if marked:
            yield f"  classDef {name} {style}"
            yield f"  class {','.join(f's{box.key}' for box in marked)} {name}"
    yield from _frames(diagram)


def _frames(diagram: Diagram) -> Iterator[str]:
    frames = [f"s{box.key}" for box in diagram.boxes.values() if box.inside]
    if frames:
        yield "  classDef frame fill:none,stroke:#94a3b8"
        yield f"  class {','.join(frames)} frame"
