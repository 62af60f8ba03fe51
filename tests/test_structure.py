"""The house keeps its own rules: layers, purity, lightness, names that exist, tests that say their rule."""

from __future__ import annotations

import ast
import importlib
import inspect
import io
import re
import subprocess
import sys
import tokenize
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, NamedTuple

import pytest

from stretto import errors
from stretto.core.journal.view import RunStatus
from stretto.core.policy import Cause
from stretto.service.cli.exits import Exit, exit_of_error, exit_of_result

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

ROOT = Path(__file__).parent.parent
SRC = ROOT / "src"
TESTS = ROOT / "tests"
CORE = sorted((SRC / "stretto" / "core").rglob("*.py"))
SOURCES = sorted(SRC.rglob("*.py"))
TEST_FILES = sorted(TESTS.rglob("test_*.py"))
ALL_FILES = sorted(file for folder in ("src", "tests", "bench") for file in (ROOT / folder).rglob("*.py"))


FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def tree_of(file: Path) -> ast.Module:
    """The file's syntax tree."""
    return ast.parse(file.read_text(encoding="utf-8"))


def shown(file: Path) -> str:
    """The file as a reader of the repository knows it."""
    return str(file.relative_to(ROOT))


def module_of(file: Path) -> str:
    """``src/stretto/api/engine.py`` as ``stretto.api.engine``."""
    parts = file.relative_to(SRC).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports_of(tree: ast.AST) -> Iterator[str]:
    """Every module a file imports, at its top or inside functions; ``from a import b`` gives a and a.b."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


# -------------------------------------------------------------------- layers and purity


@pytest.mark.slow
def test_imports_run_down_only() -> None:
    """Every contract of import-linter holds: floors, purity, independence; layers leave no room for cycles."""
    program = (
        "import sys; from importlinter.cli import lint_imports_command; sys.exit(lint_imports_command())"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 broken" in done.stdout


PURE_LIBRARY = frozenset(
    re.findall(
        r"\w+",
        """
        __future__ base64 bisect binascii collections contextlib copy dataclasses datetime decimal enum fractions
        functools hashlib heapq inspect itertools json keyword math numbers operator re string struct sys types
        typing unicodedata uuid weakref zoneinfo
        """,
    )
)
ACTING = frozenset({"open", "print", "input", "exec", "eval", "breakpoint", "exit", "quit", "__import__"})
LOADERS = {"src/stretto/core/values/atoms.py": {"importlib"}}  # loads the library's own plain types by name
CLOCKS = frozenset({"now", "utcnow", "today", "fromtimestamp", "uuid1", "uuid4", "getrandbits"})
WORLD_OF_SYS = frozenset({"sys.stdin", "sys.stdout", "sys.stderr", "sys.argv", "sys.exit"})


def impurities(tree: ast.Module) -> Iterator[str]:
    """What a module of the core does or imports that it may not."""
    for name in imports_of(tree):
        root = name.partition(".")[0]
        if root == "stretto" and not name.startswith(("stretto.core", "stretto.errors")):
            yield name
        elif root != "stretto" and root not in PURE_LIBRARY:
            yield root
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ACTING:
            yield f"{node.func.id}()"
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CLOCKS:
            yield f".{node.func.attr}()"
        elif isinstance(node, ast.Attribute) and ast.unparse(node) in WORLD_OF_SYS:
            yield ast.unparse(node)
        elif isinstance(node, (ast.Await, ast.AsyncFunctionDef, ast.Global)):
            yield type(node).__name__


@pytest.mark.parametrize("file", CORE, ids=shown)
def test_the_core_decides_and_does_nothing(file: Path) -> None:
    """No clock, dice, I/O, loop or thread: only the listed modules are imported and nothing acting is called."""
    assert set(impurities(tree_of(file))) <= LOADERS.get(shown(file), set())


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("def f():\n    import time", {"time"}),
        ("from os.path import join", {"os"}),
        ("import asyncio, random, threading", {"asyncio", "random", "threading"}),
        ("from stretto.runtime import engine", {"stretto.runtime", "stretto.runtime.engine"}),
        ("from stretto.core.graph import Graph", set()),
        ("from datetime import datetime\ny = datetime.now()", {".now()"}),
        ("open('a').read()", {"open()"}),
        ("import sys\nsys.stdout.write('a')\nsys.modules", {"sys.stdout"}),
        ("async def f():\n    await g()", {"AsyncFunctionDef", "Await"}),
    ],
)
def test_the_rule_of_purity_sees_what_it_forbids(code: str, found: set[str]) -> None:
    """Each kind of act is seen, wherever it stands."""
    assert set(impurities(ast.parse(code))) == found


@pytest.mark.slow
def test_no_modules_import_each_other_in_a_circle() -> None:
    """Counting every import, also those inside functions; those for type checkers alone cannot tie a knot."""
    modules = {module_of(file): file for file in SOURCES}
    graph = {
        name: set(_modules_needed(_without_type_imports(tree_of(file)), modules.keys())) - {name}
        for name, file in modules.items()
    }
    assert _a_cycle(graph) is None


def test_the_search_for_circles_finds_one() -> None:
    """Two modules, and three, and none."""
    assert _a_cycle({"a": {"b"}, "b": {"a"}}) is not None
    assert _a_cycle({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": set()}) is not None
    assert _a_cycle({"a": {"b", "c"}, "b": {"c"}, "c": set()}) is None


def _modules_needed(tree: ast.AST, modules: Collection[str]) -> Iterator[str]:
    """Of ``from a import b`` the module ``a.b`` where there is one, else ``a``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in modules)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                yield from (each for each in [whole if whole in modules else node.module] if each in modules)


def _without_type_imports(tree: ast.Module) -> ast.Module:
    class Dropping(ast.NodeTransformer):
        def visit_If(self, node: ast.If) -> ast.AST | list[ast.stmt]:
            is_typing = isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
            return node.orelse if is_typing else self.generic_visit(node)

    kept = Dropping().visit(tree)
    assert isinstance(kept, ast.Module)
    return kept


def _a_cycle(graph: dict[str, set[str]]) -> set[str] | None:
    """What is left when everything without unfinished imports has been taken away, again and again."""
    left = dict(graph)
    while free := [name for name, needed in left.items() if not needed & left.keys()]:
        for name in free:
            del left[name]
    return set(left) or None


# -------------------------------------------------------------------- errors and exit codes


class Drawn(NamedTuple):
    """One line of the tree at the top of `errors.py`."""

    name: str
    parent: str
    exit: int | None


def drawn_errors() -> list[Drawn]:
    """The tree as it is drawn: each class with the class it hangs on."""
    found: list[Drawn] = []
    above: dict[int, str] = {}
    for line in (errors.__doc__ or "").splitlines():
        match = re.match(r"([│├└─ ]*)(\w+Error)\b", line)
        if match is None:
            continue
        depth = len(match[1])
        code = re.search(r"\(exit (\d+)\)", line)
        parent = above[max(other for other in above if other < depth)] if depth else "Exception"
        above = {other: name for other, name in above.items() if other < depth} | {depth: match[2]}
        found.append(Drawn(match[2], parent, int(code[1]) if code else None))
    return found


def test_the_drawing_of_the_errors_is_their_tree() -> None:
    """Every class stands once in the drawing, below its parent, and is public."""
    classes = {
        name: cls.__bases__[0].__name__
        for name, cls in vars(errors).items()
        if isinstance(cls, type) and issubclass(cls, BaseException) and cls.__module__ == errors.__name__
    }
    drawn = drawn_errors()
    assert len({each.name for each in drawn}) == len(drawn)
    assert {each.name: each.parent for each in drawn} == classes
    assert sorted(errors.__all__) == sorted(classes)


MADE = {
    "NotFoundError": errors.NotFoundError("step", "a"),
    "MemoryLimitError": errors.MemoryLimitError("step", 1),
    "BudgetExceededError": errors.BudgetExceededError("1f", "step", "tokens", 5, 3, 4),
    "ProcessLostError": errors.ProcessLostError("step", 1),
    "RemoteError": errors.RemoteError("text", kinds=("ValueError",)),
    "RunOwnedError": errors.RunOwnedError("1f", "77@host"),
    "FencedError": errors.FencedError("1f", 3),
    "CodeChangedError": errors.CodeChangedError("1f", ("step a was removed",)),
    "QuarantinedError": errors.QuarantinedError("1f", "a", 5),
    "RoundsExhaustedError": errors.RoundsExhaustedError("polish", 3),
    "ValueEncodingError": errors.ValueEncodingError("unfit", where="", type_name="set"),
}
RESULTS = {
    "RunFailedError": SimpleNamespace(status=RunStatus.FAILED, cause=Cause.ERROR),
    "RunRejectedError": SimpleNamespace(status=RunStatus.FAILED, cause=Cause.REJECTED),
    "RunWaitingError": SimpleNamespace(status=RunStatus.WAITING, cause=None),
    "RunTimedOutError": SimpleNamespace(status=RunStatus.FAILED, cause=Cause.TIMED_OUT),
    "RunCancelledError": SimpleNamespace(status=RunStatus.CANCELLED, cause=None),
}


@pytest.mark.parametrize("drawn", drawn_errors(), ids=lambda each: each.name)
def test_the_exit_codes_in_the_drawing_are_those_of_the_command_line(drawn: Drawn) -> None:
    """A class without a code of its own has its parent's; one without any is unexpected."""
    expected = drawn.exit
    by_name = {each.name: each for each in drawn_errors()}
    parent = drawn.parent
    while expected is None and parent in by_name:
        expected, parent = by_name[parent].exit, by_name[parent].parent
    if drawn.name in RESULTS:
        assert exit_of_result(RESULTS[drawn.name]) == expected
    else:
        error = MADE.get(drawn.name) or getattr(errors, drawn.name)("text")
        assert exit_of_error(error) == (Exit.UNEXPECTED if expected is None else expected)


# -------------------------------------------------------------------- lightness

LIGHT = """
import sys
from stretto import step, workflow, group, Engine

for number in range(10):
    @step(id=f"step {number}", timeout=3, retry=2)
    async def declared(x: int, y: str = "a") -> int:
        return x

@workflow
def flow(x: int) -> int:
    return declared(x)

engine = Engine()
print(*sorted({name.partition(".")[0] for name in sys.modules}))
"""
HEAVY = {
    "pydantic",
    "pydantic_core",
    "asyncio",
    "typer",
    "click",
    "rich",
    "httpx2",
    "jinja2",
    "yaml",
    "markdown_it",
}


def loaded_by(program: str) -> set[str]:
    """The top-level modules a fresh interpreter holds after `program`."""
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONPATH": str(SRC)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return set(done.stdout.split())


@pytest.mark.slow
def test_declaring_steps_loads_nothing_heavy() -> None:
    """The four names and ten declared steps need neither an event loop nor a validator, nor any dependency."""
    loaded = loaded_by(LIGHT)
    assert "stretto" in loaded
    assert not loaded & HEAVY
    assert not {name for name in loaded if name.startswith("concurrent")}


@pytest.mark.slow
def test_the_look_for_heavy_modules_sees_them() -> None:
    """The same program with one import more is caught."""
    assert loaded_by(f"import asyncio, pydantic\n{LIGHT}") & HEAVY >= {"asyncio", "pydantic"}


# -------------------------------------------------------------------- public names


def is_runnable(file: Path) -> bool:
    """A module that may be imported without starting a program."""
    return file.name != "__main__.py"


@pytest.mark.parametrize("name", sorted(module_of(file) for file in SOURCES if is_runnable(file)))
def test_public_names_exist_and_say_what_they_promise(name: str) -> None:
    """Every name in `__all__` is there; modules, public classes, functions and methods have docstrings."""
    module = importlib.import_module(name)
    assert module.__doc__ or not Path(module.__file__ or "").read_text(encoding="utf-8").strip()
    public = list(getattr(module, "__all__", []))
    assert len(set(public)) == len(public)
    assert [each for each in public if not hasattr(module, each)] == []
    assert [text for each in public for text in _silent(each, getattr(module, each), name)] == []


def _silent(name: str, value: object, module: str) -> Iterator[str]:
    """What of a public name, and of a class's public methods, lacks a docstring."""
    if not (inspect.isclass(value) or inspect.isfunction(value)) or value.__module__ != module:
        return
    if not value.__doc__:
        yield name
    if inspect.isclass(value) and not getattr(value, "_is_protocol", False):
        for key, member in vars(value).items():
            function = member.fget if isinstance(member, property) else member
            is_public = inspect.isfunction(function) and not key.startswith("_")
            if is_public and not _is_told_above(value, key) and not function.__doc__:
                yield f"{name}.{key}"


def _is_told_above(cls: type, key: str) -> bool:
    """A method that fills in one of its base's is documented there, or by the port it implements."""
    return any(key in vars(base) for base in cls.__mro__[1:]) or key in PORT_METHODS


def _port_methods() -> frozenset[str]:
    from stretto import context, ports
    from stretto.models import contract

    found = [
        cls for module in (ports, context, contract) for cls in vars(module).values() if inspect.isclass(cls)
    ]
    return frozenset(key for cls in found for key in vars(cls) if not key.startswith("_"))


PORT_METHODS = _port_methods()


@pytest.mark.slow
def test_a_module_that_defines_something_says_what_is_public() -> None:
    """`__all__` is the public surface of each module of the library: said, not guessed."""
    unsaid: list[str] = []
    for file in (SRC / "stretto").rglob("*.py"):
        body = tree_of(file).body
        defines = any(isinstance(node, (ast.ClassDef, *FUNCTIONS)) for node in body)
        names = {node.targets[0].id for node in body if _is_plain_assignment(node)}
        if defines and "__all__" not in names and is_runnable(file):
            unsaid.append(shown(file))
    assert unsaid == []


def _is_plain_assignment(node: ast.stmt) -> bool:
    return isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)


# -------------------------------------------------------------------- tests


@pytest.mark.slow
def test_every_test_states_its_rule() -> None:
    """Each test function has a docstring, and each test file says what it is about."""
    silent: list[str] = []
    for file in TEST_FILES:
        tree = tree_of(file)
        functions = [node for node in ast.walk(tree) if isinstance(node, FUNCTIONS)]
        told = [tree, *(node for node in functions if node.name.startswith("test_"))]
        silent += [
            f"{shown(file)}:{getattr(node, 'lineno', 1)}" for node in told if not ast.get_docstring(node)
        ]
    assert silent == []


@pytest.mark.slow
def test_no_test_hides_another_of_its_name() -> None:
    """Of two functions with one name in a file Python keeps the second: the first would never run."""
    hidden: list[str] = []
    for file in TEST_FILES:
        names = Counter(node.name for node in tree_of(file).body if isinstance(node, FUNCTIONS))
        hidden += [f"{shown(file)}: {name}" for name, count in names.items() if count > 1]
    assert hidden == []


def test_no_two_test_files_share_a_name() -> None:
    """Reports name files shortly: each basename stands for one file."""
    names = Counter(file.name for file in TESTS.rglob("*.py") if file.name != "conftest.py")
    assert [name for name, count in names.items() if count > 1] == []


@pytest.mark.slow
def test_every_module_is_within_reach_of_some_test() -> None:
    """A module of more than 20 lines is imported by a test, or behind one that is, two imports away at most."""
    texts = [file.read_text(encoding="utf-8") for file in TESTS.rglob("*.py")]
    reached = {name for text in texts for name in (*imports_of(ast.parse(text)), *_named_modules(text))}
    for _ in range(2):
        behind = [file for file in SOURCES if module_of(file) in reached]
        reached |= {inner for file in behind for inner in imports_of(tree_of(file))}
    large = [file for file in SOURCES if len(file.read_text(encoding="utf-8").splitlines()) > 20]
    assert sorted({module_of(file) for file in large} - reached) == []


def _named_modules(text: str) -> Iterator[str]:
    """Modules that a test starts as programs or imports by their names; a package is started by `__main__`."""
    for name in re.findall(r"[\"' ](stretto(?:_apps)?(?:\.\w+)+)", text):
        yield from (name, f"{name}.__main__")


# -------------------------------------------------------------------- exceptions from the rules

EXCEPTION = re.compile(r"#\s*(type:\s*ignore|noqa|pragma: no cover)")
LINT = re.compile(r"#\s*noqa")
REASONED = re.compile(r"# (type: ignore\[[\w, -]+\]|noqa: [A-Z]+\d+(, [A-Z]+\d+)*) {1,2}(#|--?|–) \S.*\w")


def unreasoned(text: str, kinds: re.Pattern[str] = EXCEPTION) -> list[int]:
    """The lines whose exception from lint or types stands without its code or its reason."""
    if not kinds.search(text):
        return []
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    comments = [token for token in tokens if token.type == tokenize.COMMENT]
    found = [token for token in comments if kinds.search(token.string) and not REASONED.search(token.string)]
    return [token.start[0] for token in found]


@pytest.mark.slow
def test_every_exception_from_a_rule_has_its_reason() -> None:
    """An ignored type or lint names its code and says why; types are checked in `src` and `tests/typing`."""
    bare: list[str] = []
    for file in ALL_FILES:
        is_typed = file.is_relative_to(SRC) or file.is_relative_to(TESTS / "typing")
        lines = unreasoned(file.read_text(encoding="utf-8"), EXCEPTION if is_typed else LINT)
        bare += [f"{shown(file)}:{line}" for line in lines]
    assert bare == []


@pytest.mark.parametrize(
    ("line", "count"),
    [
        ("x = 1  # type: ignore[misc]  # read back by the caller", 0),
        ("x = 1  # noqa: S311, B008  # jitter, not secrets", 0),
        ("x = 1  # type: ignore[misc]", 1),
        ("x = 1  # type: ignore  # why", 1),
        ("x = 1  # noqa", 1),
        ("x = 1  # noqa: S311", 1),
        ('x = "# noqa"', 0),
    ],
)
def test_the_rule_of_reasons_sees_what_it_forbids(line: str, count: int) -> None:
    """Only comments count, and only with a code and a reason."""
    assert len(unreasoned(f"{line}\n")) == count
