"""A journal read back: what readers without code see, what is refused, and random workflows whole."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

import property.wiring as flows_room
import property.worlds_wiring as worlds_room
from property.generator import flows
from property.search import search
from property.wiring import Watched
from property.worlds import worlds
from stretto.authoring.plan import PlanProblem
from stretto.core.graph import Choice, Fragment, Graph, MapSpec, Node, Source, StepSpec, map_fragment
from stretto.core.journal import facts as kinds
from stretto.core.journal.facts import Answer, Created, RunOptions, Verdict, Wait, is_stimulus
from stretto.core.journal.reading import FactReader, Opaque
from stretto.core.journal.writing import VERSION, FactWriter
from stretto.core.schedule.machine import Scheduler
from stretto.core.values import classes_in
from stretto.errors import StoreDamagedError, StoreVersionError, ValueEncodingError
from stretto.testing import replay

if TYPE_CHECKING:
    from collections.abc import Callable

    from stretto.core.journal.facts import Fact
    from stretto.core.schedule.decision import Decision


class Note(NamedTuple):
    """A value of a class that readers may not know."""

    text: str


SPEC = StepSpec(id="write")
NOTE = Opaque({"$": "namedtuple", "class": f"{__name__}:Note", "v": {"text": "hi"}})
SUCCESS: Fact = (kinds.ATTEMPT_SUCCEEDED, 0, 1, 1.0, Note("hi"))


def opaquely(fact: Fact) -> Any:
    """The data of a fact, as a reader without code sees it."""
    return FactReader(is_opaque=True).read(FactWriter().write([fact]))[0][4]


# -------------------------------------------------------------------- without the code


@pytest.mark.parametrize("kind", [kinds.ATTEMPT_SUCCEEDED, kinds.ATTEMPT_REUSED, kinds.STEP_DEFAULTED])
def test_opaque_values_stay_as_they_are(kind: int) -> None:
    """No class is needed; even nothing is an opaque value."""
    assert opaquely((kind, 0, 1, 1.0, Note("hi"))) == NOTE
    assert opaquely((kind, 0, 1, 1.0, None)) == Opaque(None)


def test_what_holds_values_is_opaque_inside() -> None:
    """Waits, answers and runs are read; the values in them are not."""
    assert opaquely((9, 0, 1, 1.0, Wait("approval", "ok?", 2.0, (Note("hi"),)))).default == (NOTE,)
    assert opaquely((10, 0, 1, 1.0, Answer(Verdict.EDIT, Note("hi"), "ann"))) == Answer(
        Verdict.EDIT, NOTE, "ann"
    )
    assert opaquely((kinds.WAIT_ENDED, 0, 1, 1.0, Note("hi"))) == NOTE
    created = opaquely((1, -1, 0, 1.0, Created("w", Graph(), RunOptions(), {"a": 1.0}, {"n": Note("hi")})))
    assert created.inputs == {"n": NOTE}
    assert created.estimates == {"a": 1.0}


def test_what_is_no_value_is_read() -> None:
    """The engine's own data needs no code: what an anchor completes with stays nothing."""
    assert opaquely((kinds.STEP_COMPLETED, 0, 1, 1.0, None)) is None
    assert opaquely((kinds.STEP_COMPLETED, 0, 1, 1.0, 3)) == 3
    assert opaquely((kinds.STEP_CANCELLED, 0, 1, 1.0, "why")) == "why"


def test_opaque_templates_keep_their_sources() -> None:
    """Edges are seen without the code; plain parts are opaque, as large as they can be."""
    source = Source(0, (("item", "k"), ("item", Note("hi"))))
    args = (["a", [1], source], Note("hi"), [1, 2])
    [node] = opaquely((kinds.ATTEMPT_GREW, 0, 1, 1.0, Fragment((Node(SPEC, "a", args, None, ()),), {}))).nodes
    first, note, plain = node.args
    assert first[:2] == [Opaque("a"), Opaque([1])]
    assert first[2]._projection == (("item", "k"), ("item", NOTE))
    assert (note, plain) == (NOTE, Opaque([1, 2]))


def test_opaque_defaults() -> None:
    """Defaults are values as well."""
    rule = MapSpec(SPEC, Source(0), None, (), None, (Note("hi"),))
    fragment = opaquely((kinds.ATTEMPT_GREW, 0, 1, 1.0, Fragment((), {0: Note("hi")}, rules={0: rule})))
    assert fragment.defaults == {0: NOTE}
    assert fragment.rules[0].default == (NOTE,)


def test_labels_of_branches_are_no_values() -> None:
    """A choice is read with its labels, since who chooses goes by them."""
    choice = Choice(Fragment((), {}), {"p": range(0)}, {"p": None, 1: Note("hi")}, None)
    read = opaquely((kinds.ATTEMPT_GREW, 0, 1, 1.0, Fragment((), {}, rules={0: choice}))).rules[0]
    assert read.parts == {"p": range(0)}
    assert read.outputs == {"p": Opaque(None), 1: NOTE}


def test_an_opaque_value_reads_as_json() -> None:
    """Compact, in one line; equal ones are one key."""
    assert str(Opaque({"a": ["é", 1.5, None]})) == '{"a":["é",1.5,null]}'
    assert len({Opaque({"a": 1}), Opaque({"a": 1}), Opaque({"a": 2})}) == 2


# -------------------------------------------------------------------- classes and large values


def test_classes_may_come_later() -> None:
    """The mapping that was given grows while a journal is read."""
    classes: dict[str, type] = {}
    writer, reader = FactWriter(), FactReader(classes)
    reader.read(writer.write([]))
    classes.update(classes_in(Note))
    assert reader.read(writer.write([SUCCESS])) == [SUCCESS]


def test_an_unknown_class_is_no_damage() -> None:
    """It is told with the entry in which it stands, and what to do."""
    with pytest.raises(ValueEncodingError, match=r"Note.*entry 1 of the journal: its class is none"):
        FactReader().read(FactWriter().write([SUCCESS]))


def test_the_place_in_a_value_is_told() -> None:
    """Where in the value, then in which entry."""
    with pytest.raises(ValueEncodingError, match=r'at \["a"\] of entry 1 of the journal'):
        FactReader().read(FactWriter().write([(*SUCCESS[:4], {"a": Note("hi")})]))


BLOB = '{"$":"blob","hash":"ab12","size":4}'


def test_a_value_that_lies_apart_is_fetched() -> None:
    """By its hash; its bytes are its text."""
    line = FactWriter().write([SUCCESS], {(0, 1): BLOB})
    blobs = {"ab12": FactWriter().write([SUCCESS]).partition(b"1.0,")[2].removesuffix(b"]]}")}
    assert FactReader(classes_in(Note), blobs.__getitem__).read(line) == [SUCCESS]


def test_a_value_that_lies_apart_stays_there_for_others() -> None:
    """An opaque reader fetches nothing."""
    line = FactWriter().write([SUCCESS], {(0, 1): BLOB})
    [fact] = FactReader(blob=pytest.fail, is_opaque=True).read(line)
    assert fact[4] == Opaque(json.loads(BLOB))


def test_a_value_may_look_like_one_that_lies_apart() -> None:
    """A dict of the author's with the same keys is only a dict."""
    fact: Fact = (*SUCCESS[:4], json.loads(BLOB))
    assert FactReader(blob=pytest.fail).read(FactWriter().write([fact])) == [fact]


def missing(digest: str) -> bytes:
    """What a store does that has lost a value."""
    raise StoreDamagedError(f"{digest} is gone")


@pytest.mark.parametrize(
    ("blob", "why"),
    [
        (None, "nothing was given to find them"),
        (missing, "ab12 is gone"),
        (lambda _: b"{", "Entry 1 .* is damaged"),
    ],
)
def test_a_value_that_lies_nowhere(blob: Callable[[str], bytes] | None, why: str) -> None:
    """What cannot be fetched is damage."""
    with pytest.raises(StoreDamagedError, match=why):
        FactReader(blob=blob).read(FactWriter().write([SUCCESS], {(0, 1): BLOB}))


# -------------------------------------------------------------------- what is refused


def grown(**parts: object) -> str:
    """A decision with a fragment in which parts are wrong."""
    fragment = {"nodes": [], "frame": 0, **parts}
    return json.dumps({"v": 1, "f": [[5, 0, 1, 1.0, fragment]]})


def declared(**parts: object) -> str:
    """A decision with a declaration in which parts are wrong."""
    retry = [1, ["Exception"], True, 0.5, 2.0, 30.0, True]
    spec = {"id": "a", "role": "STEP", "where": "LOOP", "on_lost": "retry", "retry": retry, **parts}
    return json.dumps({"v": 1, "f": [], "s": [spec]})


DAMAGED = {
    "nothing": "",
    "no text": "\udcff",
    "cut": '{"v":1,"f":[[2,0,1',
    "a list": "[]",
    "a number": "7",
    "no version": '{"f":[]}',
    "version 0": '{"v":0,"f":[]}',
    "version of words": '{"v":"1","f":[]}',
    "no facts": '{"v":1}',
    "half a fact": '{"v":1,"f":[[2,0,1]]}',
    "a fact of words": '{"v":1,"f":[["2",0,1,1.0]]}',
    "no instant": '{"v":1,"f":[[2,0,1,"now"]]}',
    "no failure": '{"v":1,"f":[[27,0,1,1.0],[24,0,1,1.0,{"cause":"tired","message":""}]]}',
    "kinds of numbers": '{"v":1,"f":[[24,0,1,1.0,{"cause":"error","message":"","kinds":[1]}]]}',
    "half a pair": '{"v":1,"f":[[3,0,1,1.0,[1]]]}',
    "no verdict": '{"v":1,"f":[[10,0,1,1.0,{"verdict":"maybe","value":1}]]}',
    "text of a list": '{"v":1,"f":[[9,0,1,1.0,{"kind":"event","text":[]}]]}',
    "no cause": '{"v":1,"f":[[42,-1,0,1.0,"tired"]]}',
    "too deep": '{"v":1,"f":' + "[" * 100_000,
    "unknown declaration": grown(nodes=[[7, "a", -1, [], []]]),
    "half a node": grown(nodes=[[7, "a", -1]]),
    "shared with nobody": declared()[:-1] + ', "f": [[5,0,1,1.0,{"frame":0,"nodes":[[0,"a",-1,[],[],3]]}]]}',
    "no rule": grown(rules=[[0, {"swap": 1}]]),
    "no verdict of a loop": grown(rules=[[0, {"loop": {"nodes": [], "frame": 1}, "start": 1, "verdict": 1}]]),
    "no frame": '{"v":1,"f":[[5,0,1,1.0,{"nodes":[]}]]}',
    "no such role": declared(role="KING"),
    "no such place": declared(where="MOON"),
    "role by number": declared(role=1),
    "no such rule": declared(on_lost="cry"),
    "a timeout of words": declared(timeout="1 s"),
    "optional by number": declared(optional=1),
    "limits of text": declared(limits="gpu"),
    "half a retry": declared(retry=[1]),
    "no attempts": declared(retry=[0, [], True, 0.5, 2.0, 30.0, True]),
    "no id": '{"v":1,"f":[],"s":[{}]}',
    "hash of words": '{"v":1,"f":[],"h":{"a":"b"}}',
    "usage of words": '{"v":1,"f":[],"u":{"3":[1,2,3,"dear"]}}',
    "half a usage": '{"v":1,"f":[],"u":{"3":[1,2]}}',
}


@pytest.mark.parametrize("name", DAMAGED)
def test_damage_is_told_with_its_entry(name: str) -> None:
    """Whatever no Stretto has written is refused, and the text says where and what to do."""
    body = DAMAGED[name].encode("utf-8", "surrogateescape")
    with pytest.raises(StoreDamagedError, match=r"^Entry 1 of the journal is damaged: .+\. Restore"):
        FactReader().read(body)


def test_damaged_entries_are_counted() -> None:
    """The number is that of the entry, from 1."""
    writer, reader = FactWriter(), FactReader()
    reader.read(writer.write([]))
    reader.read(writer.write([]))
    assert reader.count == 2
    with pytest.raises(StoreDamagedError, match="Entry 3 of the journal is damaged: there is no 'f'"):
        reader.read(b"{}")


def test_a_newer_format_is_refused() -> None:
    """In words, with both numbers, before anything else is looked at."""
    with pytest.raises(
        StoreVersionError, match=f"format {VERSION + 1}; this Stretto reads formats up to {VERSION}"
    ):
        FactReader().read(json.dumps({"v": VERSION + 1, "facts": []}).encode())


def test_a_newer_format_may_follow() -> None:
    """A newer Stretto that goes on with an older journal says so in its own first line."""
    reader = FactReader()
    reader.read(FactWriter().write([]))
    with pytest.raises(StoreVersionError):
        reader.read(json.dumps({"v": VERSION + 1, "f": []}).encode())


def test_a_kind_of_the_future_is_no_damage() -> None:
    """Kinds may be added; who does not know one cannot go on."""
    with pytest.raises(StoreVersionError, match="a fact of kind 99"):
        FactReader().read(b'{"v":1,"f":[[99,0,1,1.0]]}')


# -------------------------------------------------------------------- random workflows


class Written(Watched):
    """Writes down each decision, as it is decided about."""

    __slots__ = ("lines", "writer")

    def __init__(self, created: Created) -> None:
        super().__init__(created)
        self.lines: list[bytes] = []
        self.writer = FactWriter()

    def handle(self, *stimuli: Fact) -> Decision:
        decision = super().handle(*stimuli)
        self.lines.append(self.writer.write(decision.facts))
        return decision


def check_journal() -> None:
    """The journal of the last run, read and written again, is the same; a scheduler decides the same from it."""
    written = Written.last
    assert isinstance(written, Written)
    reader, again = FactReader(classes_in(PlanProblem)), FactWriter()
    decisions = [reader.read(line) for line in written.lines]
    assert [again.write(facts) for facts in decisions] == written.lines
    created = decisions[0][0][4]
    assert isinstance(created, Created)
    replayed = replay(created, decisions)
    assert bytes(replayed.states) == bytes(written.states)
    assert replayed.graph.consumers == written.graph.consumers
    check_opaque(written.lines)


def check_opaque(lines: list[bytes]) -> None:
    """Who has no code follows the same journal to the same end, whatever the values are."""
    reader = FactReader(is_opaque=True)
    decisions = [reader.read(line) for line in lines]
    created = decisions[0][0][4]
    assert isinstance(created, Created)
    scheduler = Scheduler(created)
    for facts in decisions:
        found = scheduler.handle(*filter(is_stimulus, facts)).facts
        assert [fact[:4] for fact in found] == [fact[:4] for fact in facts]
    assert scheduler.finished


@pytest.mark.slow
def test_random_workflows_that_grow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Choices, loops, nested workflows, plans: whatever is journaled comes back."""
    monkeypatch.setattr(worlds_room, "Watched", Written)

    def check(world: Any) -> None:
        worlds_room.execute_world(world)
        check_journal()

    search(check, worlds(), count=60, number=3)


@pytest.mark.slow
def test_random_workflows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Maps, groups, failures, retries, timeouts, defaults: whatever is journaled comes back."""
    monkeypatch.setattr(flows_room, "Watched", Written)
    monkeypatch.setattr(Written, "last", None)

    def check(flow: Any) -> None:
        flows_room.execute(flow)
        check_journal()

    search(check, flows().map(lambda flow: replace(flow, commits_later=False)), count=60, number=3)


def test_a_small_journal_whole() -> None:
    """A graph, what grew in it, and both in one reader: one declaration is one object throughout."""
    graph = Graph()
    graph.add(SPEC, "write", (), None, ())
    writer, reader = FactWriter(), FactReader()
    first = reader.read(writer.write([(1, -1, 0, 1.0, Created("w", graph, RunOptions(), {}, {}))]))
    second = reader.read(writer.write([(5, 0, 1, 1.0, map_fragment(SPEC, [1], None, ()))]))
    read = first[0][4]
    assert isinstance(read, Created)
    assert read.graph.specs == [second[0][4].nodes[0].spec]  # type: ignore[attr-defined]  # a Fragment
