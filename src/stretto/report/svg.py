"""The few SVG elements that pictures are made of, how wide text is, and colors for light and dark.

Colors are written out as rules, once for each scheme: variables are unknown to many programs that show SVG.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Final
from unicodedata import category, east_asian_width

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["FONTS", "clean", "cut", "cut_end", "escaped", "number", "rules", "tag", "text_width", "titled"]

FONTS: Final = 'system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif'

# Advances in ems of DejaVu Sans, the widest of the usual fonts: a text that fits in it fits in the others.
_WIDTHS: Final = {
    **dict.fromkeys("ijl'|", 0.29),
    **dict.fromkeys(" .,:;!Ifrt/\\", 0.37),
    **dict.fromkeys('()[]{}-"`', 0.42),
    **dict.fromkeys('_*cskvxyzJ?"`', 0.55),
    **dict.fromkeys("CLFESTPXYZBKRAV", 0.68),
    **dict.fromkeys("DGHNOQUw#+<=>~", 0.82),
    **dict.fromkeys("mMW%@…", 0.99),
}
_USUAL: Final = 0.64


def text_width(text: str, size: float) -> float:
    """About how wide `text` is in a font of `size` pixels; rather too wide than too narrow."""
    return sum(_advance(letter) for letter in text) * size


def _advance(letter: str) -> float:
    if east_asian_width(letter) in "WF":
        return 1.05
    if category(letter) in ("Mn", "Me", "Cf"):
        return 0.0
    return _WIDTHS.get(letter, _USUAL)


def cut(text: str, width: float, size: float) -> str:
    """`text`, or as much of its two ends as fits into `width` with an ellipsis between them.

    The middle goes first: of a path the end says which step, the beginning where.
    """
    if text_width(text, size) <= width:
        return text
    kept = len(text) - 1
    while kept > 1 and text_width(_ends(text, kept), size) > width:
        kept -= 1
    return _ends(text, kept)


def _ends(text: str, kept: int) -> str:
    head = kept - kept // 2
    return f"{text[:head]}…{text[len(text) - kept // 2 :]}"


def cut_end(text: str, width: float, size: float) -> str:
    """`text`, or as much of its beginning as fits into `width` with an ellipsis behind it."""
    if text_width(text, size) <= width:
        return text
    kept = len(text)
    while kept and text_width(text[:kept] + "…", size) > width:
        kept -= 1
    return text[:kept].rstrip() + "…"


def number(value: float) -> str:
    """A coordinate, to a tenth of a pixel."""
    text = f"{value:.1f}"
    return text[:-2] if text.endswith(".0") else text


def clean(text: str) -> str:
    """`text` without the characters that XML cannot hold; white space becomes single spaces."""
    kept = (letter if _is_xml(letter) else "\N{REPLACEMENT CHARACTER}" for letter in text)
    return " ".join("".join(kept).split())


def _is_xml(letter: str) -> bool:
    code = ord(letter)
    is_control = code < 0x20 and letter not in "\t\n\r"
    return not (is_control or 0xD800 <= code <= 0xDFFF or code in (0xFFFE, 0xFFFF))


def tag(name: str, *inside: str, **attributes: str | float | None) -> str:
    """An element around ready XML; ``class_`` means ``class``, ``text_anchor`` ``text-anchor``; None is left out."""
    pairs = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{_attribute(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    return f"<{name}{pairs}>{''.join(inside)}</{name}>" if inside else f"<{name}{pairs}/>"


def _attribute(value: str | float) -> str:
    return escape(clean(value)) if isinstance(value, str) else number(value)


def escaped(text: str) -> str:
    """`text` as the content of an element."""
    return escape(clean(text), quote=False)


def titled(text: str) -> str:
    """What a pointer resting on the element shows; its lines are kept."""
    lines = "\n".join(clean(line) for line in text.splitlines())
    return f"<title>{escape(lines, quote=False)}</title>"


def rules(scope: str, styles: Mapping[str, tuple[str, str]]) -> str:
    """A style sheet: selector → (declarations in light, those that differ in dark), all below class `scope`."""
    light = "".join(f".{scope} {selector}{{{plain}}}" for selector, (plain, _) in styles.items())
    dark = "".join(f".{scope} {selector}{{{night}}}" for selector, (_, night) in styles.items() if night)
    return f"<style>{light}@media(prefers-color-scheme:dark){{{dark}}}</style>"
