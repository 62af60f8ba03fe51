"""``stretto plan``: what is known before a run."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from service.service_targets import FLOWS

if TYPE_CHECKING:
    from service.conftest import Cli


@pytest.fixture
def flows(cli: Cli) -> Cli:
    """A folder with `flows.py`."""
    (cli.folder / "flows.py").write_text(FLOWS)
    return cli


def data(flows: Cli, *arguments: str) -> dict[str, object]:
    """The plan as data."""
    done = flows.run("plan", *arguments, "--json")
    assert (done.code, done.err) == (0, "")
    (line,) = done.out.splitlines()
    found: dict[str, object] = json.loads(line)
    return found


def test_a_chain(flows: Cli) -> None:
    """Steps, edges, the path, the bound; estimates are labelled; nothing runs."""
    done = flows.run("plan", "flows.py:good", "-i", "x=1")
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines() == [
        "good  2 steps, 1 edge",
        "inputs: the ones given",
        "",
        "◆ first   at once",
        "◆ second  after first",
        "",
        "critical path (estimate: no step was measured yet, so each counts as 1)",
        "  first → second",
        "",
        "lower bound (estimate): 2 steps one after another",
        "at most 1024 at once",
    ]


def test_the_example_stands_in_for_inputs(flows: Cli) -> None:
    """Without inputs the workflow's example is used, and the plan says so; else its defaults."""
    assert "inputs: the workflow's example, as none were given" in flows.run("plan", "flows.py:good").out
    assert data(flows, "flows.py:bad")["inputs_from"] == "the workflow's defaults"


def test_inputs_without_an_example(flows: Cli) -> None:
    """What is needed and not given is told as for a run."""
    done = flows.run("plan", "flows.py:breaks")
    assert done.code == 2
    assert "input 'x' (int) of workflow 'breaks' is missing" in done.err


def test_unknown_sizes(flows: Cli) -> None:
    """A map over a result prints ``?``, and the bound says what it covers."""
    out = flows.run("plan", "flows.py:grows").out
    assert "first[?]" in out
    assert "second[?]" in out
    assert "the bound covers the known part, ? is not in it" in out
    plan = data(flows, "flows.py:grows")
    assert plan["lower_bound"] == {
        "value": 3.0,
        "unit": "steps",
        "is_estimate": True,
        "covers": "the known part",
    }


def test_known_maps_are_counted(flows: Cli) -> None:
    """A map over a plain list is known: its children count, its anchor does not."""
    flows.write("known.py", FLOWS + "\n@workflow\ndef known():\n    return first.map([1, 2, 3, 4])\n")
    plan = data(flows, "known.py:known", "--max-concurrency", "2")
    assert plan["lower_bound"] == {"value": 2.0, "unit": "steps", "is_estimate": True, "covers": "everything"}
    assert plan["max_concurrency"] == 2


def test_rules(flows: Cli) -> None:
    """Each step's rules are shown, a group's at its gate."""
    steps = {step["path"]: step for step in data(flows, "flows.py:grouped")["steps"]}  # type: ignore[attr-defined]
    assert steps["second"]["rules"] == {"timeout": "2 s", "attempts": 2, "group": "pair"}
    assert steps["pair"]["rules"] == {"gate of": "2 steps", "needs": "1 of them", "within": "5 s"}
    assert steps["pair"]["after"] == ["first", "second"]
    out = flows.run("plan", "flows.py:grouped").out
    assert "second  at once; timeout 2 s, attempts 2, group pair" in out
    assert "optional" in flows.run("plan", "flows.py:partial").out
    assert "limit nowhere" in flows.run("plan", "flows.py:unlimited").out


def test_edges_and_the_path_as_data(flows: Cli) -> None:
    """Edges are pairs of paths, from what is needed to what needs it."""
    plan = data(flows, "flows.py:bad")
    assert plan["edges"] == [["before", "boom"]]
    assert plan["critical_path"] == ["before", "boom"]


def test_settings_bound_the_plan(flows: Cli) -> None:
    """The cap that a run would have is the cap of its bound."""
    flows.write("stretto.toml", "max_concurrency = 3\n")
    assert "at most 3 at once" in flows.run("plan", "flows.py:good").out
    assert "at most 5 at once" in flows.run("plan", "flows.py:good", "--max-concurrency", "5").out


def test_the_ready_made_assessment(flows: Cli) -> None:
    """Its example is packaged, so its plan needs nothing; no line is wider than a terminal."""
    done = flows.run("plan", "assess")
    assert done.code == 0
    assert max(map(len, done.out.splitlines())) <= 80
    assert "synthesize_findings" in done.out


def test_a_large_plan_is_shortened(flows: Cli) -> None:
    """Sixty steps are shown on the screen; the data have all of them."""
    flows.write("large.py", FLOWS + "\n@workflow\ndef large():\n    return first.map(list(range(100)))\n")
    assert "… and 41 more; --json lists all" in flows.run("plan", "large.py:large").out
    assert len(data(flows, "large.py:large")["steps"]) == 101  # type: ignore[arg-type]


def test_nothing_to_plan(flows: Cli) -> None:
    """A workflow without steps has a bound of 0."""
    assert data(flows, "flows.py:nothing")["lower_bound"]["value"] == 0.0  # type: ignore[index]
    assert "(nothing takes time)" in flows.run("plan", "flows.py:nothing").out


def test_a_body_that_raises(flows: Cli) -> None:
    """Planning runs the body, so its mistakes are told here too."""
    done = flows.run("plan", "flows.py:breaks", "-i", "x=0")
    assert done.code == 3
    assert "The body of workflow 'breaks' raised ZeroDivisionError" in done.err


GROWING = """
from stretto import choose, expand, repeat, step, workflow

@step
async def kind(text: str) -> str:
    return text

@step
async def write(text: str) -> str:
    return text

@step(inline=True)
def good(text: str) -> bool:
    return True

@workflow
def inner(text: str) -> str:
    return write(text)

@workflow
def flow(text: str = "x") -> list[object]:
    found = kind(text)
    draft = choose(found, {"a": lambda: write(found)}, otherwise=lambda: text)
    return [
        repeat(write, draft, until=good, max_rounds=4, name="polish"),
        inner(text),
        inner.named("late")(found),
        expand(found, {"write": write}),
        write.named("each").map(found),
    ]
"""


def test_what_grows_while_it_runs_prints_a_question_mark(flows: Cli) -> None:
    """Each says how paths below it will go on, what bounds it, and that the bound does not cover it."""
    flows.write("grows.py", GROWING)
    out = flows.run("plan", "grows.py:flow").out
    assert out.splitlines()[3:11] == [
        "◆ kind         at once",
        "  choose/?     after kind; one of a | otherwise",
        "  polish#?     after choose; rounds up to 4",
        "  inner        at once",
        "  inner/write  at once",
        "  late/?       after kind",
        "  plan/?       after kind",
        "◆ each[?]      after kind",
    ]
    assert "; the bound covers the known part, ? is not in it" in out


def test_a_loops_start_is_among_the_edges(flows: Cli) -> None:
    """Its first round waits for what it starts from, though the loop itself does not."""
    flows.write("grows.py", GROWING)
    plan = data(flows, "grows.py:flow")
    assert ["choose", "polish"] in plan["edges"]  # type: ignore[operator]  # a list
    assert plan["lower_bound"]["covers"] == "the known part"  # type: ignore[index]


def test_one_step_is_one_step(flows: Cli) -> None:
    """The bound speaks of one step as of one."""
    flows.write("one.py", FLOWS + "\n@workflow\ndef one():\n    return first(1)\n")
    assert "lower bound (estimate): 1 step one after another\n" in flows.run("plan", "one.py:one").out
