"""Code that changes while a run is paused: its results are reused, or the change is named; never silently."""

from __future__ import annotations

import sys
from importlib.util import module_from_spec, spec_from_file_location
from types import ModuleType
from typing import TYPE_CHECKING

import pytest

from stretto import Engine
from stretto.errors import CodeChangedError
from stretto.runtime.stores.memory import MemoryStore
from stretto.testing import run_virtual

if TYPE_CHECKING:
    from pathlib import Path

BEFORE = '''
"""A flow that waits for a person."""

from stretto import approve, step, workflow

SPICE = "pepper"
RAN = []


def seasoned(text: str) -> str:
    return f"{text} with {SPICE}"


@step(timeout=30)
async def cook(dish: str, size: int = 1) -> str:
    """Cook it."""
    RAN.append("cook")
    return seasoned(dish) * size


@step
async def garnish(dish: str) -> str:
    RAN.append("garnish")
    return dish + "!"


@step
async def serve(dish: str) -> str:
    RAN.append("serve")
    return "served " + dish


@workflow
def dinner(dish: str = "soup") -> str:
    cooked = cook(dish, 1)
    fine = garnish(cooked)
    return serve(approve(fine, "Good?"))
'''

KEPT = {
    "nothing": ("", ""),
    "a comment": ('    RAN.append("cook")', '    # slowly\n    RAN.append("cook")'),
    "a docstring": ("Cook it.", "Cook it well."),
    "the layout": ("seasoned(dish) * size", "(\n        seasoned(dish)\n        * size\n    )"),
    "an unfinished step": ('"served "', '"gladly served "'),
    "a helper nobody uses": ("@workflow", "def unused():\n    return 1\n\n\n@workflow"),
    "the order of declarations": ('SPICE = "pepper"\nRAN = []', 'RAN = []\nSPICE = "pepper"'),
}
"""What is written otherwise: the old text and the new one."""

_CODE = "its code is not what gave its result"
REFUSED = {
    "a finished step's body": ('dish + "!"', 'dish + "?"', f"step garnish: {_CODE}", ["garnish"]),
    "a helper it calls": ("{text} with", "{text} and", f"step cook: {_CODE}", ["cook", "garnish"]),
    "a constant it names": ('"pepper"', '"salt"', f"step cook: {_CODE}", ["cook", "garnish"]),
    "a default": ("size: int = 1", "size: int = 2", f"step cook: {_CODE}", ["cook"]),
    "an option": ("timeout=30", "timeout=60", "step cook: timeout 30 s -> 60 s", []),
    "a plain argument": ("cook(dish, 1)", "cook(dish, 2)", r"step cook: .*1.*2", ["cook", "garnish"]),
    "a step more": (
        "approve(fine",
        'approve(garnish.named("more")(fine)',
        "step more was added",
        ["garnish"],
    ),
    "a step less": ("fine = garnish(cooked)", "fine = cooked", "step garnish was removed", []),
    "a step's name": (
        "fine = garnish(cooked)",
        'fine = garnish.named("finish")(cooked)',
        "step garnish was renamed to finish",
        ["garnish"],
    ),
    "a question": ('"Good?"', '"Really?"', "step approve: .*Good.*Really", []),
}
"""The old text, the new one, what is said of it, and what runs again where it is adopted."""


def _loaded(tmp_path: Path, text: str, monkeypatch: pytest.MonkeyPatch) -> object:
    """The module as a new process would see it."""
    file = tmp_path / f"flow_{abs(hash(text))}.py"
    file.write_text(text, encoding="utf-8")
    spec = spec_from_file_location("changing_flow", file)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "changing_flow", module)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def paused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MemoryStore:
    """A store with a run that waits for its person, and the person's word."""
    store = MemoryStore()
    flow = _loaded(tmp_path, BEFORE, monkeypatch).dinner  # type: ignore[attr-defined]  # a module
    ready = flow.with_options(engine=Engine(store=store), run_id="r", leaves_waiting=True)
    assert run_virtual(ready.aresult()).status == "waiting"
    store.send("r", "answer", b'{"path": "approve", "verdict": "approve"}', 0.0)
    return store


@pytest.mark.parametrize("change", KEPT)
def test_what_changes_nothing_is_gone_on_with(
    change: str, paused: MemoryStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Finished results are reused; an unfinished step runs today's code."""
    text = BEFORE.replace(*KEPT[change]) if change != "nothing" else BEFORE
    assert (text == BEFORE) is (change == "nothing")
    module = _loaded(tmp_path, text, monkeypatch)
    result = run_virtual(module.dinner.with_options(engine=Engine(store=paused)).aresume("r"))  # type: ignore[attr-defined]  # a module
    word = "gladly served" if change == "an unfinished step" else "served"
    assert result.value == f"{word} soup with pepper!"
    assert module.RAN == ["serve"]  # type: ignore[attr-defined]  # a module


@pytest.mark.parametrize("change", REFUSED)
def test_what_changes_something_is_named_and_refused(
    change: str, paused: MemoryStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing runs, nothing is written; adopted, it runs what has changed and what that reaches."""
    old, new, says, ran = REFUSED[change]
    text = BEFORE.replace(old, new)
    assert text != BEFORE
    before = paused.entries("r")
    module = _loaded(tmp_path, text, monkeypatch)
    flow = module.dinner.with_options(engine=Engine(store=paused), leaves_waiting=True)  # type: ignore[attr-defined]  # a module
    with pytest.raises(CodeChangedError, match=says):
        run_virtual(flow.aresume("r"))
    assert module.RAN == []  # type: ignore[attr-defined]  # a module
    assert paused.entries("r") == before
    adopted = run_virtual(flow.aresume("r", adopt=True))
    assert adopted.status == "waiting"  # what a person said of the old run is not said of the new one
    assert ran == module.RAN  # type: ignore[attr-defined]  # a module


def test_a_renamed_file_is_the_same_code(
    paused: MemoryStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Code counts by what it says, not by where it stands."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    module = _loaded(folder, BEFORE, monkeypatch)
    result = run_virtual(module.dinner.with_options(engine=Engine(store=paused)).aresume("r"))  # type: ignore[attr-defined]  # a module
    assert result.value == "served soup with pepper!"


WIRED = """
from itertools import count

from changing_helper import offset
from stretto import ask, step, workflow

NUMBERS = count()


@step
async def work(number: int) -> int:
    return number * 10


@step
async def tell(numbers: list[int], word: str) -> str:
    return f"{numbers} {word}"


@workflow
def inner(number: int) -> dict[str, object]:
    return {"made": work(number + 1), "plain": 1}


@workflow
def outer(number: int = 1) -> str:
    found = inner(number)
    helped = work.named("helped")(offset(number))
    thrown = work.named("thrown")(next(NUMBERS))
    return tell([found["made"], found["plain"], helped], ask("go on?"))
"""


@pytest.mark.parametrize(
    ("old", "new", "offset", "says"),
    [
        ("number + 1", "number + 5", 1, "step inner/work: argument 1 2 -> 6"),
        ('"plain": 1', '"plain": 2', 1, r"step tell: argument 1\[1\] 1 -> 2"),
        ("", "", 7, "step helped: argument 1 1 -> 7"),
    ],
)
def test_plain_values_that_come_from_elsewhere(
    old: str, new: str, offset: int, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A nested body, a helper in another module: what they give today, and would give again, is a change. What differs
    whenever it is asked (a counter, a clock) is not."""
    helper = ModuleType("changing_helper")
    monkeypatch.setitem(sys.modules, "changing_helper", helper)
    helper.offset = lambda _: 1  # type: ignore[attr-defined]  # a module
    store = MemoryStore()
    flow = _loaded(tmp_path, WIRED, monkeypatch).outer  # type: ignore[attr-defined]  # a module
    ready = flow.with_options(engine=Engine(store=store), run_id="r", leaves_waiting=True)
    assert run_virtual(ready.aresult()).status == "waiting"
    again = _loaded(tmp_path, f"{WIRED}\nnext(NUMBERS)\n", monkeypatch).outer  # type: ignore[attr-defined]  # a module
    kept = again.with_options(engine=Engine(store=store), leaves_waiting=True)
    assert run_virtual(kept.aresume("r")).status == "waiting"
    helper.offset = lambda _: offset  # type: ignore[attr-defined]  # a module
    changed = _loaded(tmp_path, WIRED.replace(old, new), monkeypatch).outer  # type: ignore[attr-defined]  # a module
    with pytest.raises(CodeChangedError, match=says):
        run_virtual(changed.with_options(engine=Engine(store=store)).aresume("r"))
