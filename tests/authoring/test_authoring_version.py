"""What belongs to the version of a step's code, and what does not."""

from __future__ import annotations

import functools
import os
import re
import shutil
import subprocess
import sys
import zipfile
from contextlib import suppress
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from itertools import count
from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING

import pytest

import stretto
from authoring.version_cases import DIFFERENT, EQUAL, GOLDEN, PROBE, SAMPLE
from stretto import step, workflow
from stretto.authoring.fields import hand_over
from stretto.authoring.version import version_of
from stretto.errors import DefinitionError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import ModuleType

_numbers = count()


@pytest.fixture
def load(tmp_path: Path) -> Iterator[Callable[[str], ModuleType]]:
    """Imports a text as a module of its own."""
    names: list[str] = []

    def load(text: str) -> ModuleType:
        name = f"versioned_{next(_numbers)}"
        file = tmp_path / f"{name}.py"
        file.write_text(dedent(text), encoding="utf-8")
        spec = spec_from_file_location(name, file)
        assert spec is not None
        assert spec.loader is not None
        module = module_from_spec(spec)
        sys.modules[name] = module
        names.append(name)
        spec.loader.exec_module(module)
        return module

    yield load
    for name in names:
        del sys.modules[name]


def version(module: ModuleType) -> str:
    """The version of the module's `f`, plain or a step or a workflow."""
    fn = getattr(module.f, "fn", None) or getattr(getattr(module.f, "definition", None), "fn", module.f)
    found = version_of(fn, None)
    assert found is not None
    assert len(found) == 33
    return found


@pytest.mark.parametrize("case", EQUAL)
def test_says_the_same(case: str, load: Callable[[str], ModuleType]) -> None:
    """A change that cannot change a result changes no version."""
    before, after = EQUAL[case]
    assert version(load(before)) == version(load(after))


@pytest.mark.parametrize("case", DIFFERENT)
def test_says_something_else(case: str, load: Callable[[str], ModuleType]) -> None:
    """A change of what runs, in the function or in what it names in its module, is another version."""
    before, after = DIFFERENT[case]
    assert version(load(before)) != version(load(after))


def interpreter(name: str) -> str | None:
    """Where a Python of this version lies on this machine."""
    found: list[str] = []
    root = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    with suppress(OSError):  # somebody else's
        found = [str(each / "bin" / "python") for each in sorted(root.glob(f"{name}.*"))]
    return next(iter(found), None) or shutil.which(f"python{name}")


def interpreters() -> list[str]:
    """This Python, and those of other versions that are found here."""
    others = (interpreter(name) for name in ("3.11", "3.12", "3.13", "3.14"))
    return [sys.executable, *(found for found in others if found is not None)]


@pytest.mark.slow
@pytest.mark.parametrize("python", interpreters())
def test_every_python_says_the_same(python: str, tmp_path: Path) -> None:
    """A run that was begun on one Python goes on under another, and under a later Stretto."""
    file = tmp_path / "sample.py"
    file.write_text(SAMPLE, encoding="utf-8")
    source = str(Path(stretto.__file__).parents[1])
    told = subprocess.run(
        [python, "-c", PROBE, str(file)],
        env={"PYTHONPATH": source, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert told.stderr == ""
    assert dict(line.split() for line in told.stdout.splitlines()) == GOLDEN


class Called:
    """A callable that is no function."""

    def __call__(self) -> int:
        return 1


@pytest.mark.parametrize(
    "fn",
    [len, functools.partial(interpreter, "3.11"), Called(), Called, eval("lambda: 1")],
    ids=["C", "partial", "callable", "class", "eval"],
)
def test_no_source(fn: Callable[..., object]) -> None:
    """What has no source of its own has no version."""
    assert version_of(fn, None) is None


def test_typed_in() -> None:
    """What was typed in has no version, even where Python kept the text."""
    known: dict[str, object] = {"__name__": "__main__"}
    exec(compile("def f():\n    return 1", "<stdin>", "exec"), known)
    fn = known["f"]
    assert callable(fn)
    assert version_of(fn, None) is None
    assert version_of(fn, "2") == "=2"


def test_made_by_exec(load: Callable[[str], ModuleType]) -> None:
    """A function made by `exec` has no version, not that of the one in the file at its line."""
    module = load("def f():\n    return 1\nplain = f\nexec('def f():\\n    return 2')")
    assert version_of(module.plain, None)
    assert version_of(module.f, None) is None


def test_source_gone(load: Callable[[str], ModuleType]) -> None:
    """A function whose file is gone has no version; one that was looked at before keeps its own."""
    seen, unseen = load("def f():\n    return 1"), load("def f():\n    return 1")
    before = version(seen)
    for module in (seen, unseen):
        Path(str(module.__file__)).unlink()
    assert version(seen) == before
    assert version_of(unseen.f, None) is None


@pytest.mark.parametrize("text", ["A = 1\ndef f():\n    return 2", "def f(:", "def g():\n    return 1"])
def test_file_changed_since(text: str, load: Callable[[str], ModuleType]) -> None:
    """Where the file tells of no such function at that line, nothing is guessed."""
    module = load("def f():\n    return 1")
    Path(str(module.__file__)).write_text(text, encoding="utf-8")
    assert version_of(module.f, None) is None


def test_zip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A module in a zip file has a source as well, and the same version."""
    text = "A = 1\ndef f():\n    return A"
    with zipfile.ZipFile(tmp_path / "bundle.zip", "w") as bundle:
        bundle.writestr("versioned_in_zip.py", text)
        bundle.writestr("versioned_in_zip_too.py", text.replace("1", "2"))
    monkeypatch.syspath_prepend(tmp_path / "bundle.zip")
    first, second = import_module("versioned_in_zip"), import_module("versioned_in_zip_too")
    try:
        assert version(first) != version(second)
    finally:
        del sys.modules[first.__name__], sys.modules[second.__name__]


def test_lambdas(load: Callable[[str], ModuleType]) -> None:
    """Lambdas are told apart where they share a line, and equal ones are equal."""
    module = load("a, b, c = lambda x: x + 1, lambda x: x + 2, lambda x: (x + 1)")
    assert version_of(module.a, None) == version_of(module.c, None) != version_of(module.b, None)


def test_one_name_twice(load: Callable[[str], ModuleType]) -> None:
    """Functions of one name are told apart by their lines."""
    module = load("def f():\n    return 1\ng = f\ndef f():\n    return 2")
    assert version_of(module.f, None) != version_of(module.g, None)


def test_circular_helpers(load: Callable[[str], ModuleType]) -> None:
    """Functions that call each other have versions, and a change of one changes all."""
    text = "def f():\n    return g()\ndef g():\n    return f() + 1"
    before, after = load(text), load(text.replace("1", "2"))
    assert version(before) != version(after)
    assert version_of(before.g, None) != version_of(after.g, None)


def test_cached_and_plain(load: Callable[[str], ModuleType]) -> None:
    """A function and what is wrapped around it are told apart, whichever is asked first."""
    module = load("import functools\ndef f():\n    return 1\ng = functools.cache(f)")
    assert version(module) != version_of(module.g, None)


def test_function_without_module(load: Callable[[str], ModuleType]) -> None:
    """A function that says nothing of its module has the version of its text."""
    module = load("def f():\n    return 1\ndef g():\n    return 1\nf.__module__ = None")
    assert version(module) == version_of(module.g, None)


def test_wrapped_by_itself(load: Callable[[str], ModuleType]) -> None:
    """A wrapper that claims to wrap itself has the version of what it is."""
    module = load("def f():\n    return 1\ndef g():\n    return 1\nf.__wrapped__ = f")
    assert version(module) == version_of(module.g, None)


def test_closure_without_value(load: Callable[[str], ModuleType]) -> None:
    """A closure over a name that has no value yet has a version."""
    module = load("def make():\n    def f():\n        return n\n    return f\n    n = 1\nf = make()")
    assert version(module)


def test_too_deep(load: Callable[[str], ModuleType]) -> None:
    """An expression nested too deeply to be walked has no version, instead of half of one."""
    module = load(f"def f():\n    return {' + '.join(['1'] * 1500)}")
    assert version_of(module.f, None) is None


def test_own_glue() -> None:
    """The glue of the engine itself keeps its version through every release."""
    assert hand_over.version == "=stretto"


def test_declared() -> None:
    """`version=` is the step's version, whatever its code; variations of the step keep it."""
    declared = step(version="prompt 2")(interpreter)
    assert declared.version == "=prompt 2"
    assert declared.named("other").version == declared.with_options(timeout=3).version == "=prompt 2"


def test_not_declared() -> None:
    """Without `version=` the function speaks for the step, and the body for a workflow."""
    assert step(interpreter).version == version_of(interpreter, None)
    assert workflow(flow).definition.version == version_of(flow, None) is not None


def flow(x: int) -> int:
    return x


@pytest.mark.parametrize("text", ["", " ", "1\n", "a\nb", 2, b"2"], ids=repr)
def test_declared_wrongly(text: object) -> None:
    """A version is a text of one line."""
    with pytest.raises(DefinitionError, match=re.escape(f"version={text!r}; give a text")):
        step(version=text)(interpreter)  # type: ignore[call-overload]  # wrong on purpose
