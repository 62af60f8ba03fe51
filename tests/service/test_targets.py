"""`service/targets.py`: what a user may name, and what is said when it cannot be loaded."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from stretto.errors import DefinitionError, NotFoundError, TargetError
from stretto.service import targets
from stretto.service.targets import installed, load_target

if TYPE_CHECKING:
    from service.conftest import Cli

ONE = """
    from stretto import step, workflow

    @step
    async def a() -> int:
        return 1

    @workflow(name="declared")
    def flow() -> int:
        return a()
"""
TWO = (
    ONE
    + """
    @workflow
    def other() -> int:
        return a()
"""
)


def test_a_file_with_one_workflow(cli: Cli) -> None:
    """Its name may be left out, given as the variable, or as declared."""
    cli.write("flow.py", ONE)
    flow = load_target("flow.py")
    assert flow.name == "declared"
    assert load_target("flow.py:flow").name == load_target("flow.py:declared").name == "declared"


def test_a_file_has_a_stable_module_name(cli: Cli) -> None:
    """Never ``__main__``, and never a name that stands in for another module's."""
    cli.write("json.py", ONE + '\n    if __name__ == "__main__":\n        raise SystemExit(9)\n')
    assert load_target("json.py").definition.fn.__module__ == "stretto_target_json"
    assert "loads" in vars(sys.modules["json"])


def test_a_file_may_import_its_neighbors(cli: Cli) -> None:
    """As a script may."""
    cli.write("sub/neighbor_of_flow.py", "NAME = 'x'")
    cli.write("sub/flow.py", "    from neighbor_of_flow import NAME\n" + ONE)
    assert load_target("sub/flow.py").name == "declared"


def test_several_workflows_are_listed(cli: Cli) -> None:
    """Without a name nothing is guessed."""
    cli.write("two.py", TWO)
    with pytest.raises(
        TargetError, match=r"two\.py holds 2 workflows\. Name one: two\.py:flow, two\.py:other\."
    ):
        load_target("two.py")
    assert load_target("two.py:other").name == "other"


def test_imported_workflows_do_not_count_beside_own(cli: Cli) -> None:
    """A file that imports a workflow and declares one has one; a file that only imports one offers it."""
    cli.write("library_of_flows.py", ONE)
    cli.write(
        "mine.py", "    from library_of_flows import flow as theirs\n" + ONE.replace("declared", "mine")
    )
    cli.write("again.py", "from library_of_flows import flow")
    assert load_target("mine.py").name == "mine"
    assert load_target("again.py").name == "declared"


def test_a_file_without_workflows(cli: Cli) -> None:
    """It says what makes one."""
    cli.write("none.py", "x = 1")
    with pytest.raises(TargetError, match=r"none\.py holds no workflow\. Decorate .* with @workflow"):
        load_target("none.py")


def test_a_name_that_is_no_workflow(cli: Cli) -> None:
    """A step is told to be one."""
    cli.write("flow.py", ONE)
    with pytest.raises(TargetError, match=r"flow\.py:a is a Step, not a workflow"):
        load_target("flow.py:a")


def test_a_name_that_is_not_there(cli: Cli) -> None:
    """The names that are there are listed."""
    cli.write("two.py", TWO)
    with pytest.raises(
        NotFoundError, match=r"no workflow 'two\.py:flw'\. Known: two\.py:flow, two\.py:other"
    ):
        load_target("two.py:flw")


def test_a_file_that_is_not_there(cli: Cli) -> None:
    """The Python files beside it are listed."""
    cli.write("flow.py", ONE)
    with pytest.raises(NotFoundError, match=r"There is no file 'flw\.py'\. Known: flow\.py\."):
        load_target("flw.py")
    (cli.folder / "folder.py").mkdir()
    with pytest.raises(TargetError, match=r"folder\.py is a folder\. Name a file in it"):
        load_target("folder.py")
    with pytest.raises(NotFoundError, match=r"There is no file 'nowhere/flow\.py'\."):
        load_target("nowhere/flow.py")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("x = (1,\ny = 2", r"broken\.py:1: SyntaxError: .* Mend that line\."),
        ("def f():\npass", r"broken\.py:2: IndentationError: "),
        ("import os\nimport no_such_module_at_all", r"broken\.py:2: .*ModuleNotFoundError: No module named"),
        (
            "def f():\n    return 1 / 0\n\nf()",
            r"broken\.py:2: broken\.py cannot be imported: ZeroDivisionError",
        ),
        ("raise SystemExit(3)", r"broken\.py:1: broken\.py cannot be imported: SystemExit: 3"),
        ("assert False", r"broken\.py:1: broken\.py cannot be imported: AssertionError\."),
    ],
)
def test_what_cannot_be_imported_has_a_place(cli: Cli, text: str, says: str) -> None:
    """Import and syntax errors of the target name the file's line."""
    cli.write("broken.py", text)
    with pytest.raises(TargetError, match=says):
        load_target("broken.py")


def test_definition_errors_keep_their_own_place(cli: Cli) -> None:
    """Stretto's errors know where they happened."""
    cli.write("wrong.py", "from stretto import step\n\n@step(optional=False, default=1)\ndef a(): ...\n")
    with pytest.raises(DefinitionError, match=r"wrong\.py:\d: Step 'a'"):
        load_target("wrong.py")


def test_a_module(cli: Cli) -> None:
    """Found from the working directory; its workflow by name, or its only one."""
    cli.write("shop_of_flows/__init__.py", "")
    cli.write("shop_of_flows/flows.py", ONE)
    assert (
        load_target("shop_of_flows.flows:flow").name == load_target("shop_of_flows.flows:").name == "declared"
    )


def test_a_module_that_is_not_there(cli: Cli) -> None:
    """A missing module is not found; a module that misses another is broken."""
    with pytest.raises(NotFoundError, match=r"There is no module 'no_shop\.flows'"):
        load_target("no_shop.flows:x")
    cli.write("half_a_shop.py", "import no_such_module_at_all")
    with pytest.raises(TargetError, match=r"half_a_shop\.py:1: .*no_such_module_at_all"):
        load_target("half_a_shop:x")


def test_installed_workflows() -> None:
    """What packages offer under the group is found by its name."""
    assert "assess" in installed()
    assert load_target("assess").name == "assess"
    with pytest.raises(NotFoundError, match=r"There is no workflow 'asess'\. Known: .*assess"):
        load_target("asess")


def test_an_installed_workflow_that_is_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    """The entry point's value says where to look."""
    from importlib.metadata import EntryPoint

    broken = EntryPoint("broken", "json:nothing", targets.GROUP)
    wrong = EntryPoint("wrong", "json:loads", targets.GROUP)
    monkeypatch.setattr(targets, "entry_points", lambda group: [broken, wrong])
    with pytest.raises(TargetError, match=r"installed workflow 'broken' \(json:nothing\) cannot be imported"):
        load_target("broken")
    with pytest.raises(TargetError, match=r"wrong \(json:loads\) is a function, not a workflow"):
        load_target("wrong")


def test_a_colon_alone_names_nothing() -> None:
    """Neither a module nor a workflow: told as an unknown name."""
    with pytest.raises(NotFoundError, match="There is no workflow ':'"):
        load_target(":")
