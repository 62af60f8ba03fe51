"""``stretto``: the commands and their options. Each command's work is imported when it runs."""

from __future__ import annotations

import os
import sys
import threading
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn, Optional

import typer
from typer.main import get_command

from stretto.core.policy import OnFailure  # noqa: TC001  # typer reads it at run time
from stretto.service.cli import acting, looking
from stretto.service.cli.exits import Exit, exit_of_error
from stretto.service.cli.words import Words, say, warn

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["app", "main", "run"]

app = typer.Typer(
    name="stretto",
    help="Runs agent workflows as fast as their critical path, and proves that nothing changed.",
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

_Usage: type[Exception] = typer.BadParameter.__mro__[1]
"""The class of all usage errors; where it lives differs between versions of typer."""


class PictureChoice(StrEnum):
    """Values of --to."""

    mermaid = "mermaid"
    dot = "dot"
    svg = "svg"
    json = "json"


class ShellChoice(StrEnum):
    """Shells that `completion` knows."""

    bash = "bash"
    zsh = "zsh"
    fish = "fish"


def _targets(incomplete: str) -> list[tuple[str, str]]:
    from stretto.service.cli.completion import complete_target

    return complete_target(incomplete)


def _inputs(ctx: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    from stretto.service.cli.completion import complete_input

    return complete_input(ctx.params.get("target"), ctx.params.get("inputs") or (), incomplete)


Target = Annotated[
    str,
    typer.Argument(
        help="installed name, file.py[:name] or module:name", show_default=False, autocompletion=_targets
    ),
]
Inputs = Annotated[
    Optional[list[str]],  # noqa: UP045  # older versions of typer read no `|`
    typer.Option(
        "-i",
        metavar="KEY=VALUE",
        help="one input, read by its type; @FILE reads a file",
        autocompletion=_inputs,
    ),
]
InputFile = Annotated[
    Optional[Path],  # noqa: UP045  # as above
    typer.Option("--input", metavar="FILE", help="all inputs as one JSON or YAML mapping"),
]
Cap = Annotated[
    Optional[int],  # noqa: UP045  # as above
    typer.Option(
        "--max-concurrency", metavar="N", min=1, help="at most N steps at once, the longest path first"
    ),
]
Json = Annotated[bool, typer.Option("--json", help="lines of JSON on stdout, words on stderr")]
Verbose = Annotated[bool, typer.Option("-v", "--verbose", help="show tracebacks")]


def main() -> None:
    """The program. Ends the process with the command's exit code."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by whoever started the program: then nobody listens
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_WRONLY), "w"))
        reconfigure = getattr(getattr(sys, name), "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="replace")
    _leave(run(sys.argv[1:]))


def _leave(code: int) -> NoReturn:
    """End the process: at once where threads are still at a call that nobody waits for any more."""
    if all(thread.daemon or thread is threading.main_thread() for thread in threading.enumerate()):
        sys.exit(code)
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)


def run(arguments: Sequence[str]) -> int:
    """Run one command and give its exit code; errors are told, never raised."""
    words = Words(arguments)
    try:
        code = get_command(app).main(list(arguments), prog_name="stretto", standalone_mode=False, obj=words)
    except typer.Exit as end:
        return end.exit_code
    except (typer.Abort, KeyboardInterrupt):
        warn("interrupted")
        return Exit.INTERRUPTED
    except _Usage as error:
        return _usage(error)
    except Exception as error:  # noqa: BLE001  # whatever went wrong is told, and has an exit code
        words.error(error)
        return exit_of_error(error)
    return code if isinstance(code, int) else Exit.OK


def _usage(error: Exception) -> Exit:
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "stretto"
    message = getattr(error, "format_message", error.__str__)()
    if message:
        warn(f"error: {message}")
        warn(f"  See: {command} --help")
    elif context is not None:
        warn(context.get_help())
    return Exit.USAGE


def _words(context: typer.Context, verbose: bool) -> Words:
    words: Words = context.obj
    words.is_verbose = words.is_verbose or verbose
    return words


def _version(wanted: bool) -> None:
    if wanted:
        from stretto import __version__

        say(f"stretto {__version__}")
        raise typer.Exit


@app.callback()
def everything(
    context: typer.Context,
    verbose: Verbose = False,
    version: Annotated[  # noqa: ARG001  # its callback has said it all
        bool, typer.Option("--version", callback=_version, is_eager=True, help="show the version")
    ] = False,
) -> None:
    """Runs agent workflows as fast as their critical path, and proves that nothing changed."""
    _words(context, verbose)


@app.command("run")
def run_(
    context: typer.Context,
    target: Target,
    inputs: Inputs = None,
    input_file: InputFile = None,
    sequential: Annotated[bool, typer.Option("--sequential", help="one by one, in author order")] = False,
    max_concurrency: Cap = None,
    within: Annotated[
        Optional[float], typer.Option(metavar="S", help="the run's deadline in seconds")  # noqa: UP045  # as above
    ] = None,
    on_failure: Annotated[
        Optional[OnFailure],  # noqa: UP045  # as above
        typer.Option(help="when required work fails: let running steps finish, or cancel them"),
    ] = None,
    store: Annotated[
        Optional[str],  # noqa: UP045  # as above
        typer.Option(metavar="URL", help="where the journal lies; memory: it ends with the process"),
    ] = None,
    key: Annotated[
        Optional[str],  # noqa: UP045  # as above
        typer.Option(metavar="KEY", help="a run of the same key is that run, gone on with"),
    ] = None,
    wait: Annotated[
        bool, typer.Option("--wait", help="stay when only people or events can move the run")
    ] = False,
    output: Annotated[
        Optional[Path],  # noqa: UP045  # as above
        typer.Option("-o", "--output", metavar="FILE", help="write the value here: text as it is, else JSON"),
    ] = None,
    no_record: Annotated[
        bool, typer.Option("--no-record", help="leave no events file for `stretto explain`")
    ] = False,
    json: Json = False,
    verbose: Verbose = False,
) -> int:
    """Run a workflow and show it."""
    from stretto.service.cli.run import RunRequest, run_target

    words = _words(context, verbose)
    if sequential and max_concurrency is not None:
        raise typer.BadParameter("--sequential is one at a time already; leave out --max-concurrency.")
    if within is not None and not within > 0:
        raise typer.BadParameter(f"--within {within:g}: give seconds above 0.")
    return run_target(
        RunRequest(
            target,
            tuple(inputs or ()),
            input_file,
            sequential,
            max_concurrency,
            within,
            None if on_failure is None else on_failure.value,
            store,
            output,
            json,
            not no_record,
            key,
            wait,
        ),
        words,
    )


@app.command("plan")
def plan(
    context: typer.Context,
    target: Target,
    inputs: Inputs = None,
    input_file: InputFile = None,
    max_concurrency: Cap = None,
    json: Json = False,
    verbose: Verbose = False,
) -> int:
    """Show steps, critical path and bound before a run."""
    from stretto.service.cli.plan import PlanRequest, plan_target

    _words(context, verbose)
    return plan_target(PlanRequest(target, tuple(inputs or ()), input_file, max_concurrency, json))


@app.command("graph")
def graph(
    context: typer.Context,
    target: Target,
    inputs: Inputs = None,
    input_file: InputFile = None,
    to: Annotated[
        Optional[PictureChoice],  # noqa: UP045  # as above
        typer.Option(help="what to write: else FILE's ending says it, or it is mermaid"),
    ] = None,
    output: Annotated[
        Optional[Path],  # noqa: UP045  # as above
        typer.Option("-o", "--output", metavar="FILE", help="write into a new file"),
    ] = None,
    all_edges: Annotated[
        bool, typer.Option("--all-edges", help="draw every edge, also those that others imply")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="overwrite FILE")] = False,
    json: Annotated[bool, typer.Option("--json", help="the whole graph as one line of JSON")] = False,
    verbose: Verbose = False,
) -> int:
    """Draw the graph, before anything runs."""
    from stretto.service.cli.graph import GraphRequest, draw_target

    _words(context, verbose)
    wanted = None if to is None else to.value
    given = tuple(inputs or ())
    return draw_target(GraphRequest(target, given, input_file, wanted, output, all_edges, force, json))


@app.command("demo")
def demo(
    context: typer.Context,
    example: Annotated[
        Optional[str], typer.Option(metavar="NAME", help="a packaged example, or a request file")  # noqa: UP045  # as above
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="of the simulated provider's latencies")] = 0,
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="DIR", help="reports go into a new folder below")
    ] = Path("out"),
    change_reply: Annotated[Optional[str], typer.Option(hidden=True)] = None,  # noqa: UP045  # as above
    json: Json = False,
    verbose: Verbose = False,
) -> int:
    """Run an assessment one by one, then as dataflow."""
    from stretto.service.cli.demo import DemoRequest, run_demo

    words = _words(context, verbose)
    return run_demo(DemoRequest(example, seed, output, change_reply, json), words)


@app.command("bench")
def bench(
    context: typer.Context,
    target: Target,
    inputs: Inputs = None,
    input_file: InputFile = None,
    repeats: Annotated[int, typer.Option(min=1, help="how often both ways are run and measured")] = 5,
    warmup: Annotated[int, typer.Option(min=0, help="repeats before them, not counted")] = 1,
    max_concurrency: Cap = None,
    min_speedup: Annotated[
        Optional[float],  # noqa: UP045  # as above
        typer.Option(metavar="X", help="exit 20 when the median speedup is below X"),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="spend on a real provider without being asked")] = False,
    save: Annotated[bool, typer.Option("--save", help="keep the figures in .stretto/bench/")] = False,
    json: Json = False,
    verbose: Verbose = False,
) -> int:
    """Measure one by one against dataflow, and compare."""
    from stretto.service.cli.bench import BenchRequest, bench_target

    words = _words(context, verbose)
    if min_speedup is not None and not 0 < min_speedup < float("inf"):
        raise typer.BadParameter(f"--min-speedup {min_speedup:g}: give a number above 0.")
    given = tuple(inputs or ())
    return bench_target(
        BenchRequest(
            target, given, input_file, repeats, warmup, max_concurrency, min_speedup, yes, save, json
        ),
        words,
    )


@app.command("explain")
def explain(
    context: typer.Context,
    run: Annotated[
        Optional[str],  # noqa: UP045  # as above
        typer.Argument(help="the beginning of a run's id, an events file, or latest", show_default="latest"),
    ] = None,
    step: Annotated[
        Optional[str],  # noqa: UP045  # as above
        typer.Argument(
            help="a step's path, for all about that one", show_default=False, autocompletion=looking.steps
        ),
    ] = None,
    store: Annotated[
        Optional[str],  # noqa: UP045  # as above
        typer.Option(metavar="URL", help="where the run was kept", show_default=False),
    ] = None,
    json: Json = False,
    verbose: Verbose = False,
) -> int:
    """Say why steps waited, and what would help most."""
    from stretto.service.cli.explain import ExplainRequest
    from stretto.service.cli.explain import explain as explain_it

    _words(context, verbose)
    return explain_it(ExplainRequest(run, step, json, store))


@app.command("list")
def list_(context: typer.Context, json: Json = False, verbose: Verbose = False) -> int:
    """Name the installed workflows and their inputs."""
    from stretto.service.cli.listing import list_workflows

    _words(context, verbose)
    return list_workflows(is_json=json)


@app.command("init")
def init(
    context: typer.Context,
    where: Annotated[Path, typer.Argument(metavar="[DIR|FILE.py]", help="where to write it")] = Path(),
    name: Annotated[str, typer.Option(metavar="NAME", help="what to call the workflow")] = "digest",
    verbose: Verbose = False,
) -> int:
    """Write a starter workflow that runs at once."""
    from stretto.service.cli.init import init_starter

    _words(context, verbose)
    return init_starter(where, name, [command.name or "" for command in app.registered_commands])


@app.command("doctor")
def doctor(
    context: typer.Context,
    online: Annotated[
        bool, typer.Option("--online", help="ask the chosen model provider one question")
    ] = False,
    json: Json = False,
    verbose: Verbose = False,
) -> int:
    """Say what on this machine can go wrong."""
    from stretto.service.cli.doctor import run_doctor

    _words(context, verbose)
    return run_doctor(is_json=json, is_online=online)


@app.command("completion")
def completion(
    context: typer.Context,
    shell: Annotated[ShellChoice, typer.Argument(help="whose script", show_default=False)],
    line: Annotated[
        Optional[str],  # noqa: UP045  # as above
        typer.Option(hidden=True, help="what a script asks: the line up to the cursor"),
    ] = None,
    breaks: Annotated[str, typer.Option(hidden=True)] = "",
    verbose: Verbose = False,
) -> int:
    """Print the script that lets a shell complete."""
    from stretto.service.cli.completion import say_answer, say_script

    _words(context, verbose)
    if line is None:
        return say_script(shell.value)
    return say_answer(shell.value, context.find_root().command, line, breaks)


acting.add_to(app)
looking.add_to(app)

config = typer.Typer(help="Look at the settings.", no_args_is_help=True)
app.add_typer(config, name="config")


@config.command("show")
def config_show(context: typer.Context, json: Json = False, verbose: Verbose = False) -> int:
    """Show every setting and its origin."""
    from stretto.service.cli.config import show_config

    _words(context, verbose)
    return show_config(is_json=json)
