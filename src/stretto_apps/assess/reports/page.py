"""A report's Markdown as a page that needs nothing else: styles and figures are inside, no script runs."""

from __future__ import annotations

from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader, StrictUndefined
from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup, escape

from stretto_apps.assess.reports.markdown import slug
from stretto_apps.assess.reports.wording import clean

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from markdown_it.renderer import RendererHTML

    from stretto_apps.assess.reports.figures import Figure

_ROLES = {"table": "table", "thead": "rowgroup", "tbody": "rowgroup", "tr": "row", "td": "cell"}


class _Parser(MarkdownIt):
    """CommonMark and tables; links stay inside the page, and nothing is fetched."""

    def validateLink(self, url: str) -> bool:  # noqa: N802 - the library's name
        return url.startswith("#")


def page(title: str, kind: str, markdown: str, figures: Iterable[Figure]) -> str:
    """The whole page: `markdown` with the fences named ``figure …`` replaced by the pictures of that name."""
    body = body_html(markdown, {figure.name: figure for figure in figures})
    html = _environment().get_template("page.html.j2").render(title=title, kind=kind, body=body)
    return clean(html) + "\n"


def body_html(markdown: str, figures: Mapping[str, Figure]) -> Markup:
    """`markdown` as HTML: headings with anchors, tables with scopes, figures inlined."""
    parser = _parser()
    tokens = list(_wrapped_tables(_scoped(_anchored(parser.parse(markdown)))))
    html = parser.renderer.render(tokens, parser.options, {"figures": figures})
    return Markup(html)  # noqa: S704 - the parser escapes all text, and raw HTML is off


@cache
def _parser() -> MarkdownIt:
    parser = (
        _Parser("commonmark", {"html": False}).enable("table").disable(["image", "autolink", "reference"])
    )
    parser.add_render_rule("fence", _fence)
    return parser


@cache
def _environment() -> Environment:
    loader = PackageLoader(__package__ or "", "templates")
    return Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )


def _fence(
    renderer: RendererHTML,
    tokens: Sequence[Token],
    index: int,
    options: object,
    env: Mapping[str, Mapping[str, Figure]],
) -> str:
    del renderer, options  # the library passes them to every rule
    token = tokens[index]
    figure = env["figures"].get(token.info.removeprefix("figure ").strip())
    if figure is None:
        return f"<pre><code>{escape(token.content)}</code></pre>\n"
    return figure_html(figure)


def figure_html(figure: Figure) -> str:
    """The figure in both widths; the style sheet shows the one that fits."""
    if not figure.narrow:
        return f"{figure.wide}\n"
    pictures = f'<div class="wide">{figure.wide}</div><div class="narrow">{figure.narrow}</div>'
    return (
        f'<figure class="{figure.name}"><figcaption>{escape(figure.title)}</figcaption>{pictures}</figure>\n'
    )


def _anchored(tokens: list[Token]) -> list[Token]:
    used: dict[str, int] = {}
    for opening, inline in pairwise(tokens):
        if opening.type == "heading_open":
            name = slug(_plain_text(inline))
            seen = used[name] = used.get(name, -1) + 1
            opening.attrSet("id", f"{name}-{seen}" if seen else name)
    return tokens


def _scoped(tokens: list[Token]) -> list[Token]:
    """Column headings get their scope; the first cell of each row becomes the row's heading.

    On a phone the style sheet sets rows as blocks. The roles keep them a table for those who listen, and each
    cell carries its column's name for those who look.
    """
    columns: list[str] = []
    column = 0
    for token, inside in zip(tokens, [*tokens[1:], None], strict=True):
        if token.tag in _ROLES and token.nesting == 1:
            token.attrSet("role", _ROLES[token.tag])
        if token.type == "thead_open":
            columns = []
        elif token.type == "tr_open":
            column = 0
        elif token.type == "th_open":
            columns.append(_plain_text(inside))
            token.attrs |= {"scope": "col", "role": "columnheader"}
        elif token.type == "td_open" and column == 0:
            token.tag = "th"
            token.attrs |= {"scope": "row", "role": "rowheader"}
        elif token.type == "td_open":
            token.attrSet("data-label", columns[column])
        elif token.type == "td_close":
            token.tag = "th" if column == 0 else "td"
            column += 1
    return tokens


def _plain_text(token: Token | None) -> str:
    return "".join(child.content for child in (token and token.children) or ())


def _wrapped_tables(tokens: Iterable[Token]) -> Iterator[Token]:
    """Each table in a box that scrolls sideways on a narrow screen, reachable from the keyboard."""
    heading, after_heading = "", False
    for token in tokens:
        if after_heading:
            heading = _plain_text(token)
        after_heading = token.type == "heading_open"
        if token.type == "table_open":
            box = {"class": "table", "role": "region", "tabindex": "0", "aria-label": f"Table: {heading}"}
            yield Token("box_open", "div", 1, attrs=dict(box), block=True)
        yield token
        if token.type == "table_close":
            yield Token("box_close", "div", -1, block=True)
