"""``stretto graph``: a picture before a run."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import pytest

from service.service_targets import FLOWS

if TYPE_CHECKING:
    from service.conftest import Cli

EXAMPLE = "inputs: the workflow's example, as none were given\n"


@pytest.fixture
def flows(cli: Cli) -> Cli:
    """A folder with `flows.py`."""
    (cli.folder / "flows.py").write_text(FLOWS)
    return cli


def test_mermaid_is_the_default(flows: Cli) -> None:
    """On stdout, nothing else with it; where inputs come from is said beside it."""
    done = flows.run("graph", "flows.py:good", "-i", "x=1")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith('---\ntitle: "good"\n---\nflowchart LR\n  s0("first")\n')
    assert "  s0 --> s1\n" in done.out
    assert flows.run("graph", "flows.py:good").err == EXAMPLE
    assert flows.run("graph", "flows.py:bad").err == "inputs: the workflow's defaults\n"
    assert flows.run("graph", "flows.py:nothing").err == ""


@pytest.mark.parametrize(
    ("to", "begins"),
    [
        ("mermaid", "---\n"),
        ("dot", 'digraph "good" {'),
        ("svg", "<svg "),
        ("json", '{\n  "format": "stretto.graph"'),
    ],
)
def test_formats(flows: Cli, to: str, begins: str) -> None:
    """Each as asked for."""
    done = flows.run("graph", "flows.py:good", "--to", to)
    assert done.code == 0
    assert done.out.startswith(begins)
    assert done.out.endswith("\n")
    assert not done.out.endswith("\n\n")


@pytest.mark.parametrize(
    ("name", "begins"),
    [("a.mmd", "---"), ("a.dot", "digraph"), ("a.gv", "digraph"), ("A.SVG", "<svg"), ("a.json", "{")],
)
def test_a_files_name_says_what_to_write(flows: Cli, name: str, begins: str) -> None:
    """The file has the picture, stdout nothing, stderr a word about it."""
    done = flows.run("graph", "flows.py:good", "-i", "x=1", "-o", name)
    assert (done.code, done.out) == (0, "")
    assert done.err.startswith(f"wrote {name} (")
    assert "2 steps" in done.err
    assert (flows.folder / name).read_text(encoding="utf-8").startswith(begins)


def test_what_is_asked_for_goes_before_the_files_name(flows: Cli) -> None:
    """``--to`` decides."""
    flows.run("graph", "flows.py:good", "--to", "dot", "-o", "graph.txt")
    assert (flows.folder / "graph.txt").read_text().startswith("digraph")


def test_a_file_is_never_overwritten_unasked(flows: Cli) -> None:
    """It stays as it is; ``--force`` replaces it."""
    kept = flows.write("graph.svg", "mine")
    done = flows.run("graph", "flows.py:good", "-o", "graph.svg")
    assert (done.code, done.out) == (2, "")
    assert "there is such a file. Overwrite it with --force, or name another." in done.err
    assert kept.read_text() == "mine"
    assert flows.run("graph", "flows.py:good", "-o", "graph.svg", "--force").code == 0
    assert kept.read_text().startswith("<svg")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (
            ("-o", "graph.png"),
            "nothing is known to write into a file of that name. Say what: --to mermaid|dot|svg|json",
        ),
        (("-o", "no/such/graph.svg"), "there is no folder no/such"),
        (("--to", "svg", "-o", "."), "it is a folder"),
        (("--json", "--to", "svg"), "--json and --to svg contradict each other"),
        (("--to", "png"), "--to"),
        (("-i", "y=1"), "has no input 'y'"),
    ],
)
def test_usage_errors(flows: Cli, arguments: tuple[str, ...], says: str) -> None:
    """What is wrong and what would be right: 2, and nothing on stdout."""
    done = flows.run("graph", "flows.py:good", *arguments)
    assert (done.code, done.out) == (2, "")
    assert says in done.err


def test_a_file_that_cannot_be_written(flows: Cli) -> None:
    """It says so instead of a traceback."""
    (flows.folder / "loop.svg").symlink_to("loop.svg")
    done = flows.run("graph", "flows.py:good", "-o", "loop.svg", "--force")
    assert done.code == 2
    assert "the picture cannot be written" in done.err


def test_a_link_to_nowhere_is_a_file_too(flows: Cli) -> None:
    """What it points at is not made behind the author's back."""
    (flows.folder / "link.svg").symlink_to("elsewhere.svg")
    done = flows.run("graph", "flows.py:good", "-o", "link.svg")
    assert done.code == 2
    assert "there is such a file" in done.err
    assert not (flows.folder / "elsewhere.svg").exists()


def test_errors_of_the_target(flows: Cli) -> None:
    """The same words and codes as for a run."""
    assert flows.run("graph", "flows.py:breaks").code == 2
    assert flows.run("graph", "flows.py:none").code == 4
    done = flows.run("graph", "flows.py:breaks", "-i", "x=0")
    assert done.code == 3
    assert "The body of workflow 'breaks' raised ZeroDivisionError" in done.err


def test_the_whole_graph_as_data(flows: Cli) -> None:
    """One line, everything in it, and where the inputs come from."""
    done = flows.run("graph", "flows.py:grouped", "--json")
    assert (done.code, done.err) == (0, "")
    (line,) = done.out.splitlines()
    data = json.loads(line)
    assert (data["version"], data["workflow"]) == (1, "grouped")
    assert data["inputs_from"] == "the workflow's defaults"
    assert [each["path"] for each in data["steps"]] == ["first", "second", "pair"]
    assert flows.run("graph", "flows.py:grouped", "--json", "--to", "json").out == done.out


def test_all_edges(flows: Cli) -> None:
    """Those that others imply are drawn on demand."""
    flows.write(
        "implied.py",
        FLOWS
        + "\n@workflow\ndef implied(x: int = 1):\n    a = first(x)\n    return second.after(second.named('b')(a))(a)\n",
    )
    assert "s0 --> s2" not in flows.run("graph", "implied.py:implied").out
    assert "s0 --> s2" in flows.run("graph", "implied.py:implied", "--all-edges").out


def test_large_graphs_are_too_much_for_mermaid(flows: Cli) -> None:
    """It is written nevertheless, and the bound is told."""
    flows.write(
        "large.py",
        f"{FLOWS}\n@workflow\ndef large():\n    y = first(0)\n"
        "    for n in range(501):\n        y = first.named(f's{n}')(y)\n",
    )
    done = flows.run("graph", "large.py:large")
    assert done.code == 0
    assert "note: 501 edges; Mermaid shows fewer than 500 unless its maxEdges is raised." in done.err
    assert flows.run("graph", "large.py:large", "--to", "dot").err == ""


def test_what_a_target_prints_is_no_part_of_the_picture(flows: Cli) -> None:
    """It goes to stderr."""
    flows.write("loud.py", FLOWS + "\nprint('loading')\n")
    done = flows.run("graph", "loud.py:good", "--to", "svg")
    assert done.out.startswith("<svg ")
    assert "loading" in done.err


def test_the_ready_made_assessment(flows: Cli) -> None:
    """Its agents stand in their group; the picture is well-formed and says what it left out."""
    done = flows.run("graph", "assess", "--to", "svg")
    assert (done.code, done.err) == (0, EXAMPLE)
    root = ElementTree.fromstring(done.out)
    words = [each.text for each in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {"agents", "≥ 8 of 11", "write_executive"} <= set(words)
    assert "20 steps · 13 edges drawn · 68 that others imply left out" in words
