"""`observe/prints.py`: what steps print becomes `log` events."""

from __future__ import annotations

import io
import json
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from stretto.context import attempt_scope
from stretto.observe.ndjson import NdjsonLines
from stretto.observe.prints import StepPrints

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from stretto.context import Attempt


class Caught:
    """A stand-in for stdout, with where its two ways lead."""

    def __init__(self) -> None:
        self.lines = io.StringIO()
        self.words = io.StringIO()
        self.prints = StepPrints(NdjsonLines(self.lines), self.words)

    @property
    def told(self) -> list[tuple[str, str]]:
        """Step and text of each `log` event."""
        events = [json.loads(line) for line in self.lines.getvalue().splitlines()]
        assert all(event["type"] == "log" for event in events)
        return [(event["step"], event["data"]["text"]) for event in events]


@pytest.fixture
def in_step() -> Iterator[None]:
    """As if inside the first attempt of step `a`."""
    attempt = cast("Attempt", SimpleNamespace(run_id="r", path="a", attempt=1))
    token = attempt_scope.set(attempt)
    yield
    attempt_scope.reset(token)


@pytest.mark.usefixtures("in_step")
def test_whole_lines_are_told() -> None:
    """A line is told when it ends, however it was put together."""
    caught = Caught()
    print("one", 1, file=caught.prints)
    caught.prints.write("begun ")
    assert caught.told == [("a", "one 1")]
    caught.prints.write("and ended\nnext")
    assert caught.told == [("a", "one 1"), ("a", "begun and ended")]
    caught.prints.tell_rest()
    caught.prints.tell_rest()
    assert caught.told[2:] == [("a", "next")]


@pytest.mark.usefixtures("in_step")
def test_steps_do_not_share_a_line() -> None:
    """What two steps begin at the same time stays apart."""
    caught = Caught()
    caught.prints.write("from a ")
    other = attempt_scope.set(cast("Attempt", SimpleNamespace(run_id="r", path="b", attempt=1)))
    caught.prints.write("from b\n")
    attempt_scope.reset(other)
    caught.prints.write("again\n")
    assert caught.told == [("b", "from b"), ("a", "from a again")]


def test_prints_outside_steps_are_words() -> None:
    """A module printing while it is imported does not reach the data."""
    caught = Caught()
    print("hello", file=caught.prints, flush=True)
    assert caught.words.getvalue() == "hello\n"
    assert caught.lines.getvalue() == ""


def test_bytes_and_children_get_where_words_go(tmp_path: Path) -> None:
    """What cannot be told to belong to a step must not reach the data either."""
    with (tmp_path / "words").open("w") as words:
        prints = StepPrints(NdjsonLines(io.StringIO()), words)
        assert prints.fileno() == words.fileno()
        prints.buffer.write(b"raw")
    assert (tmp_path / "words").read_text() == "raw"


def test_it_passes_for_a_stream() -> None:
    """Programs ask a stream whether it is writable, a terminal, and of which encoding."""
    prints = Caught().prints
    assert prints.writable()
    assert not prints.isatty()
    assert prints.encoding == "utf-8"


def test_it_may_outlive_where_words_go(tmp_path: Path) -> None:
    """Python flushes a stream it forgets: that is no error once the words' own stream is closed."""
    with (tmp_path / "words").open("w") as words:
        prints = StepPrints(NdjsonLines(io.StringIO()), words)
        prints.flush()
    prints.flush()
