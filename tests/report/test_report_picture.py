"""A diagram as SVG, Mermaid and DOT: well-formed, self-contained, every name escaped."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from report.drawn_graphs import add, chain, diamond, grown_map, random_teams, with_group
from stretto.core.graph import Graph, StepSpec, Where
from stretto.core.policy import Retry
from stretto.report.diagram import Kind, diagram_of
from stretto.report.dot import dot
from stretto.report.look import STYLE, has_mark, mark
from stretto.report.mermaid import mermaid
from stretto.report.picture import picture
from stretto.report.svg import clean, cut, cut_end, number, rules, tag, text_width, titled

SVG = "{http://www.w3.org/2000/svg}"
NASTY = (
    'a"b',
    "<script>alert(1)</script>",
    "x & y",
    "`md`",
    "a\nb",
    "\\N",
    "]--> z",
    "%%c",
    "#35;",
    "end",
    "日本",
    "\x00\x1b",
)


def drawn(graph: Graph, title: str = "flow", **options: object) -> str:
    """A graph as SVG."""
    return picture(diagram_of(graph, title, **options))  # type: ignore[arg-type]  # handed on


def parsed(svg: str) -> ElementTree.Element:
    """The picture as elements; raises where it is not well-formed."""
    return ElementTree.fromstring(svg)


def texts(svg: str) -> list[str]:
    """Everything written in the picture."""
    return [each.text or "" for each in parsed(svg).iter(f"{SVG}text")]


def nasty() -> Graph:
    """Names that mean something in every language."""
    graph = Graph()
    for place, name in enumerate(NASTY):
        graph.add(StepSpec(id=name), name, (), None, (place - 1,) if place else ())
    with_group(graph, 'g"<&', [NASTY[-1], NASTY[-2]])
    return graph


# -------------------------------------------------------------------- SVG


def test_a_picture_says_what_it_shows() -> None:
    """Title, counts, each step's name, a legend of what is in it."""
    found = texts(drawn(diamond()))
    assert found[:2] == ["flow", "4 steps · 4 edges drawn · 1 that others imply left out"]
    assert {"a", "b", "c", "d", "coroutine"} <= set(found)
    assert "thread" not in found


def test_a_picture_needs_nothing_else() -> None:
    """No script, no address but the namespace, nothing loaded, no ids that a page could have as well."""
    svg = drawn(random_teams(3, 5, 1))
    assert not re.search(r"<script|\son\w+=|href|@import|url\(|\sid=", svg)
    assert set(re.findall(r"https?://[^\"' ]+", svg)) == {"http://www.w3.org/2000/svg"}


def test_a_picture_has_both_color_schemes() -> None:
    """Each rule of its own keeps to the picture, whatever the page around it looks like."""
    style, dark = (
        STYLE.removeprefix("<style>").removesuffix("}</style>").split("@media(prefers-color-scheme:dark){")
    )
    for sheet in (style, dark):
        selectors = re.findall(r"([^{}]+)\{", sheet)
        assert len(selectors) > 10
        assert all(selector.startswith(".stretto-graph ") for selector in selectors)


@pytest.mark.parametrize("kind", list(Kind))
def test_each_kind_has_its_color(kind: Kind) -> None:
    """In both schemes."""
    assert STYLE.count(f".{kind.name.lower()} > .shape{{fill:#") == 2


def test_names_cannot_break_a_picture() -> None:
    """Whatever they hold, and control characters are replaced."""
    svg = drawn(nasty(), title='T"<&>')
    found = texts(svg)
    assert {'T"<&>', "<script>alert(1)</script>", "x & y", "a b", 'g"<&'} <= set(found)
    assert "\ufffd\ufffd" in found
    assert "<script" not in svg


def test_boxes_have_accessible_names_and_tips() -> None:
    """What the eye sees is said as well."""
    graph = chain("a", "b")
    grown_map(graph, "write", 12, "a")
    root = parsed(drawn(graph))
    names = [each.get("aria-label") for each in root.iter(f"{SVG}g") if each.get("role") == "graphics-symbol"]
    assert names == ["a, coroutine", "b, coroutine", "write, map, 12 steps"]
    assert root.get("aria-label") == "Graph of flow"
    tips = [each.text for each in root.iter(f"{SVG}title")]
    assert "b\nruns as a coroutine on the event loop\nneeds a" in tips
    assert "a → b" in tips


def test_looks_tell_steps_apart() -> None:
    """Optional ones are dashed, the critical path is marked and called an estimate, maps show their number."""
    graph = diamond()
    add(graph, "e", "d", spec=StepSpec(id="e", optional=True), has_data=False)
    grown_map(graph, "write", 7, "e")
    svg = drawn(graph, estimates={"a": 1.0, "b": 1.0, "c": 5.0, "d": 1.0, "e": 1.0, "write": 1.0})
    assert 'class="loop optional critical"' in svg
    assert 'class="edge order critical"' in svg
    assert {"×7", "optional", "critical path (estimate)", "order without data", "map, ×steps"} <= set(
        texts(svg)
    )


def test_large_pictures_leave_facts_to_tips() -> None:
    """In small ones they stand in the boxes."""
    spec = StepSpec(id="a", timeout=30.0, retry=Retry(attempts=2))
    graph = Graph()
    add(graph, "a", spec=spec)
    assert "≤ 30 s a try · 2 tries" in texts(drawn(graph))
    for place in range(100):
        add(graph, f"s{place}")
    assert "≤ 30 s a try · 2 tries" not in texts(drawn(graph))
    assert "≤ 30 s a try" in drawn(graph)


def test_every_kind_of_box_can_be_drawn() -> None:
    """Each has a shape; those with a mark draw it."""
    for kind in Kind:
        assert bool(mark(kind, 0, 0)) == has_mark(kind)
    for where in Where:
        graph = Graph()
        add(graph, "a", spec=StepSpec(id="a", where=where))
        assert where.name.lower() in drawn(graph)


def test_an_empty_graph_is_a_picture_too() -> None:
    """It says that there are no steps."""
    assert "0 steps · 0 edges drawn" in texts(drawn(Graph()))


# -------------------------------------------------------------------- elements


def test_long_names_lose_their_middle() -> None:
    """Of a path the ends say most; of a sentence the beginning."""
    name = "sections/" + "x" * 60 + "/write[3]"
    short = cut(name, 150, 13)
    assert short.startswith("sections/")
    assert short.endswith("[3]")
    assert text_width(short, 13) <= 150
    assert cut_end("lost; its default was used", 60, 11).endswith("…")
    assert cut("a", 100, 13) == cut_end("a", 100, 11) == "a"
    assert cut_end("abc", 0, 11) == "…"


def test_width_of_text() -> None:
    """Wide letters count more than narrow ones, combining ones nothing."""
    assert text_width("iii", 10) < text_width("aaa", 10) < text_width("WWW", 10) < text_width("日日日", 10)
    assert text_width("e\u0301", 10) == text_width("e", 10)


def test_numbers_are_short() -> None:
    """A tenth of a pixel is more than an eye sees."""
    assert [number(value) for value in (1.0, 1.25, 0.04, -3.96)] == ["1", "1.2", "0", "-4"]


def test_elements() -> None:
    """Attributes are escaped, None is left out, keywords of Python have a way in."""
    assert tag("a", class_='x"', text_anchor=None, x=1.0) == '<a class="x&quot;" x="1"/>'
    assert tag("g", titled("a\n<b>")) == "<g><title>a\n&lt;b&gt;</title></g>"
    assert clean("a\tb \ud800\uffff") == "a b \ufffd\ufffd"
    assert rules("s", {".a": ("x:1", ""), ".b": ("y:2", "y:3")}) == (
        "<style>.s .a{x:1}.s .b{y:2}@media(prefers-color-scheme:dark){.s .b{y:3}}</style>"
    )


# -------------------------------------------------------------------- Mermaid


def test_mermaid() -> None:
    """A flowchart: shapes by kind, groups as subgraphs, lines by what they mean."""
    graph = chain("a")
    add(graph, "x", "a", spec=StepSpec(id="x", where=Where.PROCESS))
    add(graph, "y", "a", spec=StepSpec(id="y", where=Where.INLINE))
    with_group(graph, "team", ["x", "y"])
    add(graph, "end", "team", has_data=False)
    assert mermaid(diagram_of(graph, "flow")).splitlines() == [
        "---",
        'title: "flow"',
        "---",
        "flowchart LR",
        '  s0("a")',
        '  subgraph s3["team · within 60 s"]',
        '    s1[["x"]]',
        '    s2(["y"])',
        "  end",
        '  s4("end")',
        "  s0 --> s3",
        "  s3 -.-> s4",
        "  classDef loop stroke:#5b8def",
        "  class s0,s4 loop",
        "  classDef process stroke:#a25fd0",
        "  class s1 process",
        "  classDef inline stroke:#8b94a1",
        "  class s2 inline",
        "  classDef optional stroke-dasharray:5 3",
        "  class s1,s2 optional",
        "  classDef frame fill:none,stroke:#94a3b8",
        "  class s3 frame",
    ]


def test_mermaid_tells_what_is_left_out_and_what_is_critical() -> None:
    """As a comment, and as thick lines."""
    text = mermaid(diagram_of(diamond(), "flow", estimates={"a": 1.0, "b": 1.0, "c": 5.0, "d": 1.0}))
    assert "  %% 1 edges that others imply are left out" in text
    assert "  s0 ==> s2" in text
    assert "  class s0,s2,s3 critical" in text


def test_names_cannot_break_mermaid() -> None:
    """What could mean something is an entity; names stand in quotes and are never ids."""
    text = mermaid(diagram_of(nasty(), 'T"'))
    labels = re.findall(r'^ *s\d+\("(.*)"\)$', text, re.MULTILINE)
    assert len(labels) == len(NASTY)
    assert all(re.fullmatch(r"(?:[\w \[\]./:,_+()-]|#\d+;)*", label) for label in labels)
    assert labels[:3] == ["a#34;b", "#60;script#62;alert(1)#60;/script#62;", "x #38; y"]
    assert 'title: "T\\""' in text


# -------------------------------------------------------------------- DOT


def test_dot() -> None:
    """A digraph: groups as clusters, edges to them cut at their borders."""
    graph = chain("a")
    add(graph, "x", "a", spec=StepSpec(id="x", where=Where.THREAD))
    add(graph, "y", "a")
    with_group(graph, "team", ["x", "y"])
    add(graph, "end", "team", has_data=False)
    text = dot(diagram_of(graph, "flow"))
    assert text.startswith('digraph "flow" {\n  graph [rankdir=LR, compound=true')
    assert '    graph [label="team · within 60 s", labeljust="l", style="rounded", color="#94a3b8"]' in text
    assert '  s0 -> s2 [lhead="cluster_s3"]' in text
    assert '  s2 -> s4 [ltail="cluster_s3", style="dotted"]' in text
    assert '    s1 [label="x", ' in text
    assert text.count("{") == text.count("}") == 2


def test_dot_marks_the_critical_path() -> None:
    """Boxes and edges; the implied ones are counted in a comment."""
    text = dot(diagram_of(diamond(), "flow", estimates={"a": 1.0, "b": 1.0, "c": 5.0, "d": 1.0}))
    assert '  s0 -> s2 [color="#d92d57", penwidth="2"]' in text
    assert "  // 1 edges that others imply are left out" in text


def test_names_cannot_break_dot() -> None:
    """Quotes, backslashes and entities are escaped; each statement stays on its line."""
    lines = dot(diagram_of(nasty(), "\\")).splitlines()
    assert lines[0] == 'digraph "\\\\" {'
    labels = [
        match[1]
        for line in lines
        if (match := re.match(r'  +s\d+ \[label="((?:[^"\\]|\\.)*)", tooltip=', line))
    ]
    assert len(labels) == len(NASTY)
    assert labels[:3] == ['a\\"b', "<script>alert(1)</script>", "x &amp; y"]
    assert "\\\\N" in labels
