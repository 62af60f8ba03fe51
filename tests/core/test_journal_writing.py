"""Facts as JSON: every kind comes back as it was, and a line says all that a reader needs."""

from __future__ import annotations

import json
from math import inf
from typing import TYPE_CHECKING, NamedTuple

import pytest

from stretto.core.graph import (
    Choice,
    Fragment,
    Graph,
    GroupSpec,
    Loop,
    MapSpec,
    Node,
    Role,
    Source,
    StepSpec,
    WaitRule,
    Where,
    map_fragment,
)
from stretto.core.graph.source import STATE, framed
from stretto.core.journal import facts as kinds
from stretto.core.journal.facts import Answer, Created, RunOptions, Verdict, Wait
from stretto.core.journal.reading import FactReader
from stretto.core.journal.writing import VERSION, FactWriter
from stretto.core.policy import Cause, Failure, OnFailure, OnLost, Retry
from stretto.core.values import classes_in, encode
from stretto.errors import StrettoError, ValueEncodingError

if TYPE_CHECKING:
    from collections.abc import Callable

    from stretto.core.journal.facts import Fact


class Point(NamedTuple):
    """A value of a class."""

    x: object
    y: object


CLASSES = classes_in(Point)
FAILURE = Failure(Cause.ERROR, "no \ud800 drink\0", ("a.B", "Exception"), 2.5, True, "Traceback …")
PLAIN_FAILURE = Failure(Cause.BLOCKED, "x was lost")
VALUES = (None, True, 0, -7, 1.5, inf, 2**60, "é\n\0", [1, (2,)], {"$": 1}, {1: {2}}, Point(1, "b"))

FACTS: tuple[Fact, ...] = (
    *((kind, 3, 2, 17.25, value) for value in VALUES for kind in (2, 12)),
    (kinds.ATTEMPT_FAILED, 3, 1, 0.1 + 0.2, (FAILURE, 0.123456789012345678)),
    (kinds.ATTEMPT_ENDED, 3, 1, 1763712345.123457, None),
    (kinds.PERMIT_GRANTED, 0, 0, 5, None),
    (kinds.CLOCK_TICKED, -1, 0, 1e-9, 0.5),
    (kinds.CANCEL_REQUESTED, -1, 0, 1.0, "why ✂"),
    (kinds.CANCEL_AT_ONCE, -1, 0, 1.0, "why ✂"),
    (kinds.WAIT_BEGAN, 3, 1, 1.0, Wait("approval", "Send \ud800 it?", 9.75, (Point(1, 2),))),
    (kinds.WAIT_BEGAN, 3, 1, 1.0, Wait("event", "paid", None, (None,))),
    (kinds.WAIT_BEGAN, 3, 1, 1.0, Wait("sleep", "", inf)),
    (kinds.ANSWERED, 3, 1, 1.0, Answer(Verdict.EDIT, Point([1], None), "ann\0", "typo", 12)),
    (kinds.ANSWERED, 3, 1, 1.0, Answer(Verdict.REJECT)),
    (kinds.ATTEMPT_LOST, 3, 1, 1.0, None),
    (kinds.GROWTH_DROPPED, 3, 1, 1.0, None),
    (kinds.ATTEMPT_LOST, 3, 1, 1.0, Wait("lost", "died")),
    (kinds.STEP_READY, 3, 0, 1.0, None),
    (kinds.STEP_STARTED, 3, 1, 1.0, None),
    (kinds.STEP_RETRYING, 3, 1, 1.0, (inf, PLAIN_FAILURE)),
    (kinds.STEP_COMPLETED, 3, 1, 1.0, None),
    (kinds.STEP_COMPLETED, 3, 1, 1.0, 4),
    (kinds.STEP_FAILED, 3, 1, 1.0, FAILURE),
    (kinds.STEP_DEFAULTED, 3, 0, 1.0, Point(1, 2)),
    (kinds.STEP_SKIPPED, 3, 0, 1.0, PLAIN_FAILURE),
    (kinds.STEP_CANCELLED, 3, 0, 1.0, "superseded"),
    (kinds.ATTEMPT_TIMED_OUT, 3, 1, 1.0, Failure(Cause.TIMED_OUT, "late")),
    (kinds.ATTEMPT_ABANDONED, 3, 1, 1.0, None),
    (kinds.GROUP_OPENED, 3, 0, 1.0, 77.7),
    (kinds.GROUP_OPENED, 3, 0, 1.0, None),
    (kinds.WAIT_ENDED, 3, 1, 1.0, None),
    (kinds.WAIT_ENDED, 3, 1, 1.0, {"failure": 1}),
    (kinds.WAIT_ENDED, 3, 1, 1.0, Failure(Cause.REJECTED, "nobody")),
    (kinds.RUN_WAITING, -1, 0, 1.0, None),
    (kinds.RUN_RESUMED, -1, 0, 1.0, None),
    (kinds.RUN_STARTED, -1, 0, 1.0, None),
    (kinds.RUN_SUCCEEDED, -1, 0, 1.0, None),
    (kinds.RUN_PARTIAL, -1, 0, 1.0, None),
    (kinds.RUN_FAILED, -1, 0, 1.0, Cause.REJECTED),
    (kinds.RUN_CANCELLED, -1, 0, 1.0, "enough"),
)


def there_and_back(*facts: Fact) -> list[Fact]:
    """What a reader makes of what a writer wrote."""
    return FactReader(CLASSES).read(FactWriter().write(facts))


def as_text(value: object) -> str:
    """Types and values, sources by what they name."""
    if isinstance(value, Source):
        return f"Source({value._index}, {value._projection})"
    if isinstance(value, tuple):
        return f"{type(value).__name__}({', '.join(map(as_text, value))})"
    if isinstance(value, (list, frozenset)):
        return f"{type(value).__name__}[{', '.join(map(as_text, value))}]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key!r}: {as_text(part)}" for key, part in value.items()) + "}"
    if isinstance(value, Graph):
        parts = (getattr(value, name) for name in Graph.__slots__ if name != "_index_of")
        return f"Graph({', '.join(map(as_text, parts))})"
    if isinstance(value, MapSpec):
        return as_text(tuple(getattr(value, name) for name in MapSpec.__slots__))
    if isinstance(value, StepSpec):
        return f"{value.id} {spec_parts(value)}"
    return repr(value)


def spec_parts(spec: StepSpec) -> dict[str, object]:
    """All that a declaration says; a retry rule by what it matches."""
    parts = {name: getattr(spec, name) for name in StepSpec.__slots__ if name != "retry"}
    retry = {name: getattr(spec.retry, name) for name in Retry.__slots__ if name != "on"}
    return {**parts, "retry": retry}


# -------------------------------------------------------------------- facts


@pytest.mark.parametrize("fact", FACTS, ids=lambda fact: f"{fact[0]}-{fact[4]!r:.20}")
def test_every_kind_comes_back(fact: Fact) -> None:
    """A fact is what it was: kind, step, attempt, the very instant, and its data with its types."""
    assert as_text(there_and_back(fact)) == as_text([fact])


def test_every_kind_is_tried() -> None:
    """The table above has all kinds but those with graphs, which have tests of their own."""
    known = {value for name, value in vars(kinds).items() if name.isupper() and type(value) is int}
    assert known - {fact[0] for fact in FACTS} == {kinds.RUN, kinds.RUN_CREATED, kinds.ATTEMPT_GREW}


def test_a_line_is_one_line_of_plain_json() -> None:
    """No line break, no NaN: every JSON reader takes it."""
    line = FactWriter().write(FACTS)
    assert b"\n" not in line
    entry = json.loads(line, parse_constant=pytest.fail)
    assert len(entry["f"]) == len(FACTS)


def test_a_text_is_taken_over_as_it_is() -> None:
    """Values that were encoded before their decision are not encoded again."""
    fact: Fact = (kinds.ATTEMPT_SUCCEEDED, 3, 1, 1.0, object())
    line = FactWriter().write([fact], {(3, 1): '["taken",  1.50]'})
    assert line == b'{"v":1,"f":[[2,3,1,1.0,["taken",  1.50]]]}'


def test_a_text_belongs_to_one_attempt() -> None:
    """Neither another attempt nor another kind of fact takes it."""
    facts: list[Fact] = [
        (kinds.ATTEMPT_SUCCEEDED, 3, 2, 1.0, "own"),
        (kinds.STEP_DEFAULTED, 3, 1, 1.0, "default"),
    ]
    line = FactWriter().write(facts, {(3, 1): '"other"'})
    assert line == b'{"v":1,"f":[[2,3,2,1.0,"own"],[25,3,1,1.0,"default"]]}'


def test_hashes_come_with_their_decision() -> None:
    """What one decision was given with is not in the next."""
    writer, reader = FactWriter(), FactReader()
    reader.read(writer.write([], None, {3: "ab12", 4: "cd"}))
    assert reader.hashes == {3: "ab12", 4: "cd"}
    reader.read(writer.write([]))
    assert reader.hashes == {}


def test_spending_comes_with_its_decision() -> None:
    """By step, with its calls; an unknown cost stays unknown, and the next decision has its own."""
    writer, reader = FactWriter(), FactReader()
    line = writer.write([], None, None, {3: (2, 100, 20, 0.25), 4: (1, 5, 6, None)})
    assert line == b'{"v":1,"f":[],"u":{"3":[2,100,20,0.25],"4":[1,5,6,null]}}'
    reader.read(line)
    assert reader.usage == {3: (2, 100, 20, 0.25), 4: (1, 5, 6, None)}
    reader.read(writer.write([]))
    assert reader.usage == {}


def test_a_budget_is_among_the_options() -> None:
    """It comes back; a run without one has nothing of it in its journal."""
    with_one = RunOptions(max_tokens=500, max_cost=0.5)
    for options in (with_one, RunOptions()):
        line = FactWriter().write([(1, -1, 0, 1.0, Created("w", Graph(), options, {}, {}))])
        assert (b"max_" in line) == (options is with_one)
        assert FactReader().read(line)[0][4].options == options  # type: ignore[attr-defined]  # a Created


def test_only_the_first_line_has_the_version() -> None:
    """A journal says once in which format it is."""
    writer = FactWriter()
    first, second = (json.loads(writer.write([])) for _ in range(2))
    assert first["v"] == VERSION
    assert "v" not in second


def test_classes_take_given_names() -> None:
    """A class is written by the name that the caller gives it."""
    line = FactWriter({Point: "flow:P"}).write([(kinds.ATTEMPT_SUCCEEDED, 0, 1, 1.0, Point(1, 2))])
    assert FactReader({"flow:P": Point}).read(line)[0][4] == Point(1, 2)


# -------------------------------------------------------------------- declarations

SPECS = (
    StepSpec(id="plain"),
    StepSpec(
        id="full \0é",
        role=Role.WAIT,
        where=Where.PROCESS,
        timeout=inf,
        within=0.1,
        retry=Retry(
            attempts=7, on=(KeyError, OSError), on_timeout=False, first_wait=0, factor=1.5, jitter=False
        ),
        optional=True,
        has_default=True,
        limits=("a", "b"),
        reads=("r",),
        writes=("w", "v"),
        memory=0,
        wait=WaitRule("approval", 60.0, "reject"),
        on_lost=OnLost.ASK,
    ),
    *(StepSpec(id=role.name, role=role) for role in Role),
    *(StepSpec(id=where.name, where=where) for where in Where),
    StepSpec(id="zero", timeout=0, within=0.0),
)


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.id)
def test_every_option_of_a_step_comes_back(spec: StepSpec) -> None:
    """A declaration is what it was, its retry rule by the names of what it matches."""
    fragment = map_fragment(spec, [1], None, ())
    [fact] = there_and_back((kinds.ATTEMPT_GREW, 0, 1, 1.0, fragment))
    read = fact[4].nodes[0].spec  # type: ignore[attr-defined]  # a Fragment
    assert spec_parts(read) == spec_parts(spec)


def test_a_declaration_is_written_once() -> None:
    """Later decisions name it by its number, and it comes back as the same object."""
    spec, other = SPECS[:2]
    writer, reader = FactWriter(), FactReader()
    lines = [
        writer.write([(kinds.ATTEMPT_GREW, 0, 1, 1.0, map_fragment(each, [1], None, ()))])
        for each in (spec, other, spec)
    ]
    assert [len(json.loads(line).get("s", ())) for line in lines] == [1, 1, 0]
    read = [reader.read(line)[0][4].nodes[0].spec for line in lines]  # type: ignore[attr-defined]  # Fragments
    assert read[0] is read[2] is reader.specs[0]
    assert read[1] is reader.specs[1]


def test_versions_of_code_are_kept() -> None:
    """Where one is known it comes back with its declaration."""
    known = {SPECS[0]: "c0de"}
    writer, reader = FactWriter(version_of=known.get), FactReader()
    nodes = (*map_fragment(SPECS[0], [1], None, ()).nodes, *map_fragment(SPECS[1], [1], None, ()).nodes)
    reader.read(writer.write([(kinds.ATTEMPT_GREW, 0, 1, 1.0, Fragment(nodes, {}))]))
    assert reader.versions == {reader.specs[0]: "c0de"}


def test_a_journal_is_gone_on_with() -> None:
    """A writer made from a reader knows its declarations, and says no version again."""
    reader = FactReader()
    fragment = map_fragment(SPECS[0], [1], None, ())
    reader.read(FactWriter().write([(kinds.ATTEMPT_GREW, 0, 1, 1.0, fragment)]))
    known = map_fragment(reader.specs[0], [1], None, ())
    line = FactWriter.after(reader).write([(kinds.ATTEMPT_GREW, 0, 2, 1.0, known)])
    assert json.loads(line).keys() == {"f"}
    fresh = map_fragment(SPECS[1], [1], None, ())
    more = FactWriter.after(reader).write([(kinds.ATTEMPT_GREW, 0, 2, 1.0, fresh)])
    assert reader.read(more)[0][4].nodes[0].spec is reader.specs[1]  # type: ignore[attr-defined]  # a Fragment


def test_a_writer_after_nothing_begins() -> None:
    """A journal without entries begins with the version, whoever writes it."""
    assert json.loads(FactWriter.after(FactReader()).write([]))["v"] == VERSION


# -------------------------------------------------------------------- growth


def body(frame: int) -> Fragment:
    """Two nodes of which one takes the other, and what is around them."""
    first = Node(SPECS[0], "a", (Source(framed(frame, STATE)), "π"), None, (framed(frame, STATE),))
    taken = Source(framed(frame, 0), (("item", ("k", 1)), ("attr", "name"), ("field", "f")))
    second = Node(
        SPECS[0],
        "b/c",
        (),
        {"x": [taken, {"$": taken}, (1, taken)], "y": {2: taken}},
        (3, framed(frame, 0)),
        0,
    )
    return Fragment((first, second), {1: Point(1, 2)}, frame, output={"r": taken}, outputs={0: [taken]})


LOOP = Loop(body(3), ("start", Source(2)), Source(framed(3, 1)), 5, True)
CHOICE = Choice(body(2), {"p": range(1), 1: range(1, 2)}, {"p": Source(0), 1: None}, 1)
OTHER_CHOICE = Choice(body(2), {None: range(2)}, {None: (Source(1),)}, None)
MAP = MapSpec(SPECS[0], Source(1), {"fixed": Source(0), "plain": [1]}, (0, 1), 1, (Point(0, 0),))
BARE_MAP = MapSpec(SPECS[0], [1, 2], None, (), None, ())

FRAGMENTS = {
    "empty": Fragment((), {}),
    "children": map_fragment(
        SPECS[0], [1, Source(2), {"a": [Source(3)]}], {"k": Source(1)}, (4,), ("default",)
    ),
    "writes": map_fragment(SPECS[1], [1, 2], {"k": 2}, ()),
    "body": body(1 << 19),
    "rules": body(0)._replace(rules={0: MAP, 1: BARE_MAP, 2: LOOP, 3: CHOICE, 4: OTHER_CHOICE}),
    "known": body(0)._replace(known={0: [1], 1: range(2, 5), 2: range(0, 6, 2), 3: ()}),
    "groups": body(0)._replace(groups=(GroupSpec("g", 2.5, 1, 0, [1]), GroupSpec("h", None, None, 1, []))),
    "no output": body(0)._replace(output=None),
    "round": body(0)._replace(looks_at=1, renews=True, unchosen=frozenset((5, 1))),
}


@pytest.mark.parametrize("name", FRAGMENTS)
def test_every_part_of_a_fragment_comes_back(name: str) -> None:
    """Nodes, templates, rules and bodies are what they were."""
    fragment = FRAGMENTS[name]
    [fact] = there_and_back((kinds.ATTEMPT_GREW, 0, 1, 1.0, fragment))
    expected = fragment
    if name == "known":  # a sequence of places is a range or a list
        expected = fragment._replace(known={**fragment.known, 2: [0, 2, 4], 3: []})
    assert as_text(fact[4]) == as_text(expected)


def test_shared_arguments_are_written_once() -> None:
    """The fixed arguments of a map's children stay one object, however long they are."""
    fragment = map_fragment(SPECS[0], [1, 2, 3], {"text": "long" * 1000}, ())
    line = FactWriter().write([(kinds.ATTEMPT_GREW, 0, 1, 1.0, fragment)])
    assert line.count(b"longlong") * 8 < 5000
    nodes = FactReader().read(line)[0][4].nodes  # type: ignore[attr-defined]  # a Fragment
    assert nodes[0].kwargs is nodes[1].kwargs is nodes[2].kwargs
    assert nodes[2].kwargs == {"text": "long" * 1000}


# -------------------------------------------------------------------- runs


def grown_graph() -> Graph:
    """A graph with every column filled."""
    graph = Graph()
    graph.add(SPECS[0], "first", (), None, ())
    anchor = graph.add(SPECS[2], "anchor", (Source(0),), None, (0,))
    graph.grow(anchor, map_fragment(SPECS[0], [Source(0), 2], None, (0,), ("d",)))
    graph.grow(graph.add(SPECS[2], "nested", (), None, ()), body(5))
    graph.bodies[graph.add(SPECS[2], "loop", (), None, ())] = LOOP
    graph.maps[graph.add(SPECS[2], "map", (), None, (1,))] = MAP
    gate = graph.add(SPECS[2], "gate", (), None, (0,))
    graph.groups.append(GroupSpec("gate", 3.0, 1, gate, [0]))
    graph.group_of[0] = 0
    graph.output = {"all": (Source(0), Source(1))}
    return graph


OPTIONS = RunOptions(OnFailure.CONTINUE, 12.5, 3, True, inf)
CREATED = Created("wörk", grown_graph(), OPTIONS, {"a": 1.5, "b": inf}, {"x": Point(1, {2}), "$": None}, "v1")


def test_a_run_comes_back() -> None:
    """Its graph column by column, its options, estimates, inputs and version."""
    [fact] = there_and_back((kinds.RUN_CREATED, -1, 0, 1.0, CREATED))
    assert as_text(fact[4]) == as_text(CREATED)


def test_a_bare_run_comes_back() -> None:
    """An empty graph with the usual options."""
    created = Created("w", Graph(), RunOptions(), {}, {})
    [fact] = there_and_back((kinds.RUN_CREATED, -1, 0, 1.0, created))
    assert as_text(fact[4]) == as_text(created)


def test_a_graph_after_rounds_is_refused() -> None:
    """A journal begins before its run does; what has gone through rounds would not come back."""
    created = Created("w", Graph(), RunOptions(), {}, {})
    created.graph.looks[0] = 1
    with pytest.raises(StrettoError, match="before the run begins"):
        FactWriter().write([(kinds.RUN_CREATED, -1, 0, 1.0, created)])


# -------------------------------------------------------------------- what cannot be written


def growth(spec: StepSpec, value: object) -> list[Fact]:
    """A decision that names a declaration and holds a value."""
    fragment = Fragment((Node(spec, "write", (), {"text": [value, Source(1)]}, ()),), {})
    return [(kinds.ATTEMPT_GREW, 0, 1, 1.0, fragment)]


def test_what_cannot_be_written_names_its_step() -> None:
    """A plain argument that would not come back is told with the step that gets it."""
    with pytest.raises(ValueEncodingError, match="step 'write': object"):
        FactWriter().write(growth(SPECS[0], object()))


def test_a_failed_decision_leaves_no_trace() -> None:
    """The next decision declares what the failed one would have, and has the version."""
    writer, reader = FactWriter(), FactReader()
    with pytest.raises(ValueEncodingError):
        writer.write(growth(SPECS[0], object()))
    [fact] = reader.read(writer.write(growth(SPECS[0], "fine")))
    assert fact[4].nodes[0].spec is reader.specs[0]  # type: ignore[attr-defined]  # a Fragment
    assert reader.specs[0].id == "plain"


@pytest.mark.parametrize(
    "write",
    [
        lambda: (kinds.ATTEMPT_SUCCEEDED, 0, 1, 1.0, object()),
        lambda: (kinds.WAIT_BEGAN, 0, 1, 1.0, Wait("event", "e", None, (object(),))),
        lambda: (kinds.ANSWERED, 0, 1, 1.0, Answer(Verdict.EDIT, object())),
        lambda: (kinds.WAIT_ENDED, 0, 1, 1.0, object()),
        lambda: (kinds.RUN_CREATED, -1, 0, 1.0, CREATED._replace(inputs={"x": object()})),
    ],
)
def test_values_are_refused_wherever_they_stand(write: Callable[[], Fact]) -> None:
    """What would not come back is an error, not a text."""
    with pytest.raises(ValueEncodingError, match="object"):
        FactWriter().write([write()])


def test_encode_and_the_writer_agree() -> None:
    """A text made earlier gives the very line that the value gives."""
    for value in VALUES:
        fact: Fact = (kinds.ATTEMPT_SUCCEEDED, 3, 1, 1.0, value)
        assert FactReader(CLASSES).read(FactWriter().write([fact], {(3, 1): encode(value)})) == [fact]
