"""How boxes of each kind look: colors for light and dark, shapes, and the little marks in them."""

from __future__ import annotations

from typing import Final, NamedTuple

from stretto.report.diagram import Kind
from stretto.report.svg import FONTS, rules, tag

__all__ = ["FACT_SIZE", "LABEL_SIZE", "SCOPE", "STYLE", "has_mark", "mark"]

SCOPE: Final = "stretto-graph"
"""The class that all rules of the style sheet are below: the page around a picture keeps its own look."""

LABEL_SIZE: Final = 13.0
FACT_SIZE: Final = 11.0


class _Tone(NamedTuple):
    """Fill and line, in light and in dark."""

    fill: str
    line: str
    dark_fill: str
    dark_line: str


_TONES: Final = {
    Kind.LOOP: _Tone("#eaf2ff", "#5b8def", "#17263f", "#6c9cf5"),
    Kind.THREAD: _Tone("#fff3dc", "#d08a1d", "#38290f", "#dca044"),
    Kind.PROCESS: _Tone("#f6eafd", "#a25fd0", "#31203e", "#bb86e0"),
    Kind.INLINE: _Tone("#f3f4f6", "#8b94a1", "#23272e", "#8b94a1"),
    Kind.GATE: _Tone("#eef1f5", "#5d6b7e", "#232a33", "#93a1b5"),
    Kind.GROUP: _Tone("#f6f8fb", "#94a3b8", "#181d24", "#526174"),
    Kind.MAP: _Tone("#eaf2ff", "#5b8def", "#17263f", "#6c9cf5"),
    Kind.CHOOSE: _Tone("#e4f6ef", "#279a74", "#12302a", "#3fb890"),
    Kind.REPEAT: _Tone("#e3f5f9", "#1e93ad", "#112f37", "#42b3cc"),
    Kind.GROW: _Tone("#eeecfd", "#7468d8", "#24213f", "#9389ec"),
    Kind.BRANCH: _Tone("#ffffff", "#8fc9b5", "#10161c", "#2f6b5a"),
    Kind.ALIKE: _Tone("#fafbfc", "#c3cad4", "#14181e", "#3b4450"),
}
_FRAMES: Final = {Kind.GROUP: 1.0, Kind.ALIKE: 1.0, Kind.BRANCH: 0.6}
"""How much of their fill clusters show: boxes in them must stand out."""

_CRITICAL: Final = ("#d92d57", "#ff6b8b")


def _style() -> str:
    styles = {
        ".paper": ("fill:#fff", "fill:#0e1116"),
        "text": (f"font-family:{FONTS};fill:#1b2430", "fill:#e4e8ee"),
        ".name": (f"font-size:{LABEL_SIZE:g}px;font-weight:500", ""),
        ".fact": (f"font-size:{FACT_SIZE:g}px;fill:#5a6675", "fill:#9aa6b5"),
        ".head": ("font-size:16px;font-weight:650", ""),
        ".count": ("font-size:12px;font-weight:650", ""),
        ".title": ("font-size:12.5px;font-weight:650;fill:#3d4a5c", "fill:#b9c4d2"),
        ".edge": ("fill:none;stroke:#8a97a8;stroke-width:1.4", "stroke:#66738a"),
        ".tip": ("fill:#8a97a8;stroke:none", "fill:#66738a"),
        ".order": ("stroke-dasharray:2 4;stroke-linecap:round", ""),
        ".shape": ("stroke-width:1.4", ""),
        ".mark": ("fill:none;stroke-width:1.5;stroke-linecap:round;stroke-linejoin:round", ""),
        ".optional .shape": ("stroke-dasharray:5 3", ""),
        ".maybe .shape": ("stroke-dasharray:2 3;fill-opacity:.5", ""),
    }
    for kind, tone in _TONES.items():
        styles[f".{kind.name.lower()} > .shape"] = (
            f"fill:{tone.fill};stroke:{tone.line}",
            f"fill:{tone.dark_fill};stroke:{tone.dark_line}",
        )
        styles[f".{kind.name.lower()} > .mark"] = (f"stroke:{tone.line}", f"stroke:{tone.dark_line}")
        styles[f".{kind.name.lower()} > .bar"] = (f"fill:{tone.line}", f"fill:{tone.dark_line}")
        styles[f".{kind.name.lower()} > .frame"] = (
            f"stroke-width:1.2;fill-opacity:{_FRAMES.get(kind, 0.35):g}",
            "",
        )
    light, dark = _CRITICAL
    styles[".critical > .shape"] = (f"stroke:{light};stroke-width:2.4", f"stroke:{dark}")
    styles[".edge.critical"] = (f"stroke:{light};stroke-width:2.6", f"stroke:{dark}")
    styles[".tip.critical"] = (f"fill:{light}", f"fill:{dark}")
    return rules(SCOPE, styles)


STYLE: Final = _style()

_PATHS: Final = {
    Kind.MAP: "M2 5.5h8v7h-8zM5 5.5v-3h8v7h-3",
    Kind.CHOOSE: "M1 7.5h4M5 7.5l4-4.5h4M5 7.5l4 4.5h4",
    Kind.REPEAT: "M11.8 4.2a5.3 5.3 0 1 0 1 4.8M12.6 1.4v3.4h-3.4",
    Kind.GROW: "M1.5 1.5h12v12h-12zM4.8 4.8h5.4v5.4h-5.4z",
    Kind.GATE: "M4.2 2h6.6l3.4 5.5-3.4 5.5h-6.6l-3.4-5.5z",
    Kind.PROCESS: "M3.5 3.5h8v8h-8z"
    "M5.5 1v2.5M9.5 1v2.5M5.5 11.5v2.5M9.5 11.5v2.5M1 5.5h2.5M1 9.5h2.5M11.5 5.5h2.5M11.5 9.5h2.5",
    Kind.THREAD: "M4 1.5c7 2.4-5 4 2.5 6.2c7 2-4 4 2.5 5.8",
}


def mark(kind: Kind, x: float, y: float) -> str:
    """The mark of a kind, 15 pixels wide, with its middle at `y`; nothing for kinds that have none."""
    if kind not in _PATHS:
        return ""
    return tag("path", class_="mark", d=_PATHS[kind], transform=f"translate({x:g} {y - 7.5:g})")


def has_mark(kind: Kind) -> bool:
    """Whether boxes of a kind have a mark."""
    return kind in _PATHS
