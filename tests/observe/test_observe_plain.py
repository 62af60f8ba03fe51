"""`observe/plain.py`: one line when a step starts, one when it ends."""

from __future__ import annotations

import io

from observe.observed_runs import LOST, START, Told, graph_of
from stretto.core.graph import Fragment, Node
from stretto.core.journal import facts as kinds
from stretto.observe.plain import PlainLines
from stretto.ports import Telemetry


def lines_of(told: Told) -> list[str]:
    """What is written, a fact at a time."""
    stream = io.StringIO()
    plain = PlainLines(stream)
    for fact in told.facts:
        plain.on_facts(told.info, [fact])
    return stream.getvalue().splitlines()


def test_a_line_at_start_and_end() -> None:
    """Each line has the seconds since the run's start; an end has the step's length."""
    assert lines_of(Told(graph_of(a=())).ran("a", 0.25, 1.5)) == [
        "    0.250 s  started    a",
        "    1.500 s  succeeded  a (1.250 s)",
    ]


def test_retries_and_losses_say_why() -> None:
    """A failed attempt, a second one, a final failure and a default each have their line."""
    told = Told(graph_of(a=(), b=()))
    told.say(kinds.STEP_STARTED, "a", 0).say(kinds.ATTEMPT_FAILED, "a", 1, (LOST, 0.5))
    told.say(kinds.STEP_RETRYING, "a", 1, (START + 3, LOST)).say(kinds.STEP_STARTED, "a", 3, attempt=2)
    told.say(kinds.STEP_FAILED, "a", 4, LOST, attempt=2).say(kinds.STEP_DEFAULTED, "a", 4)
    told.say(kinds.STEP_SKIPPED, "b", 4, LOST)
    assert [line[13:] for line in lines_of(told)] == [
        "started    a",
        "retrying   a in 2.000 s: ConnectionError: cut",
        "started    a (attempt 2)",
        "failed     a (4.000 s): ConnectionError: cut",
        "defaulted  a",
        "skipped    b: ConnectionError: cut",
    ]


def test_a_second_run_starts_afresh() -> None:
    """The clock of a second run begins with its own start."""
    stream = io.StringIO()
    plain = PlainLines(stream)
    for told in (Told(graph_of(a=())), Told(graph_of(b=()))):
        plain.on_facts(told.info, told.ran(told.graph.path(0), 0, 1).facts)
    assert stream.getvalue().count("0.000 s  started") == 2


def test_telemetry_is_left_out() -> None:
    """What steps say about themselves writes nothing here."""
    stream = io.StringIO()
    told = Told(graph_of(a=()))
    PlainLines(stream).on_telemetry(told.info, Telemetry("step.progress", "a", 1, START, {"done": 1}))
    assert stream.getvalue() == ""


def test_a_reader_who_has_left_ends_the_writing() -> None:
    """The observer neither raises nor tries again."""

    class Left(io.StringIO):
        tries = 0

        def write(self, text: str, /) -> int:  # a stream's signature
            self.tries += 1
            raise BrokenPipeError

    stream = Left()
    plain = PlainLines(stream)
    told = Told(graph_of(a=())).ran("a", 0.25, 1.5)
    for fact in told.facts:
        plain.on_facts(told.info, [fact])
    assert stream.tries == 1


def test_an_anchor_that_looks_again_says_nothing() -> None:
    """A loop's look at its verdict is no attempt of anything: the next round's steps have their own lines."""
    graph = graph_of(loop=())
    graph.grow(0, Fragment((Node(graph.specs[0], "#1/v", (), None, ()),), {}))
    told = Told(graph).say(kinds.STEP_STARTED, "loop", 0).say(kinds.ATTEMPT_GREW, "loop", 0)
    told.ran("loop#1/v", 0, 1).say(kinds.STEP_STARTED, "loop", 1, attempt=2)
    told.say(kinds.STEP_COMPLETED, "loop", 1, attempt=2)
    assert [line[13:] for line in lines_of(told)] == [
        "started    loop",
        "started    loop#1/v",
        "succeeded  loop#1/v (1.000 s)",
        "succeeded  loop (1.000 s)",
    ]
