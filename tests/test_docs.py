"""Documents that would lie are found: their programs and commands are run, their links and drawings checked."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from stretto.core.schedule.states import LEGAL, State, diagram

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
TEXTS = {".py", ".md", ".toml", ".txt", ".yaml", ".json", ".j2", ""}
PAGES = {path.relative_to(DOCS).as_posix(): path.read_text(encoding="utf-8") for path in DOCS.rglob("*.md")}

TESTED_ELSEWHERE = {"testing.md": "its blocks are tests; tests/testing/test_testing_page.py runs them"}
NOT_RUN = {
    "stretto bench flow.py --repeats 3": "takes 12 seconds; the tutorial's bench, of the same form, is run"
}
"""Command -> why it is not run here."""

_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_NAMED = re.compile(r"# ([\w-]+\.(?:py|toml|yaml))")
_CLI = "import sys; from stretto.service.cli.main import run; sys.exit(run(sys.argv[1:]))"


def blocks_of(page: str, kind: str) -> list[str]:
    """A page's code blocks of one language."""
    return [text for found, text in _BLOCK.findall(PAGES[page]) if found == kind]


def name_of(block: str) -> str:
    """The file that a block is, by its first line; empty if it names none."""
    named = _NAMED.fullmatch(block.partition("\n")[0].strip())
    return "" if named is None else named[1]


def programs() -> list[tuple[str, str]]:
    """Page and file name of every Python block."""
    pages = sorted(PAGES.keys() - TESTED_ELSEWHERE)
    return [(page, name_of(block)) for page in pages for block in blocks_of(page, "python")]


def commands_of(page: str) -> list[str]:
    """The lines of a page that a reader types, without their comments."""
    lines = [line for block in blocks_of(page, "console") for line in block.splitlines()]
    return [line.removeprefix("$ ").partition(" #")[0].strip() for line in lines if line.startswith("$ ")]


def laid_out(page: str, folder: Path) -> Path:
    """A reader's folder: the page's files beside each other, and the examples."""
    for block in (*blocks_of(page, "python"), *blocks_of(page, "toml"), *blocks_of(page, "yaml")):
        if name_of(block):
            (folder / name_of(block)).write_text(block, encoding="utf-8")
    shutil.copytree(ROOT / "examples", folder / "examples")
    return folder


def run(words: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """One command in a reader's folder."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("STRETTO_")}
    env["PYTHONPATH"] = str(ROOT / "src")
    return subprocess.run(
        words, cwd=folder, env=env, capture_output=True, text=True, timeout=120, check=False
    )


def anchors_of(text: str) -> set[str]:
    """What a link behind `#` can lead to on a page: its headings."""
    prose = _BLOCK.sub("", text)
    titles = re.findall(r"^#+ (.+)$", prose, re.MULTILINE)
    return {re.sub(r"[\s-]+", "-", re.sub(r"[^\w\s-]", "", title.lower()).strip()) for title in titles}


def pages_in(entry: object) -> list[str]:
    """The pages under an entry of the site's navigation."""
    if isinstance(entry, str):
        return [entry]
    inner = entry.values() if isinstance(entry, dict) else entry if isinstance(entry, list) else ()
    return [page for part in inner for page in pages_in(part)]


def test_every_python_block_is_a_named_file() -> None:
    """A block nobody could run, or two of one name on a page, would be read and not tested."""
    found = programs()
    assert [page for page, name in found if not name.endswith(".py")] == []
    assert len(set(found)) == len(found)
    assert len(found) >= 10


@pytest.mark.slow
@pytest.mark.parametrize(("page", "name"), programs())
def test_every_python_block_is_a_program(page: str, name: str, tmp_path: Path) -> None:
    """Run beside its page's other files, with warnings as errors, it ends well."""
    done = run([sys.executable, "-W", "error", name], laid_out(page, tmp_path))
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("page", [page for page in sorted(PAGES) if commands_of(page)])
def test_every_command_of_a_page_works(page: str, tmp_path: Path) -> None:
    """Each `stretto …` line, in the page's order and one folder, ends with exit code 0 and says something."""
    folder = laid_out(page, tmp_path)
    for command in commands_of(page):
        if command in NOT_RUN:
            continue
        program, *words = shlex.split(command)
        assert program == "stretto", f"{page}: nobody runs `{command}`"
        done = run([sys.executable, "-c", _CLI, *words], folder)
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        assert (done.stdout + done.stderr).strip(), command


def test_what_is_not_run_stands_on_a_page() -> None:
    """An exception for a page or a command that is gone would hide the next one of that name."""
    commands = {command for page in PAGES for command in commands_of(page)}
    assert set(NOT_RUN) <= commands
    assert set(TESTED_ELSEWHERE) <= set(PAGES)


@pytest.mark.parametrize("page", sorted(PAGES))
def test_links_lead_to_pages_and_headings(page: str) -> None:
    """Each link of a page leads to a file below `docs/`, and to a heading of it where it names one."""
    for link in _LINK.findall(_BLOCK.sub("", PAGES[page])):
        if link.startswith(("http://", "https://")):
            continue
        target, _, anchor = link.partition("#")
        path = ((DOCS / page).parent / target).resolve() if target else DOCS / page
        assert path.is_file(), f"{page}: {link}"
        assert path.is_relative_to(DOCS), f"{page}: {link} is not on the site"
        if anchor:
            assert anchor in anchors_of(path.read_text(encoding="utf-8")), f"{page}: {link}"


def test_every_page_is_in_the_navigation_once() -> None:
    """A page that `mkdocs.yml` does not name is found by nobody; one that is not there would be a dead end."""
    named = pages_in(yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))["nav"])
    assert sorted(named) == sorted(PAGES)


@pytest.mark.slow
def test_the_site_builds_without_a_warning(tmp_path: Path) -> None:
    """`zensical build --strict`, in a copy, ends well and makes a page of each."""
    shutil.copytree(DOCS, tmp_path / "docs")
    shutil.copy(ROOT / "mkdocs.yml", tmp_path)
    done = run([sys.executable, "-m", "zensical", "build", "--strict", "-f", "mkdocs.yml"], tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    made = {path.relative_to(tmp_path / "out/site").as_posix() for path in tmp_path.rglob("*.html")}
    assert {page.replace(".md", ".html") for page in PAGES} <= made


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
    for page in (ROOT / "README.md", *DOCS.rglob("*.md")):
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
