"""Boxes in rows."""

from __future__ import annotations

from stretto.report.rows import in_rows


def test_a_few_stand_below_each_other() -> None:
    """Up to four, in their order, with the gap between them."""
    rows = in_rows([(50.0, 20.0)] * 3, 10.0)
    assert rows.rects == [(0.0, 0.0, 50.0, 20.0), (0.0, 30.0, 50.0, 20.0), (0.0, 60.0, 50.0, 20.0)]
    assert (rows.width, rows.height) == (50.0, 80.0)


def test_many_fill_rows_of_one_length() -> None:
    """Row after row; the last may be shorter; the whole is wider than high."""
    rows = in_rows([(50.0, 20.0)] * 23, 10.0)
    per_row = sum(rect[1] == 0 for rect in rows.rects)
    assert [rect[0] for rect in rows.rects[:per_row]] == [60.0 * place for place in range(per_row)]
    assert rows.rects[per_row][:2] == (0.0, 30.0)
    assert rows.width > rows.height


def test_room_decides_how_many_stand_beside_each_other() -> None:
    """As many as fit, one at least."""
    assert [rect[1] for rect in in_rows([(50.0, 20.0)] * 4, 10.0, 115.0).rects] == [0.0, 0.0, 30.0, 30.0]
    assert [rect[0] for rect in in_rows([(50.0, 20.0)] * 2, 10.0, 5.0).rects] == [0.0, 0.0]


def test_one_column_has_one_width() -> None:
    """Unless a box would become much wider than it needs to be."""
    assert [rect[2] for rect in in_rows([(50.0, 20.0), (60.0, 20.0)], 10.0).rects] == [60.0, 60.0]
    assert [rect[2] for rect in in_rows([(50.0, 20.0), (300.0, 20.0)], 10.0).rects] == [50.0, 300.0]
