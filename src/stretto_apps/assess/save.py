"""Writes an assessment's reports to disk, each time into a folder of its own."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from stretto.errors import PermanentError
from stretto_apps.assess.reports.for_run import run_page

if TYPE_CHECKING:
    from stretto import RunResult
    from stretto_apps.assess.types import Assessment

__all__ = ["names", "save", "save_run"]

_NUMBERED = re.compile(r"(\d{4,})-")


def save(assessment: Assessment, folder: str | Path) -> list[Path]:
    """Writes Markdown, HTML and the whole assessment as JSON into a new numbered folder below `folder`.

    Nothing earlier is overwritten. Gives the paths, in the order of `names`. Raises `PermanentError` when the
    folder cannot be written.
    """
    try:
        place = _new_folder(Path(folder), assessment.company)
        return [_write(place / name, text) for name, text in _contents(assessment)]
    except OSError as trouble:
        raise PermanentError(
            f"The reports cannot be written below {folder}: {trouble}. Choose another folder."
        ) from trouble


def save_run(
    result: RunResult[Assessment], folder: str | Path, *, one_by_one: float | None = None
) -> list[Path]:
    """Writes the page about the run itself, ``run.md`` and ``run.html``, into a `folder` that `save` made.

    `one_by_one` is the measured length of the same assessment one step at a time, in seconds. Gives both
    paths. Raises `PermanentError` when they are there already, which are never overwritten, or the folder
    cannot be written.
    """
    found = run_page(result, one_by_one=one_by_one)
    place = Path(folder)
    try:
        return [
            _write(place / f"{found.kind}.{form}", text)
            for form, text in (("md", found.markdown), ("html", found.html))
        ]
    except OSError as trouble:
        raise PermanentError(
            f"The page about the run cannot be written into {place}: {trouble}. "
            "Name a folder that `save` made and that has none yet."
        ) from trouble


def names(assessment: Assessment) -> list[str]:
    """The files' names inside the new folder."""
    return [name for name, _ in _contents(assessment)]


def _contents(assessment: Assessment) -> list[tuple[str, str]]:
    pages = [
        entry
        for report in assessment.reports
        for entry in ((f"{report.kind}.md", report.markdown), (f"{report.kind}.html", report.html))
    ]
    return [*pages, ("assessment.json", assessment.model_dump_json(indent=2) + "\n")]


def _write(path: Path, text: str) -> Path:
    with path.open("x", encoding="utf-8", newline="\n") as file:
        file.write(text)
    return path


def _new_folder(root: Path, company: str) -> Path:
    """`0007-company`: one above the highest number there; another writer's folder of that number is passed
    over.
    """
    root.mkdir(parents=True, exist_ok=True)
    slug = re.sub(r"[^a-z0-9]+", "-", company.lower()).strip("-")[:40] or "company"
    while True:
        taken = [int(found.group(1)) for entry in root.iterdir() if (found := _NUMBERED.match(entry.name))]
        place = root / f"{max(taken, default=0) + 1:04d}-{slug}"
        try:
            place.mkdir()
        except FileExistsError:
            continue
        return place
