"""What ``stretto demo`` leaves on disk."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from stretto.service.cli import demo
from stretto_apps.assess.reports.wording import duration

if TYPE_CHECKING:
    from service.conftest import Cli


@pytest.mark.slow
def test_the_demo_writes_the_page_about_its_run(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beside the reports lies the run's page with the length measured one by one, and it is listed."""
    monkeypatch.setattr(demo, "LATENCY_MEDIAN", 0.002)
    done = cli.run("demo", "--output", "out", "--json")
    assert done.code == 0, done.err
    data = json.loads(done.out.splitlines()[-1])["data"]
    listed = [Path(path) for path in data["reports"]]
    assert [path.name for path in listed][-2:] == ["run.md", "run.html"]
    assert {path.parent for path in listed} == {Path("out") / "0001-meridian-health"}
    told = rf"One by one  █+ {re.escape(duration(data['one_by_one']))}, measured"
    assert re.search(told, listed[-2].read_text(encoding="utf-8"))
