"""``stretto list``: the installed workflows."""

from __future__ import annotations

import inspect
import json
from typing import TYPE_CHECKING, NamedTuple

from stretto.errors import StrettoError
from stretto.service.cli.exits import Exit
from stretto.service.cli.words import say
from stretto.service.targets import installed, load_target

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

__all__ = ["list_workflows"]


class _Entry(NamedTuple):
    name: str
    value: str
    package: str
    about: str
    parameters: list[dict[str, object]]
    error: str | None


def list_workflows(*, is_json: bool) -> Exit:
    """Name each with its first line and its parameters; one that cannot be loaded, with its error."""
    entries = [_entry(name, point) for name, point in installed().items()]
    for entry in entries:
        if is_json:
            say(json.dumps(entry._asdict(), ensure_ascii=False))
        else:
            _say(entry)
    if not entries and not is_json:
        say("No workflow is installed here. Run one from a file: stretto run file.py")
    return Exit.OK


def _entry(name: str, point: EntryPoint) -> _Entry:
    package = point.dist.name if point.dist is not None else ""
    try:
        workflow = load_target(name)
    except StrettoError as error:
        return _Entry(name, point.value, package, "", [], str(error))
    about = (inspect.getdoc(workflow) or "").partition("\n")[0]
    parameters = [_parameter(each) for each in workflow.definition.signature.parameters.values()]
    return _Entry(name, point.value, package, about, parameters, None)


def _parameter(parameter: inspect.Parameter) -> dict[str, object]:
    hint = "" if parameter.annotation is parameter.empty else _hint(parameter.annotation)
    is_required = parameter.default is parameter.empty
    return {
        "name": parameter.name,
        "type": hint,
        "required": is_required,
        "default": None if is_required else repr(parameter.default),
    }


def _hint(annotation: object) -> str:
    return annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)


def _say(entry: _Entry) -> None:
    say(f"{entry.name}  {entry.about or entry.error or ''}".rstrip())
    for parameter in entry.parameters:
        default = "required" if parameter["required"] else f"default {parameter['default']}"
        kind = f": {parameter['type']}" if parameter["type"] else ""
        say(f"    -i {parameter['name']}{kind}  ({default})")
