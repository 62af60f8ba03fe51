"""Bodies as their authors write them: a real file, a workflow in it, and the line that is looked at."""

from __future__ import annotations

import sys
from importlib.util import module_from_spec, spec_from_file_location
from textwrap import dedent, indent
from typing import TYPE_CHECKING

import pytest

from stretto.errors import DefinitionError

if TYPE_CHECKING:
    from pathlib import Path
    from types import ModuleType

HERE = "# here"

HEAD = '''"""Steps that the bodies under test use."""
from __future__ import annotations

import asyncio
import builtins
import copy
import dataclasses
import enum
import json
import math
import operator
import os
import pickle
from typing import Any, Optional

from stretto import Missing, from_engine, group, step, workflow


@step(inline=True)
def load(x):
    return x


@step(inline=True)
def use(value):
    return value


@step(inline=True)
def join(*values, **named):
    return [*values, *named.values()]


@step(inline=True, optional=True)
def maybe(x):
    if x == "lost":
        raise ValueError(x)
    return x

'''


def load_file(folder: Path, code: str, head: str = HEAD) -> tuple[ModuleType, str]:
    """A module that begins with `head` and goes on with `code`, and ``flow.py:12`` of its marked line."""
    text = f"{head}\n{code}"
    file = folder / "flow.py"
    file.write_text(text, encoding="utf-8")
    spec = spec_from_file_location("flow_under_test", file)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module, f"flow.py:{_marked(text)}"


def load_body(folder: Path, body: str, before: str = "") -> tuple[ModuleType, str]:
    """The same for one workflow `flow(x)`: the code `before` it, and the lines of its body."""
    lines = dedent(body).strip("\n")
    marked = lines if HERE in lines + before else f"{lines}  {HERE}"
    return load_file(folder, f"{dedent(before)}\n\n@workflow\ndef flow(x=1):\n{indent(marked, '    ')}\n")


def refusal(folder: Path, body: str, before: str = "") -> DefinitionError:
    """What tracing the body raises; that it names the marked line is checked here."""
    module, place = load_body(folder, body, before)
    with pytest.raises(DefinitionError) as caught:
        module.flow.trace()
    assert caught.value.where == place
    assert str(caught.value).startswith(f"{place}: ")
    return caught.value


def _marked(text: str) -> int:
    return next((number for number, line in enumerate(text.splitlines(), 1) if HERE in line), 0)
