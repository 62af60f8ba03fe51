"""A diagram in the language of Graphviz."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from stretto.report.diagram import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from stretto.report.diagram import Arrow, Box, Diagram

__all__ = ["dot"]

_LOOKS: Final = {
    Kind.LOOP: ("box", "rounded", "#5b8def"),
    Kind.THREAD: ("box", "", "#d08a1d"),
    Kind.PROCESS: ("box", "bold", "#a25fd0"),
    Kind.INLINE: ("ellipse", "", "#8b94a1"),
    Kind.GATE: ("hexagon", "", "#5d6b7e"),
    Kind.MAP: ("box3d", "", "#5b8def"),
    Kind.CHOOSE: ("diamond", "", "#279a74"),
    Kind.REPEAT: ("octagon", "", "#1e93ad"),
    Kind.GROW: ("component", "", "#7468d8"),
    Kind.BRANCH: ("plaintext", "", "#8fc9b5"),
}
_CRITICAL: Final = "#d92d57"


def dot(diagram: Diagram) -> str:
    """The diagram as a digraph; groups are clusters. Equal for equal diagrams."""
    return "\n".join(_lines(diagram)) + "\n"


def _lines(diagram: Diagram) -> Iterator[str]:
    yield f"digraph {_quoted(diagram.title)} {{"
    yield f'  graph [rankdir=LR, compound=true, labelloc=t, fontname="sans-serif", label={_quoted(diagram.title)}]'
    yield '  node [fontname="sans-serif", fontsize=11]'
    yield '  edge [color="#8a97a8", arrowsize=0.7]'
    if diagram.left_out:
        yield f"  // {diagram.left_out} edges that others imply are left out"
    for key in diagram.top:
        yield from _box(diagram, diagram.boxes[key], "  ")
    for arrow in diagram.arrows:
        yield f"  {_edge(diagram, arrow)}"
    yield "}"


def _box(diagram: Diagram, box: Box, indent: str) -> Iterator[str]:
    if not box.inside:
        yield f"{indent}s{box.key} [{_node(box)}]"
        return
    yield f"{indent}subgraph cluster_s{box.key} {{"
    title = " · ".join((box.label, *box.facts)) if box.label else ""
    yield f"{indent}  graph [{_written({'label': title, 'labeljust': 'l', 'style': 'rounded', 'color': '#94a3b8'})}]"
    for key in box.inside:
        yield from _box(diagram, diagram.boxes[key], f"{indent}  ")
    yield f"{indent}}}"


def _node(box: Box) -> str:
    shape, style, color = _LOOKS[box.kind]
    styles = [style] if style else []
    styles += ["dashed"] if box.is_optional else []
    styles += [] if box.is_certain else ["dotted"]
    name = " ".join(box.label.split()) + (f" ×{box.count}" if box.count else "")
    attributes = {
        "label": "\n".join([name, *([" · ".join(box.facts)] if box.facts else [])]),
        "tooltip": box.tip,
        "shape": shape,
        "style": ",".join(styles),
        "color": _CRITICAL if box.is_critical else color,
        "penwidth": "2.4" if box.is_critical else "",
    }
    return _written(attributes)


def _edge(diagram: Diagram, arrow: Arrow) -> str:
    """Graphviz joins nodes alone: an edge to a cluster leads to a node in it and is cut at the border."""
    attributes = {
        "ltail": f"cluster_s{arrow.start}" if diagram.boxes[arrow.start].inside else "",
        "lhead": f"cluster_s{arrow.end}" if diagram.boxes[arrow.end].inside else "",
        "style": "" if arrow.has_data else "dotted",
        "color": _CRITICAL if arrow.is_critical else "",
        "penwidth": "2" if arrow.is_critical else "",
    }
    text = _written(attributes)
    line = f"s{_node_of(diagram, arrow.start)} -> s{_node_of(diagram, arrow.end)}"
    return f"{line} [{text}]" if text else line


def _node_of(diagram: Diagram, key: int) -> int:
    while inside := diagram.boxes[key].inside:
        key = inside[len(inside) // 2]
    return key


def _written(attributes: Mapping[str, str]) -> str:
    return ", ".join(f"{name}={_quoted(value)}" for name, value in attributes.items() if value)


def _quoted(text: str) -> str:
    """A quoted string. Graphviz reads escapes and entities in labels: a backslash of the text is written as two."""
    lines = (" ".join(line.split()).replace("&", "&amp;") for line in text.split("\n"))
    plain = "\\n".join(line.replace("\\", "\\\\").replace('"', '\\"') for line in lines)
    return f'"{plain}"'
