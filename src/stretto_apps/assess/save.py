"""Writes an assessment's reports to disk, each time into a folder of its own."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from stretto.errors import PermanentError

if TYPE_CHECKING:
    from stretto_apps.assess.types import Assessment

__all__ = ["names", "save"]

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
    path.write_text(text, encoding="utf-8", newline="\n")
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
