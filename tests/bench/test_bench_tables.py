"""What the benches print: medians with their spread, targets, and what was missed."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import pytest
from bench.pairs import WrongValueError
from bench.table import Row, Sample, Table

if TYPE_CHECKING:
    from pathlib import Path

from bench import __main__ as command
from bench import caps


def test_a_sample_is_its_median_and_quartiles() -> None:
    """Known answer."""
    sample = Sample.of([5.0, 1.0, 3.0, 2.0, 4.0])
    assert sample == (3.0, 2.0, 4.0)
    assert sample.text() == "3.0 [2.0–4.0]"


def _table(is_met: bool) -> Table:
    row = Row(("a line", "7"), {"us": 7.0}, "≤ 6", is_met)
    return Table("A title", ("name", "µs", "more"), [row, Row(("beside",), {})])


def test_a_table_reads_like_one() -> None:
    """Columns are aligned, short lines filled, and only lines with a target have a verdict."""
    assert _table(is_met=False).text().splitlines() == [
        "A title",
        "  name    µs  more  target",
        "  a line  7         ≤ 6     MISSED",
        "  beside",
    ]
    assert "ok" in _table(is_met=True).text()


def test_missed_lines_are_named() -> None:
    """Lines without a target are never missed."""
    assert _table(is_met=False).missed == ["a line"]
    assert _table(is_met=True).missed == []


def _run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["bench", *arguments])
    return command.main()


@pytest.mark.parametrize(
    ("is_met", "arguments", "code"), [(False, [], 0), (False, ["--strict"], 20), (True, ["--strict"], 0)]
)
def test_only_strict_benches_fail(
    monkeypatch: pytest.MonkeyPatch, is_met: bool, arguments: list[str], code: int
) -> None:
    """Without --strict the exit code is 0, whatever was missed."""
    monkeypatch.setattr(caps, "measure", lambda: _table(is_met))
    assert _run(monkeypatch, "caps", *arguments) == code


def test_the_json_copy_has_the_figures(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Names, figures, targets, verdicts."""
    monkeypatch.setattr(caps, "measure", lambda: _table(is_met=False))
    _run(monkeypatch, "caps", "--json", str(tmp_path / "copy.json"))
    found = json.loads((tmp_path / "copy.json").read_text(encoding="utf-8"))
    assert found["tables"]["caps"]["rows"][0] == {"name": "a line", "us": 7.0, "target": "≤ 6", "ok": False}


def test_a_wrong_value_is_told_and_fails(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A bench whose runs return something wrong shows no figures."""

    def wrong() -> Table:
        raise WrongValueError("a load returned 2; it should be 1")

    monkeypatch.setattr(caps, "measure", wrong)
    assert _run(monkeypatch, "caps") == 1
    assert "returned 2" in capsys.readouterr().err


def test_an_unknown_name_is_refused_with_the_known_ones(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Usage errors exit with 2."""
    with pytest.raises(SystemExit) as caught:
        _run(monkeypatch, "overhaed")
    assert caught.value.code == 2
    assert "overhead" in capsys.readouterr().err


def test_the_caps_table_has_its_three_targets() -> None:
    """Mean, worst and FIFO, all met."""
    table = caps.measure()
    assert [row.is_met for row in table.rows if row.target] == [True, True, True]
    assert len(table.rows) == len(caps.SHAPES) + 3
