"""Reads a request from a file and checks what no single field can know."""

from __future__ import annotations

import json
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

import yaml
from pydantic import ValidationError

from stretto.errors import InputError, PermanentError
from stretto_apps.assess.data.practices import PRACTICES, closest_practice
from stretto_apps.assess.data.prices import PROVIDERS, in_european_union, regions
from stretto_apps.assess.types import AssessmentRequest, Framework, Workload

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pydantic_core import ErrorDetails

__all__ = ["KINDS", "load_request", "notes", "parse_request", "problems", "validate"]

KINDS = ("web", "api", "batch", "ml-training", "ml-inference", "analytics", "streaming")
_SUFFIXES = (".json", ".yaml", ".yml")


def load_request(path: str | Path) -> AssessmentRequest:
    """The request in a JSON or YAML file.

    Raises `InputError` which names the file, the line where known, the field, and how to mend it.
    """
    file = Path(path)
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise InputError(f"{file}: there is no such file. Check the path.") from None
    except (OSError, UnicodeDecodeError) as trouble:
        raise InputError(f"{file}: cannot be read: {trouble}. A request is UTF-8 text.") from trouble
    if file.suffix.lower() not in _SUFFIXES:
        raise InputError(f"{file}: the ending says neither JSON nor YAML. Use one of {', '.join(_SUFFIXES)}.")
    return parse_request(text, str(file), is_json=file.suffix.lower() == ".json")


def parse_request(text: str, source: str, *, is_json: bool = False) -> AssessmentRequest:
    """The request in a text; `source` names it in errors. Raises `InputError`."""
    data = _from_json(text, source) if is_json else _from_yaml(text, source)
    if not isinstance(data, dict):
        kind = "empty" if data is None else type(data).__name__
        raise InputError(
            f"{source}: the file must hold fields and values, not {kind}. Start with `company: …`."
        )
    try:
        return AssessmentRequest.model_validate(data)
    except ValidationError as invalid:
        lines = _lines_of(text)
        told = "\n".join(f"  {_told(error, lines)}" for error in invalid.errors())
        raise InputError(f"{source}: the request is not valid:\n{told}") from None


def _from_json(text: str, source: str) -> object:
    try:
        loaded: object = json.loads(text)
        return loaded
    except json.JSONDecodeError as wrong:
        raise InputError(f"{source}:{wrong.lineno}: not JSON: {wrong.msg} (column {wrong.colno}).") from None


def _from_yaml(text: str, source: str) -> object:
    try:
        loaded: object = yaml.safe_load(text)
        return loaded
    except yaml.YAMLError as wrong:
        mark = getattr(wrong, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        what = getattr(wrong, "problem", None) or str(wrong)
        raise InputError(
            f"{source}{line}: not YAML: {what}. Check indentation, colons and quotes there."
        ) from None


def _lines_of(text: str) -> dict[tuple[str | int, ...], int]:
    """Field path -> line (from 1), for texts YAML can read (nearly all JSON too)."""
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError:
        return {}
    return dict(_walk(root, ())) if root is not None else {}


def _walk(node: yaml.Node, path: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], int]]:
    yield path, node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield from _walk(value, (*path, str(key.value)))
            yield (*path, str(key.value)), key.start_mark.line + 1
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            yield from _walk(value, (*path, index))


def _told(error: ErrorDetails, lines: dict[tuple[str | int, ...], int]) -> str:
    """One error as `line 4, scale.users: …`, with what to do."""
    place = tuple(error["loc"])
    name = ".".join(str(part) for part in place)
    nearest = next((place[:end] for end in range(len(place), -1, -1) if place[:end] in lines), None)
    line = f"line {lines[nearest]}, " if nearest else ""
    return f"{line}{name}: {_mended(error, place)}"


def _mended(error: ErrorDetails, place: tuple[str | int, ...]) -> str:
    message = error["msg"][0].lower() + error["msg"][1:]
    if error["type"] == "extra_forbidden":
        near = get_close_matches(str(place[-1]), _field_names(), n=1)
        return f"there is no such field.{f' Did you mean {near[0]!r}?' if near else ' Leave it out.'}"
    if error["type"] == "missing":
        return "the field is missing. Add it."
    return f"{message}, got {error['input']!r}."


def _field_names() -> list[str]:
    from stretto_apps.assess.types import Component, Scale

    return [name for model in (AssessmentRequest, Workload, Scale, Component) for name in model.model_fields]


def validate(request: AssessmentRequest) -> AssessmentRequest:
    """The request with names in their canonical form; `PermanentError` lists every problem when there are
    any.
    """
    tidy = _tidy(request)
    found = problems(tidy)
    if found:
        listed = "\n".join(f"  - {problem}" for problem in found)
        raise PermanentError(f"The request of {request.company} cannot be assessed:\n{listed}")
    return tidy


def _tidy(request: AssessmentRequest) -> AssessmentRequest:
    controls = (name.strip().lower().replace("_", "-").replace(" ", "-") for name in request.controls)
    work = request.workload
    return request.model_copy(
        update={
            "provider": request.provider.strip().lower(),
            "region": request.region.strip().lower(),
            "controls": tuple(dict.fromkeys(controls)),
            "compliance": tuple(dict.fromkeys(request.compliance)),
            "workload": work.model_copy(update={"kind": work.kind.strip().lower().replace("_", "-")}),
        }
    )


def problems(request: AssessmentRequest) -> tuple[str, ...]:
    """What makes an assessment impossible, each with the field and how to mend it."""
    return tuple(filter(None, (_place(request), _kind(request), *_numbers(request))))


def _place(request: AssessmentRequest) -> str:
    if request.provider not in PROVIDERS:
        return f"provider: {request.provider!r} is not known. Known: {', '.join(PROVIDERS)}."
    known = regions(request.provider)
    if request.region in known:
        return ""
    other = next((p for p in PROVIDERS if request.region in regions(p)), None)
    hint = f" {request.region} belongs to {other}." if other else ""
    return (
        f"region: {request.provider} has no known region {request.region!r}.{hint} Known: {', '.join(known)}."
    )


def _kind(request: AssessmentRequest) -> str:
    kind = request.workload.kind
    return "" if kind in KINDS else f"workload.kind: {kind!r} is not known. Known: {', '.join(KINDS)}."


def _numbers(request: AssessmentRequest) -> Sequence[str]:
    work, scale = request.workload, request.scale
    return (
        "" if request.monthly_budget > 0 else "monthly_budget: must be above 0 dollars a month.",
        f"scale.engineers: {scale.engineers} engineers are more than {scale.employees} employees. "
        "Correct one."
        if scale.engineers > scale.employees
        else "",
        "workload.average_cpu_ms: 0 with requests to serve cannot be sized. Give the CPU time of a request."
        if work.requests_per_second > 0 and work.average_cpu_ms == 0
        else "",
    )


def notes(request: AssessmentRequest) -> tuple[str, ...]:
    """What looks wrong in the request without making an assessment impossible."""
    return tuple(filter(None, (*_control_notes(request), *_data_notes(request), *_load_notes(request))))


def _control_notes(request: AssessmentRequest) -> Iterator[str]:
    for name in request.controls:
        if name not in PRACTICES:
            near = closest_practice(name)
            hint = f"; did you mean {near!r}?" if near else ""
            yield f"controls: {name!r} is not known and counts for nothing{hint}"


def _data_notes(request: AssessmentRequest) -> Iterator[str]:
    wanted = request.compliance
    if Framework.HIPAA in wanted and not request.handles_health_data:
        yield "compliance: HIPAA is asked for, but no health data is stated"
    if Framework.PCI_DSS in wanted and not request.handles_card_data:
        yield "compliance: PCI DSS is asked for, but no card data is stated"
    if Framework.GDPR in wanted and not request.handles_personal_data:
        yield "compliance: GDPR is asked for, but no personal data is stated"
    if request.handles_health_data and not request.handles_personal_data:
        yield "handles_personal_data: health data is personal data as well"
    if Framework.HIPAA in wanted and in_european_union(request.region):
        yield "region: HIPAA is a law of the United States, and the region lies in the European Union"


def _load_notes(request: AssessmentRequest) -> Iterator[str]:
    work = request.workload
    if work.kind in {"web", "api"} and work.requests_per_second == 0:
        yield (
            "workload.requests_per_second: 0 for a service that answers requests; sizes are the least "
            "possible"
        )
    if work.gpu_hours > 0 and not work.models:
        yield "workload.models: accelerator hours are stated, but no model"
    if work.availability_target > 99.995:
        yield (
            f"workload.availability_target: {work.availability_target:g} % is beyond what one region reaches"
        )
    if not request.controls:
        yield "controls: none is listed, so all count as missing"
