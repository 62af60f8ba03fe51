"""``stretto graph``: a picture of the graph, before anything runs."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from stretto.errors import InputError
from stretto.service.cli.exits import Exit
from stretto.service.cli.inputs import GIVEN, chosen_inputs
from stretto.service.cli.running import body_errors
from stretto.service.cli.watching import json_on_stdout
from stretto.service.cli.words import say, warn
from stretto.service.targets import load_target

if TYPE_CHECKING:
    from pathlib import Path

    from stretto.core.graph import Graph
    from stretto.service.targets import AnyWorkflow

__all__ = ["FORMATS", "GraphRequest", "draw_target"]

_MERMAID_EDGES: Final = 500
"""So many edges Mermaid draws in its default settings, and it says no to one more."""


FORMATS: Final = ("mermaid", "dot", "svg", "json")

_SUFFIXES: Final = {
    ".mmd": "mermaid",
    ".mermaid": "mermaid",
    ".dot": "dot",
    ".gv": "dot",
    ".svg": "svg",
    ".json": "json",
}


@dataclass(frozen=True, slots=True)
class GraphRequest:
    """What was asked for. `to` is None where the file's name decides, or nothing does: then it is Mermaid."""

    target: str
    inputs: tuple[str, ...] = ()
    input_file: Path | None = None
    to: str | None = None
    output: Path | None = None
    has_all_edges: bool = False
    may_overwrite: bool = False
    is_json: bool = False


def draw_target(request: GraphRequest) -> Exit:
    """Trace the target and write its picture to a file, or to stdout."""
    to = _format(request)
    if request.output is not None:
        _check_free(request.output, may_overwrite=request.may_overwrite)
    with json_on_stdout(is_wanted=True):  # what the target prints while it is loaded is no part of a picture
        workflow = load_target(request.target)
        inputs, origin = chosen_inputs(workflow, request.inputs, request.input_file)
        with body_errors(workflow.definition):
            graph = workflow.definition.trace(inputs).graph
        text = _drawn(workflow, graph, to, origin, request)
    if origin not in ("", GIVEN) and to != "json":
        warn(f"inputs: {origin}")
    if request.output is None:
        say(text.rstrip("\n"))
    else:
        _write(request.output, text, may_overwrite=request.may_overwrite)
        warn(f"wrote {request.output} ({to}, {len(graph)} {'step' if len(graph) == 1 else 'steps'})")
    return Exit.OK


def _format(request: GraphRequest) -> str:
    """The one asked for, else the one the file is called after, else Mermaid."""
    if request.is_json:
        if request.to not in (None, "json"):
            raise InputError(f"--json and --to {request.to} contradict each other. Leave one of them out.")
        return "json"
    if request.to is not None:
        return request.to
    if request.output is None:
        return "mermaid"
    suffix = request.output.suffix.lower()
    if suffix not in _SUFFIXES:
        raise InputError(
            f"-o {request.output}: nothing is known to write into a file of that name. Say what: "
            f"--to {'|'.join(FORMATS)}; or end its name in {', '.join(_SUFFIXES)}."
        )
    return _SUFFIXES[suffix]


def _drawn(workflow: AnyWorkflow, graph: Graph, to: str, origin: str, request: GraphRequest) -> str:
    if to == "json":
        from stretto.report.data import graph_data

        data = {**graph_data(graph, workflow.name), "inputs_from": origin or GIVEN}
        return json.dumps(data, ensure_ascii=False, indent=None if request.is_json else 2) + "\n"
    from stretto.report.diagram import diagram_of

    estimates = workflow.engine.estimates.known
    diagram = diagram_of(graph, workflow.name, estimates=estimates, has_all_edges=request.has_all_edges)
    if to == "svg":
        from stretto.report.picture import picture

        return picture(diagram) + "\n"
    if to == "dot":
        from stretto.report.dot import dot

        return dot(diagram)
    from stretto.report.mermaid import mermaid

    if len(diagram.arrows) >= _MERMAID_EDGES:
        warn(
            f"note: {len(diagram.arrows)} edges; Mermaid shows fewer than {_MERMAID_EDGES} unless its maxEdges is "
            "raised. --to svg has no such bound."
        )
    return mermaid(diagram)


# -------------------------------------------------------------------- files


def _check_free(path: Path, *, may_overwrite: bool) -> None:
    if path.is_dir() or not path.absolute().parent.is_dir():
        what = "it is a folder" if path.is_dir() else f"there is no folder {path.parent}"
        raise InputError(f"-o {path}: {what}. Name a file in a folder that exists.")
    if path.exists() and not may_overwrite:
        raise _taken(path)


def _write(path: Path, text: str, *, may_overwrite: bool) -> None:
    try:
        with path.open("w" if may_overwrite else "x", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except FileExistsError:
        raise _taken(path) from None
    except OSError as trouble:
        raise InputError(f"-o {path}: the picture cannot be written: {trouble}. Name another file.") from None


def _taken(path: Path) -> InputError:
    return InputError(f"-o {path}: there is such a file. Overwrite it with --force, or name another.")
