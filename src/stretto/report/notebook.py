"""Pictures as notebooks show them: in a frame that scrolls, and words where there is nothing to draw."""

from __future__ import annotations

from html import escape

__all__ = ["framed", "told"]


def framed(svg: str) -> str:
    """A picture in its own size; what is larger than the page scrolls inside its frame."""
    return f'<div style="max-width:100%;max-height:85vh;overflow:auto">{svg}</div>'


def told(headline: str, *lines: str) -> str:
    """A headline and lines of code, as text."""
    rest = "".join(f"<br><code>{escape(line)}</code>" for line in lines)
    return f"<p>{escape(headline)}{rest}</p>"
