"""Writing reports to disk."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from stretto.errors import PermanentError
from stretto_apps.assess import Assessment, assess, example_request
from stretto_apps.assess.save import names, save

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def assessment() -> Assessment:
    """A whole assessment."""
    return assess.run(example_request()).value


def test_files(assessment: Assessment, tmp_path: Path) -> None:
    """Each report twice and the assessment as JSON, in one new folder; the JSON reads back equal."""
    paths = save(assessment, tmp_path / "a" / "b")
    assert [path.name for path in paths] == names(assessment)
    assert names(assessment)[:2] == ["executive.md", "executive.html"]
    assert {path.parent.name for path in paths} == {"0001-meridian-health"}
    assert Assessment.model_validate_json(paths[-1].read_text(encoding="utf-8")) == assessment


def test_nothing_is_overwritten(assessment: Assessment, tmp_path: Path) -> None:
    """Numbers go on from the highest there, gaps stay, and other files do not matter."""
    (tmp_path / "0007-other").mkdir()
    (tmp_path / "notes").mkdir()
    assert save(assessment, tmp_path)[0].parent.name == "0008-meridian-health"
    assert save(assessment, str(tmp_path))[0].parent.name == "0009-meridian-health"


@pytest.mark.parametrize(
    ("company", "folder"),
    [
        ("../../etc/passwd", "0001-etc-passwd"),
        ("***", "0001-company"),
        ("Köln & Söhne", "0001-k-ln-s-hne"),
        ("x" * 99, "0001-" + "x" * 40),
    ],
)
def test_names_are_harmless(assessment: Assessment, tmp_path: Path, company: str, folder: str) -> None:
    """A company's name never leads out of the folder."""
    paths = save(assessment.model_copy(update={"company": company}), tmp_path)
    assert paths[0].parent == tmp_path / folder


def test_a_folder_that_cannot_be_written(assessment: Assessment, tmp_path: Path) -> None:
    """A file in the way is told with the place and what to do."""
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(PermanentError, match="Choose another folder"):
        save(assessment, tmp_path / "file")
