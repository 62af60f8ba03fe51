"""What other processes say to a run reaches it once, or is told why not."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from runtime.crashing import Died
from stretto import Engine, approve, ask, step, wait_for, workflow
from stretto.core.journal import facts as kinds
from stretto.core.journal.reading import FactReader
from stretto.runtime.stores.memory import MemoryStore
from stretto.testing import run_virtual

if TYPE_CHECKING:
    from stretto import RunResult
    from stretto.ports import Entry, Told


@dataclass
class Draft:
    text: str
    size: int


STARTS: list[str] = []


@step
async def write(topic: str) -> Draft:
    STARTS.append("write")
    await asyncio.sleep(1)
    return Draft(topic, 1)


@step
async def publish(draft: Draft, *more: object) -> object:
    STARTS.append("publish")
    return [draft.text, draft.size, *more]


@workflow
def asking(topic: str = "gin") -> object:
    return publish(approve(write(topic), "Publish it?"))


@workflow
def slow(topic: str = "gin") -> object:
    return write.named("more")(approve(topic, "Publish it?"))


@workflow
def listening() -> object:
    first = wait_for("paid")
    second = wait_for("paid", name="again", after=first)
    return [first, second]


@workflow
def naming() -> str:
    return ask("Which name?")


@step
async def clears_up() -> None:
    try:
        await asyncio.sleep(60)
    finally:
        await asyncio.sleep(1)


@workflow
def slow_to_end() -> None:
    clears_up()


def _say(store: MemoryStore, kind: str, **said: object) -> int:
    return store.send("r", kind, json.dumps(said).encode(), 0.0)


def _with_script(
    flow: object, store: MemoryStore, script: dict[float, tuple[str, dict[str, object]]]
) -> tuple[RunResult, list[str]]:
    """Run `flow`; at each virtual instant a letter is sent. Gives the letters' outcomes, too."""

    async def whole() -> tuple[RunResult, list[str]]:
        task = asyncio.ensure_future(flow.with_options(engine=Engine(store=store), run_id="r").aresult())  # type: ignore[attr-defined]  # a workflow
        numbers = []
        for at, (kind, said) in script.items():
            await asyncio.sleep(at - asyncio.get_running_loop().time())
            numbers.append(_say(store, kind, **said))
        result = await task
        await asyncio.sleep(1)
        return result, [store.letter(number).outcome for number in numbers]

    return run_virtual(whole())


def _answer(path: str, verdict: str, **more: object) -> tuple[str, dict[str, object]]:
    return "answer", {"path": path, "verdict": verdict, "by": "ada", **more}


def test_an_approval_hands_the_value_on() -> None:
    """The letter is applied with the decision that takes it up."""
    result, outcomes = _with_script(asking, MemoryStore(), {2.0: _answer("approve", "approve")})
    assert result.value == ["gin", 1]
    assert outcomes == ["applied"]


def test_the_time_people_take_is_told_apart() -> None:
    """Nothing ran while the run waited for its answer."""
    result, _ = _with_script(asking, MemoryStore(), {61.0: _answer("approve", "approve")})
    assert result.timing.makespan == pytest.approx(61)
    assert result.timing.waiting_for_people == pytest.approx(60)


def test_an_edit_has_the_type_of_what_was_asked_about() -> None:
    """Plain JSON becomes the dataclass; what does not fit is refused, and the question stays open."""
    result, outcomes = _with_script(
        asking,
        MemoryStore(),
        {
            2.0: _answer("approve", "edit", value={"text": "rum", "size": "big"}),
            3.0: _answer("approve", "edit", value={"text": "rum", "size": 2}),
        },
    )
    assert result.value == ["rum", 2]
    assert outcomes[0].startswith("refused: the edit does not fit Draft['size']")
    assert outcomes[1] == "applied"


def test_a_rejection_fails_the_run() -> None:
    """With cause rejected, and words of who said so."""
    result, outcomes = _with_script(
        asking, MemoryStore(), {2.0: _answer("approve", "reject", note="too long")}
    )
    assert (result.status, str(result.cause)) == ("failed", "rejected")
    assert "rejected by ada: too long" in str(result.to_error())
    assert outcomes == ["applied"]


@pytest.mark.parametrize(
    ("script", "outcome"),
    [
        ({0.5: _answer("approve", "approve")}, "refused: 'approve' has not been asked yet"),
        ({0.5: _answer("aprove", "approve")}, "refused: the run has no step 'aprove'"),
        ({0.5: _answer("approve", "perhaps")}, "refused: 'approve' has not been asked yet"),
        ({2.0: _answer("approve", "perhaps")}, "refused: 'perhaps' is not a valid Verdict"),
        ({2.0: ("answer", {"path": "approve"})}, "refused: 'None' is not a valid Verdict"),
        ({2.0: ("hello", {})}, "refused: letters of kind 'hello' are not known"),
    ],
)
def test_what_cannot_be_taken_is_refused_with_words(
    script: dict[float, tuple[str, dict[str, object]]], outcome: str
) -> None:
    """Before the question, to nobody, or nothing that could be said: the run goes on waiting."""
    last = {9.0: _answer("approve", "approve")}
    result, outcomes = _with_script(asking, MemoryStore(), {**script, **last})
    assert result.status == "succeeded"
    assert outcomes[0].startswith(outcome)


def test_a_second_answer_and_one_after_the_end_are_refused() -> None:
    """Answered once, applied once."""
    store = MemoryStore()
    script = {2.0: _answer("approve", "approve"), 2.5: _answer("approve", "reject")}
    result, outcomes = _with_script(slow, store, script)
    assert result.status == "succeeded"
    assert outcomes == ["applied", "refused: 'approve' was answered before, or is over"]
    late = Engine(store=store).runs.say("r", "answer", {"path": "approve", "verdict": "reject"})
    assert run_virtual(late) == "refused: the run has ended"
    assert len([fact for fact in _facts(store) if fact[0] == kinds.ANSWERED]) == 1


def test_each_event_is_taken_by_one_wait_and_early_ones_are_kept() -> None:
    """Two waits for one event: each takes one, in the order they came; the first came before anybody waited."""
    script = {
        0.0: ("event", {"event": "paid", "value": 1}),
        0.1: ("event", {"event": "paid", "value": {"amount": 2}}),
    }
    result, outcomes = _with_script(listening, MemoryStore(), script)
    assert result.value == [1, {"amount": 2}]
    assert outcomes == ["applied", "applied"]


@workflow
def late_listening() -> object:
    return wait_for("late", after=ask("ready?"))


def test_an_event_that_came_early_moves_a_run_that_is_left_when_it_waits() -> None:
    """It lies there when the run begins to wait for it: the run is not left, it goes on."""
    store = MemoryStore()
    flow = late_listening.with_options(engine=Engine(store=store), run_id="r", leaves_waiting=True)
    assert run_virtual(flow.aresult()).status == "waiting"
    _say(store, "event", event="late", value="X")
    _say(store, "answer", path="ask", verdict="respond", value="yes")
    result = run_virtual(flow.aresume("r"))
    assert (result.status, result.value) == ("succeeded", "X")


def test_a_question_takes_a_text() -> None:
    """There is nothing to approve."""
    script = {1.0: _answer("ask", "approve"), 2.0: _answer("ask", "respond", value="Ada")}
    result, outcomes = _with_script(naming, MemoryStore(), script)
    assert result.value == "Ada"
    assert outcomes[0].startswith("refused: 'ask' asks for a text")


@pytest.mark.parametrize("more", [{}, {"now": True}])
def test_a_cancel_by_letter(more: dict[str, object]) -> None:
    """The run ends as cancelled, with the reason; its journal says whether its steps were given time."""
    store = MemoryStore()
    result, _ = _with_script(asking, store, {2.0: ("cancel", {"why": "not today", **more})})
    assert result.status == "cancelled"
    assert "not today" in str(result.to_error())
    asked = kinds.CANCEL_AT_ONCE if more else kinds.CANCEL_REQUESTED
    assert [fact[0] for fact in _facts(store) if fact[0] in CANCELS] == [asked]


class _DiesOfCancels(MemoryStore):
    """Its process dies before a cancel is committed."""

    is_mortal = True

    def append(self, run_id: str, epoch: int, entry: Entry, told: Told, *, may_wait: bool = False) -> bool:
        if self.is_mortal and b"[8,-1" in entry.body:
            raise Died
        return super().append(run_id, epoch, entry, told)


def test_a_cancel_is_acknowledged_when_it_is_committed() -> None:
    """A process that dies before leaves the letter to whoever comes next, who cancels the run."""
    store = _DiesOfCancels()
    with pytest.raises(Died):
        _with_script(asking, store, {2.0: ("cancel", {"why": "enough"})})
    (mail,) = store.letters()
    assert mail.outcome == ""
    store.is_mortal = False
    store.lose_owner("r")
    result = run_virtual(asking.with_options(engine=Engine(store=store)).aresume("r"))
    assert result.status == "cancelled"
    assert store.letter(mail.number).outcome == "the run is being cancelled"


def test_a_second_cancel_is_acknowledged_too() -> None:
    """Though it changes nothing: the run is being cancelled."""
    script = {
        1.0: ("cancel", {"why": "a"}),
        1.001: ("cancel", {"why": "b"}),
        1.002: ("cancel", {"now": True}),
    }
    result, outcomes = _with_script(slow_to_end, MemoryStore(), script)
    assert result.status == "cancelled"
    assert outcomes == ["the run is being cancelled"] * 3


CANCELS = (kinds.CANCEL_REQUESTED, kinds.CANCEL_AT_ONCE)


def _facts(store: MemoryStore) -> list[tuple[int, int, int, float, object]]:
    reader = FactReader(is_opaque=True)
    return [fact for body in store.entries("r") for fact in reader.read(body)]


def test_a_question_over_many_restarts_is_asked_once_and_answered_once() -> None:
    """The run is left in the store while it waits, and taken up twenty times; a letter sent to nobody waits, too."""
    store = MemoryStore()
    STARTS.clear()

    flow = asking.with_options(engine=Engine(store=store), run_id="r", leaves_waiting=True)
    assert run_virtual(flow.aresult()).status == "waiting"
    for _ in range(20):
        left = run_virtual(asking.with_options(engine=Engine(store=store), leaves_waiting=True).aresume("r"))
        assert (left.status, left.waits) == ("waiting", ("approve",))
    assert [wait.path for wait in store.waits("r")] == ["approve"]
    kind, said = _answer("approve", "approve")
    number = _say(store, kind, **said)
    result = run_virtual(asking.with_options(engine=Engine(store=store)).aresume("r"))
    assert result.value == ["gin", 1]
    assert STARTS == ["write", "publish"]
    assert store.letter(number).outcome == "applied"
    assert store.waits("r") == []
    counts = [fact[0] for fact in _facts(store)]
    assert (counts.count(kinds.WAIT_BEGAN), counts.count(kinds.ANSWERED)) == (1, 1)
