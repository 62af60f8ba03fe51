"""`observe/ndjson.py`: events as lines of JSON."""

from __future__ import annotations

import io
import json

from observe.observed_runs import LOST, START, Told, graph_of
from stretto.core.journal import facts as kinds
from stretto.core.values import decode
from stretto.observe.ndjson import NdjsonLines, embedded
from stretto.ports import Telemetry


def events_of(told: Told) -> list[dict[str, object]]:
    """The lines, parsed; facts come in two decisions."""
    stream = io.StringIO()
    lines = NdjsonLines(stream)
    lines.on_facts(told.info, told.facts[:3])
    lines.on_facts(told.info, told.facts[3:])
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_the_envelope() -> None:
    """Every line has the same keys; `seq` is the place in the journal across decisions."""
    events = events_of(Told(graph_of(a=())).ran("a", 0, 1).say(kinds.RUN_SUCCEEDED, None, 1))
    assert [event["type"] for event in events] == [
        "run.created",
        "run.started",
        "step.started",
        "step.succeeded",
        "run.succeeded",
    ]
    assert [event["seq"] for event in events] == [0, 1, 2, 3, 4]
    assert set(events[3]) == {"v", "seq", "ts", "run", "step", "attempt", "type", "data"}
    assert events[3]["step"] == "a"
    assert events[3]["data"] == {"value": "value"}


def test_facts_for_the_scheduler_alone_are_counted_but_not_written() -> None:
    """A place in the journal that has no event is a gap in `seq`."""
    told = Told(graph_of(a=())).say(kinds.CLOCK_TICKED, None, 0.5).ran("a", 1, 2)
    assert [event["seq"] for event in events_of(told)] == [0, 1, 3, 4]


def test_failures_are_told() -> None:
    """Cause, class and message of what was lost."""
    told = Told(graph_of(a=())).say(kinds.STEP_STARTED, "a", 0).say(kinds.STEP_FAILED, "a", 1, LOST)
    assert events_of(told)[-1]["data"] == {"cause": "error", "error": "ConnectionError", "message": "cut"}


def test_values_come_back_exactly() -> None:
    """What JSON has no form for is written so that it can be decoded again."""
    value = {"sizes": (1, 2), "tags": {"b", "a"}, "raw": b"\x00", "nan": [1e400]}
    assert decode(json.dumps(embedded(value)), {}) == value


def test_a_value_without_a_form_says_why() -> None:
    """One value that cannot be written does not end the stream."""

    class Local:
        pass

    told = Told(graph_of(a=()))
    told.say(kinds.STEP_STARTED, "a", 0).say(kinds.ATTEMPT_SUCCEEDED, "a", 1, Local())
    told.say(kinds.RUN_SUCCEEDED, None, 1)
    events = events_of(told)
    assert events[-1]["type"] == "run.succeeded"
    assert "Local" in str(events[-2]["data"]["value"]["unencodable"])  # type: ignore[index]


def test_telemetry_has_no_place_in_the_journal() -> None:
    """Its `seq` is null and does not shift that of facts."""
    stream = io.StringIO()
    told = Told(graph_of(a=()))
    lines = NdjsonLines(stream)
    lines.on_facts(told.info, told.facts)
    lines.on_telemetry(told.info, Telemetry("step.progress", "a", 2, START, {"done": 1, "total": None}))
    event = json.loads(stream.getvalue().splitlines()[-1])
    assert (event["seq"], event["type"], event["step"], event["attempt"]) == (None, "step.progress", "a", 2)
    assert event["data"] == {"done": 1, "total": None}


def test_a_reader_who_has_left_ends_the_writing() -> None:
    """Nothing is raised into the run, and nothing more is tried."""

    class Closed(io.StringIO):
        tries = 0

        def write(self, text: str, /) -> int:
            self.tries += 1
            raise BrokenPipeError

    stream = Closed()
    lines = NdjsonLines(stream)
    lines.on_facts(Told(graph_of(a=())).info, Told(graph_of(a=())).facts)
    assert stream.tries == 1
