"""A graph as plain data."""

from __future__ import annotations

import json

from report.drawn_graphs import add, chain, diamond, grown_map, open_map, with_group
from stretto import choose, repeat, step, workflow
from stretto.core.graph import Graph, StepSpec, Where
from stretto.core.policy import Retry
from stretto.report.data import VERSION, graph_data


def data(graph: Graph) -> dict[str, object]:
    """The data as a reader of JSON gets them."""
    found: dict[str, object] = json.loads(json.dumps(graph_data(graph, "flow"), allow_nan=False))
    return found


def steps(graph: Graph) -> dict[str, dict[str, object]]:
    """The steps by path."""
    return {each["path"]: each for each in data(graph)["steps"]}  # type: ignore[attr-defined]  # a list


def edges(graph: Graph) -> set[tuple[str, str, bool]]:
    """(from, to, has_data)."""
    return {(each["from"], each["to"], each["has_data"]) for each in data(graph)["edges"]}  # type: ignore[attr-defined]


def test_the_data_say_their_version() -> None:
    """And what they are."""
    found = data(chain("a"))
    assert (found["format"], found["version"], found["workflow"]) == ("stretto.graph", VERSION, "flow")


def test_nothing_is_left_out() -> None:
    """Implied edges and every child of a map are there, in author order."""
    graph = diamond()
    grown_map(graph, "write", 7, "a")
    add(graph, "end", "write", has_data=False)
    paths = [each["path"] for each in data(graph)["steps"]]  # type: ignore[attr-defined]
    assert paths == ["a", "b", "c", "d", "write", *(f"write[{number}]" for number in range(7)), "end"]
    assert ("a", "d", True) in edges(graph)
    assert ("a", "write[3]", True) in edges(graph)
    assert ("write", "end", False) in edges(graph)


def test_a_steps_rules() -> None:
    """All of them, null where there is none."""
    graph = Graph()
    spec = StepSpec(
        id="call", where=Where.PROCESS, timeout=2.0, within=9.0, retry=Retry(attempts=3, on=(OSError,)),
        optional=True, limits=("web",), reads=("r",), writes=("w",), memory=64,
    )  # fmt: skip
    add(graph, "a", spec=spec)
    add(graph, "b")
    found = steps(graph)
    assert found["a"] == {
        "path": "a",
        "id": "call",
        "role": "step",
        "runs": "process",
        "under": None,
        "group": None,
        "is_optional": True,
        "after": [],
        "timeout": 2.0,
        "within": 9.0,
        "retry": {
            "attempts": 3,
            "on": ["OSError"],
            "on_timeout": True,
            "first_wait": 0.5,
            "factor": 2.0,
            "longest_wait": 30.0,
            "jitter": True,
        },
        "limits": ["web"],
        "reads": ["r"],
        "writes": ["w"],
        "memory": 64,
        "has_default": False,
    }
    assert (found["b"]["retry"], found["b"]["timeout"], found["b"]["limits"]) == (None, None, [])


def test_groups() -> None:
    """With their gate, their rules and their members; members know their group."""
    graph = chain("a", "b")
    with_group(graph, "team", ["a", "b"], at_least=1)
    assert data(graph)["groups"] == [
        {"name": "team", "gate": "team", "within": 60.0, "min_success": 1, "members": ["a", "b"]}
    ]
    assert (steps(graph)["a"]["group"], steps(graph)["a"]["is_optional"]) == ("team", True)
    assert steps(graph)["team"]["role"] == "gate"


def test_maps() -> None:
    """Children where they are known, null where not; what they will be made of either way."""
    graph = chain("a")
    grown_map(graph, "known", 2, "a")
    open_map(graph, "open", "a")
    found = steps(graph)
    assert found["known"]["children"] == ["known[0]", "known[1]"]
    assert found["known[1]"]["under"] == "known"
    assert found["open"]["children"] is None
    assert found["open"]["grows"]["step"] == "open"  # type: ignore[index]
    assert ("a", "open", True) in edges(graph)


@step
async def read(number: int) -> int:
    """Reads."""
    return number


@step
async def is_good(number: int) -> bool:
    """Judges."""
    return True


@workflow
def inner(number: int) -> int:
    """One step."""
    return read(number)


@workflow
def grows(number: int) -> object:
    """A choice and a loop, which use results from around them, and a nested workflow."""
    first = read(number)
    other = read.named("other")(number)
    picked = choose(first, {1: lambda: read(other), 2: lambda: first})
    return [repeat(read, picked, until=is_good, max_rounds=4, name="review"), inner.as_step()(first)]


def test_what_is_yet_to_grow() -> None:
    """Branches, rounds, and nothing where only the run can say; what bodies need from around them is needed."""
    graph = grows.trace(1).graph
    found = steps(graph)
    assert found["choose"]["grows"] == {"branches": {"1": ["1/read"], "2": []}}
    assert found["review"]["grows"] == {"body": ["read", "is_good"], "max_rounds": 4}
    assert (found["inner"]["children"], found["inner"]["grows"]) == (None, None)
    assert edges(graph) >= {
        ("read", "choose", True),
        ("other", "choose", True),
        ("choose", "review", True),
        ("read", "inner", True),
    }
