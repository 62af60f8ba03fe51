"""The table beside other engines: its verdicts, what it says of missing figures, and its form as Markdown."""

from __future__ import annotations

import pytest
from bench.peers.loads import CROWD, MAKESPAN, OVERHEAD
from bench.peers.markdown import markdown
from bench.peers.table import Cannot, PeersTable, Result, table_of
from bench.table import Row, Sample, Table

SYSTEMS = ("asyncio by hand", "Stretto", "one peer", "another")


def _result(kind: str, *figures: float | str) -> Result:
    """A result with these medians, in the order of SYSTEMS; a text is a reason."""
    named = {
        name: Cannot(figure) if isinstance(figure, str) else Sample(figure, figure - 0.5, figure + 0.5)
        for name, figure in zip(SYSTEMS, figures, strict=False)
    }
    seconds = {name: 2.0 for name, figure in named.items() if isinstance(figure, Sample)}
    return Result("a load", kind, named, seconds, dict.fromkeys(seconds, 0.0))


def _row(kind: str, *figures: float | str) -> Row:
    return table_of([_result(kind, *figures)], SYSTEMS[: len(figures)]).rows[0]


@pytest.mark.parametrize(("best", "is_met"), [(16.0, True), (15.9, False)])
def test_an_overhead_is_met_from_twice_ours_on(best: float, is_met: bool) -> None:
    """Both above the control's 4.0: 2.0 or more; the slower peer does not count, and the whole figures stand beside."""
    row = _row(OVERHEAD, 4.0, 10.0, 500.0, best)
    assert row.is_met is is_met
    assert row.data["best peer / Stretto"] == best / 10
    assert row.data["above asyncio"] == pytest.approx((best - 4) / 6)
    assert row.target == "best peer ≥ 2 × Stretto, above asyncio"


def test_a_figure_at_the_control_has_no_overhead() -> None:
    """Nothing can be less than nothing."""
    assert _row(OVERHEAD, 4.0, 4.0, 5.0).is_met is True


def test_without_the_control_whole_figures_are_compared() -> None:
    """As beside durable peers, where asyncio by hand keeps nothing."""
    table = table_of([_result(OVERHEAD, "keeps nothing", 10.0, 19.0)], SYSTEMS[:3])
    assert table.rows[0].is_met is False
    assert table.rows[0].cells[-2:] == ("1.90", "–")


@pytest.mark.parametrize(("ours", "is_met"), [(1.005, True), (1.0051, False)])
def test_a_makespan_is_judged_against_the_control(ours: float, is_met: bool) -> None:
    """Half a percent above the control at most, however slow the peers are."""
    assert _row(MAKESPAN, 1.0, ours, 2.2, 1.9).is_met is is_met


@pytest.mark.parametrize(("ours", "is_met"), [(1.1, True), (1.11, False)])
def test_a_crowd_is_judged_against_one_alone(ours: float, is_met: bool) -> None:
    """A tenth later at most; a ratio to itself is not compared with another's."""
    row = _row(CROWD, 1.0, ours, 5.0, 4.0)
    assert row.is_met is is_met
    assert "best peer / Stretto" not in row.data


def test_a_missed_line_is_printed_and_named() -> None:
    """Losing is told like winning."""
    table = table_of([_result(OVERHEAD, 4.0, 10.0, 15.0)], SYSTEMS[:3])
    assert "1.83" in table.text()
    assert table.missed == ["a load, µs a step"]
    assert "10.0 [9.5–10.5]" in table.text()
    assert "1.50" in table.text()
    assert "MISSED" in table.text()


def test_without_a_peer_an_overhead_has_no_verdict() -> None:
    """Nobody to compare with: neither met nor missed."""
    row = _row(OVERHEAD, 4.0, 10.0)
    assert (row.is_met, row.target, row.cells[-1]) == (None, "", "–")


def test_a_peer_that_cannot_is_a_dash_with_its_reason() -> None:
    """It is not the best peer, and the note tells why it has no figure."""
    table = table_of([_result(OVERHEAD, 4.0, 10.0, "takes no maps", 30.0)], SYSTEMS)
    assert table.rows[0].cells[3] == "–"
    assert table.rows[0].data["best peer / Stretto"] == 3.0
    assert table.notes == ["one peer has no figure on a load: takes no maps"]


def test_ours_without_a_figure_is_an_error() -> None:
    """A table about us has our figures."""
    with pytest.raises(TypeError, match="Stretto has no figure on a load: broken"):
        _row(OVERHEAD, 4.0, "broken", 30.0)


def test_what_was_built_ahead_is_told() -> None:
    """By the first load; what took no time is not named."""
    built = {"asyncio by hand": 0.0, "Stretto": 0.0004, "one peer": 0.3894}
    result = _result(OVERHEAD, 4.0, 10.0, 30.0)._replace(built=built)
    notes = table_of([result, result._replace(load="another load")], SYSTEMS[:3]).notes
    assert notes == ["Built ahead, once, in no figure (a load): one peer 389 ms."]


def test_a_ratio_stands_beside_its_seconds() -> None:
    """A barrier's makespan is large in both; an overhead needs no seconds."""
    assert _row(MAKESPAN, 1.0, 1.0, 2.2).cells[3] == "2.200 [1.700–2.700], 2.00 s"
    assert _row(OVERHEAD, 4.0, 10.0, 30.0).cells[3] == "30.0 [29.5–30.5]"


def test_the_json_copy_has_figures_by_system_and_the_notes() -> None:
    """Medians, quartiles and seconds under the system's name."""
    plain = table_of([_result(OVERHEAD, 4.0, 10.0, 30.0)], SYSTEMS[:3], ["a note"]).plain()
    assert plain["notes"] == ["a note"]
    rows = plain["rows"]
    assert isinstance(rows, list)
    assert rows[0]["one peer"] == 30.0
    assert rows[0]["one peer, low"] == 29.5
    assert rows[0]["Stretto, s"] == 2.0
    assert rows[0]["ok"] is True


def test_markdown_is_a_table_with_its_notes() -> None:
    """Title and machine, a header, a line a row filled up to the columns, and notes as a list."""
    table = PeersTable("A title", ("load", "µs", "more"), [Row(("a|b", "7"), {}, "≤ 6", False)], ["a note"])
    assert markdown(table, "2 CPUs").splitlines() == [
        "**A title** – 2 CPUs",
        "",
        "| load | µs | more | target |  |",
        "| --- | --- | --- | --- | --- |",
        "| a\\|b | 7 |  | ≤ 6 | MISSED |",
        "",
        "- a note",
    ]


def test_any_table_can_be_markdown() -> None:
    """One without notes ends with its last line."""
    table = Table("A title", ("name",), [Row(("a",), {})])
    assert markdown(table, "here").splitlines()[-1] == "| a |  |  |"
