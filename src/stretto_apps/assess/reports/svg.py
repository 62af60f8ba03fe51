"""The few SVG elements that the figures are made of, and how text is fitted into them.

Colors come from classes that the page's style sheet defines, so that a figure follows light, dark and print.
"""

from __future__ import annotations

import math
from html import escape
from unicodedata import east_asian_width

from stretto_apps.assess.reports.wording import clean, one_line

FONT = 13.0
_EM = 0.54  # mean advance of a sans-serif letter; system fonts differ by a few percent


def shown(value: float) -> str:
    """A coordinate, to a hundredth."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def tag(name: str, *inside: str, **attributes: str | float) -> str:
    """An element around ready XML; ``class_`` means ``class`` and ``text_anchor`` means ``text-anchor``."""
    pairs = (
        f' {key.rstrip("_").replace("_", "-")}="{_attribute(value)}"' for key, value in attributes.items()
    )
    return f"<{name}{''.join(pairs)}>{''.join(inside)}</{name}>"


def _attribute(value: str | float) -> str:
    return escape(clean(value)) if isinstance(value, str) else shown(value)


def rect(x: float, y: float, width: float, height: float, kind: str, title: str = "") -> str:
    """A rectangle of the class `kind`; `title` is what a pointer resting on it shows."""
    inside = (titled(title),) if title else ()
    return tag("rect", *inside, class_=kind, x=x, y=y, width=max(width, 0.0), height=height)


def line(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    """A straight line of the class `kind`."""
    return tag("line", class_=kind, x1=x1, y1=y1, x2=x2, y2=y2)


def titled(text: str) -> str:
    """A title element."""
    return tag("title", escape(one_line(text), quote=False))


def label(text: str, x: float, y: float, kind: str = "text", anchor: str = "start") -> str:
    """One line of text with its baseline at `y`."""
    return tag("text", escape(one_line(text), quote=False), class_=kind, x=x, y=y, text_anchor=anchor)


def fitted(
    text: str, x: float, y: float, width: float, *, lines: int = 1, kind: str = "text"
) -> tuple[str, int]:
    """`text` in at most `lines` of `width`, whole in its title where it was cut; and the lines used."""
    whole = one_line(text)
    parts = wrapped(whole, width, lines)
    spans = [
        tag("tspan", escape(part, quote=False), x=x, dy=index and 15) for index, part in enumerate(parts)
    ]
    hint = [titled(whole)] if parts[-1].endswith("…") else []
    return tag("text", *hint, *spans, class_=kind, x=x, y=y), len(parts)


def wrapped(text: str, width: float, lines: int) -> list[str]:
    """`text` as at most `lines` lines of `width`, the last with an ellipsis where something is left over."""
    parts = [""]
    for word in text.split():
        joined = f"{parts[-1]} {word}".strip()
        if parts[-1] and measured(joined) > width and len(parts) < lines:
            parts.append(word)
        else:
            parts[-1] = joined
    return [_cut(part, width) for part in parts]


def measured(text: str) -> float:
    """About how wide `text` is when set in `FONT`."""
    wide = sum(east_asian_width(letter) in "WF" for letter in text)
    return (len(text) + wide * 0.85) * FONT * _EM


def _cut(text: str, width: float) -> str:
    if measured(text) <= width:
        return text
    kept = text
    while kept and measured(kept + "…") > width:
        kept = kept[:-1]
    return kept.rstrip() + "…"


def frame(ident: str, title: str, description: str, size: tuple[float, float], parts: list[str]) -> str:
    """The whole picture, named and described for those who cannot see it.

    It has no namespace: it lives inside an HTML page, where none is needed.
    """
    width, height = size
    return tag(
        "svg",
        tag("title", escape(one_line(title), quote=False), id=f"{ident}-title"),
        tag("desc", escape(one_line(description), quote=False), id=f"{ident}-desc"),
        *parts,
        class_="chart",
        role="img",
        aria_labelledby=f"{ident}-title {ident}-desc",
        viewBox=f"0 0 {shown(width)} {shown(height)}",
    )


def ticks(limit: float, wanted: int = 4) -> list[float]:
    """Round numbers from 0 up to the first at or above `limit`."""
    if limit <= 0:
        return [0.0, 1.0]
    rough = limit / wanted
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= rough * 0.999)
    return [step * index for index in range(math.ceil(limit / step * 0.999) + 1)]
