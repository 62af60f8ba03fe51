"""`observe/picture.py`: rows as lines on a time axis."""

from __future__ import annotations

import pytest

from stretto.observe.picture import Frame, axis_end, draw
from stretto.observe.rows import Row, Span

FRAME = Frame(width=60, end=10.0, is_unicode=True)


def row(label: str = "step", state: str = "succeeded", *spans: Span, **more: object) -> Row:
    """A row that says only what matters."""
    given: dict[str, object] = {"seconds": None, "note": "", "is_critical": False, **more}
    return Row(label, state, spans, **given)  # type: ignore[arg-type]


def texts(*rows: Row, frame: Frame = FRAME, legend: str = "") -> list[str]:
    """The lines without their styles."""
    return [line.plain for line in draw("title", rows, legend, frame)]


def test_a_bar_stands_on_its_time() -> None:
    """A bar begins and ends where its attempt did, on the same scale for every row."""
    _, early, late, _ = texts(
        row("a", "succeeded", Span(0, 5, False)), row("b", "running", Span(5, 10, False))
    )
    bars = 60 - 9 - 9 - 6  # labels, seconds, marks
    assert early.count("━") == late.count("━") == bars // 2
    assert early.index("━") + bars // 2 == late.index("━")


def test_a_short_attempt_is_seen() -> None:
    """However short, an attempt fills one cell; at the very end of the axis too."""
    assert texts(row("a", "succeeded", Span(3, 3.0001, False)))[1].count("━") == 1
    assert texts(row("a", "succeeded", Span(10, 10, False)))[1].count("━") == 1


def test_a_lost_attempt_and_its_backoff_look_different() -> None:
    """A failed attempt, the wait after it, and the next attempt can be told apart."""
    line = texts(row("a", "succeeded", Span(0, 2.5, True), Span(5, 7.5, False)))[1]
    assert line.count("╍") == line.count("┈") == line.count("━") == 9


def test_the_critical_path_is_marked() -> None:
    """Steps on the path carry the mark, and the axis says what it means."""
    lines = texts(row("a", is_critical=True), row("b"), legend="critical path")
    assert lines[1].startswith("◆ ✓ a")
    assert lines[2].startswith("  ✓ b")
    assert lines[3].startswith("◆ critical path")
    assert lines[3].endswith(" 10 s")


@pytest.mark.parametrize("width", [40, 60, 80])
def test_no_line_is_wider_than_the_frame(width: int) -> None:
    """Long names lose their middle, long notes are left out."""
    long = row(
        "a_very_long_name_of_a_step_in_a_scope[17]", "failed", Span(0, 10, True), note="x" * 70, seconds=3.0
    )
    lines = texts(long, row(note="y" * 200), row("… and 5 pending", ""), frame=Frame(width, 10.0, True))
    assert max(map(len, lines)) <= width
    assert "a_very_l" in lines[1]
    assert "cope[17]" in lines[1]
    assert "xx" not in lines[1]


def test_a_note_stands_behind_its_bar() -> None:
    """Where there is room, the note follows the bar."""
    assert texts(row("a", "running", Span(0, 2, False), note="30%"))[1].endswith("━ 30%")


def test_a_terminal_without_unicode_gets_ascii() -> None:
    """Every mark has a plain form."""
    lines = texts(
        row("a", "succeeded", Span(0, 1, True), Span(2, 3, False), is_critical=True),
        legend="critical path",
        frame=Frame(60, 10.0, False),
    )
    assert all(line.isascii() for line in lines)
    assert lines[1].startswith("# + a")


@pytest.mark.parametrize(
    ("seconds", "end"),
    [(0, 1), (0.03, 0.03), (0.9, 1), (1.2, 1.5), (4.1, 5), (7.6, 10), (61, 75), (999, 1000)],
)
def test_the_axis_ends_at_a_round_length(seconds: float, end: float) -> None:
    """The next of 1, 1.5, 2, 3, 4, 5, 7.5, 10 times a power of ten."""
    assert axis_end(seconds) == pytest.approx(end)
