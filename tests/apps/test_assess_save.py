"""Writing reports to disk."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from stretto import RunError, RunResult
from stretto.errors import PermanentError
from stretto_apps.assess import Assessment, assess, example_request, run_assessment
from stretto_apps.assess.save import names, save, save_run

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def result() -> RunResult[Assessment]:
    """A run that succeeded."""
    return assess.run(example_request())


@pytest.fixture(scope="module")
def assessment(result: RunResult[Assessment]) -> Assessment:
    """A whole assessment."""
    return result.value


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


# -------------------------------------------------------------------- the page about the run


def test_the_run_beside_its_reports(result: RunResult[Assessment], tmp_path: Path) -> None:
    """The page goes into the folder of the reports, in both forms, with the length that was measured."""
    reports = save(result.value, tmp_path)
    pages = save_run(result, reports[0].parent, one_by_one=3599.0)
    assert [page.name for page in pages] == ["run.md", "run.html"]
    assert {page.parent for page in pages} == {reports[0].parent}
    assert all("59 min 59 s" in page.read_text(encoding="utf-8") for page in pages)


def test_a_page_about_a_run_is_never_overwritten(result: RunResult[Assessment], tmp_path: Path) -> None:
    """A second one for the same folder is refused, whatever there is of the first, and nothing changes."""
    for name in ("run.md", "run.html"):
        folder = tmp_path / name
        folder.mkdir()
        (folder / name).write_text("first", encoding="utf-8")
        with pytest.raises(PermanentError, match="that has none yet"):
            save_run(result, folder)
        assert (folder / name).read_text(encoding="utf-8") == "first"
    with pytest.raises(PermanentError, match="a folder that `save` made"):
        save_run(result, tmp_path / "nowhere")


def test_a_direct_call_writes_reports_and_run_together(tmp_path: Path) -> None:
    """`run_assessment` with a folder writes what `save` and `save_run` write, and no step of the run does."""
    result = asyncio.run(run_assessment(example_request(), output=str(tmp_path / "out")))
    (folder,) = (tmp_path / "out").iterdir()
    expected = {*names(result.value), "run.md", "run.html"}
    assert {path.name for path in folder.iterdir()} == expected
    assert result.run_id in (folder / "run.md").read_text(encoding="utf-8")
    assert "save_reports" not in result.steps


def test_reports_that_cannot_be_written_lose_no_assessment(tmp_path: Path) -> None:
    """What was paid for comes with the error, and can be saved elsewhere."""
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(RunError, match=r"Choose another folder. The assessment is done") as caught:
        asyncio.run(run_assessment(example_request(), output=str(tmp_path / "file")))
    kept = caught.value.result
    assert isinstance(kept, RunResult)
    assert len(save(kept.value, tmp_path / "elsewhere")) == 7
