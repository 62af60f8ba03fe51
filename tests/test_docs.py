"""Documents that would lie are found: the state diagram, the glossary, the house's floors."""

from __future__ import annotations

import re
from pathlib import Path

from stretto.core.schedule.states import LEGAL, State, diagram

ROOT = Path(__file__).parent.parent
TEXTS = {".py", ".md", ".toml", ".txt", ".yaml", ".json", ".j2", ""}


def test_the_walks_diagram_is_drawn_from_the_table() -> None:
    """`docs/walk.md` holds exactly what `diagram()` draws."""
    text = (ROOT / "docs" / "walk.md").read_text(encoding="utf-8")
    drawn = re.search(r"```mermaid\n(.*?)\n```", text, re.DOTALL)
    assert drawn is not None
    assert drawn.group(1) == diagram()


def test_the_table_leaves_no_state_without_a_way_in_and_no_final_one_with_a_way_out() -> None:
    """Every state but PENDING is reached; nothing leaves a final state."""
    reached = {new for _, new in LEGAL}
    left = {old for old, _ in LEGAL}
    assert reached == set(State) - {State.PENDING}
    assert not any(state.is_final for state in left)


def test_the_walk_names_files_that_exist() -> None:
    """Each file or room the walk mentions is there."""
    text = (ROOT / "docs" / "walk.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:core|runtime|observe|api|authoring)/[\w/]*(?:\.py)?)`", text))
    assert len(named) >= 6
    assert [name for name in sorted(named) if not (ROOT / "src" / "stretto" / name).exists()] == []


def test_the_house_of_the_design_page_stands() -> None:
    """Each room in the design's table of floors exists, and each package is in the table."""
    text = (ROOT / "docs" / "design.md").read_text(encoding="utf-8")
    table = text[text.index("| floor |") : text.index("`stretto_apps/` holds")]
    package = ROOT / "src" / "stretto"
    rooms = {entry.name for entry in package.iterdir() if entry.is_dir() and (entry / "__init__.py").exists()}
    assert [room for room in sorted(rooms) if room not in table] == []
    inner = {entry.name for entry in (package / "core").iterdir() if (entry / "__init__.py").exists()}
    assert [room for room in sorted(inner) if f"`{room}/`" not in table] == []


def test_no_document_names_a_command_that_does_not_exist() -> None:
    """Every `stretto …` command in the documents is one the program has."""
    from typer.main import get_command

    from stretto.service.cli.main import app

    known = set(get_command(app).commands)  # type: ignore[attr-defined]  # a group of commands
    for page in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")):
        for line in re.findall(r"^\$ stretto ([a-z]+)", page.read_text(encoding="utf-8"), re.MULTILINE):
            assert line in known, f"{page.name} names `stretto {line}`"


def test_no_committed_file_names_a_machine_or_a_registry() -> None:
    """No absolute path of a machine and no registry's host is in a text file of the project."""
    forbidden = re.compile(
        r"/(?:home|root|Users)/\w|pypi\.\w+\.|files\.pythonhosted|registry\.npmjs|deb\.debian"
    )
    skipped = {".git", ".venv", "dist", "out", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis"}
    this = Path(__file__)
    for path in ROOT.rglob("*"):
        if skipped.intersection(path.relative_to(ROOT).parts) or not path.is_file() or path == this:
            continue
        if path.suffix in TEXTS and path.stat().st_size < 1 << 20:
            text = path.read_text(encoding="utf-8", errors="ignore")
            assert forbidden.search(text) is None, f"{path.relative_to(ROOT)}: {forbidden.search(text)}"
