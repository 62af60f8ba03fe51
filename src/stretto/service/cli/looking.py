"""The commands that look at stored runs: `ls`, `show`, `watch`, `logs`, `gc`.

Each command's work is imported when it runs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Optional

import typer

if TYPE_CHECKING:
    from collections.abc import Callable

    from stretto.service.cli.words import Words

__all__ = ["add_to", "steps"]


def _runs(incomplete: str) -> list[tuple[str, str]]:
    from stretto.service.cli.candidates_acting import runs_beginning

    return runs_beginning(incomplete)


def steps(ctx: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """For typer: the paths of the steps of the run that stands before."""
    from stretto.service.cli.candidates_looking import steps_of

    return steps_of(ctx.params.get("run"), incomplete)


def _query(incomplete: str) -> list[tuple[str, str]]:
    from stretto.service.cli.candidates_looking import query_words

    return query_words(incomplete)


def _words(context: typer.Context, verbose: bool) -> Words:
    words: Words = context.obj
    words.is_verbose = words.is_verbose or verbose
    return words


StoredRunId = Annotated[
    str,
    typer.Argument(
        metavar="RUN",
        help="the beginning of a run's id, or latest",
        show_default=False,
        autocompletion=_runs,
    ),
]
StepPath = Annotated[
    Optional[str],  # noqa: UP045  # older versions of typer read no `|`
    typer.Argument(help="a step's path, for all about that one", show_default=False, autocompletion=steps),
]
Store = Annotated[
    Optional[str],  # noqa: UP045  # as above
    typer.Option(metavar="URL", help="where the runs were kept", show_default=False),
]
Json = Annotated[bool, typer.Option("--json", help="lines of JSON on stdout, words on stderr")]
Verbose = Annotated[bool, typer.Option("-v", "--verbose", help="show tracebacks")]


def add_to(app: typer.Typer) -> None:
    """Give the program these commands."""
    for name, command in _COMMANDS.items():
        app.command(name)(command)


def ls(
    context: typer.Context,
    query: Annotated[
        Optional[list[str]],  # noqa: UP045  # as above
        typer.Argument(
            help="status:failed,waiting  workflow:NAME  took:>30s  started:<2h  id:BEGINNING, or a part of an id "
            "or a workflow's name; all must hold",
            show_default=False,
            autocompletion=_query,
        ),
    ] = None,
    limit: Annotated[int, typer.Option(metavar="N", min=1, help="at most N, the newest")] = 20,
    store: Store = None,
    json: Json = False,
    verbose: Annotated[
        bool, typer.Option("-v", "--verbose", help="show which process has a run; show tracebacks")
    ] = False,
) -> int:
    """List stored runs, the newest first."""
    from stretto.service.cli.ls import list_runs

    _words(context, verbose)
    return list_runs(query or (), limit, store, is_json=json, has_owners=verbose)


def show(
    context: typer.Context,
    run: StoredRunId,
    step: StepPath = None,
    store: Store = None,
    json: Json = False,
    verbose: Verbose = False,
) -> int:
    """Show a stored run, or one step of it."""
    from stretto.service.cli.show import show_run

    _words(context, verbose)
    return show_run(run, step, store, is_json=json)


def watch(
    context: typer.Context,
    run: StoredRunId,
    store: Store = None,
    json: Json = False,
    verbose: Verbose = False,
) -> int:
    """Watch a run that is at work in another process."""
    from stretto.service.cli.watch import watch_run

    _words(context, verbose)
    return watch_run(run, store, is_json=json)


def logs(
    context: typer.Context,
    run: StoredRunId,
    step: Annotated[
        Optional[str],  # noqa: UP045  # as above
        typer.Option(metavar="PATH", help="of this step only", show_default=False, autocompletion=steps),
    ] = None,
    follow: Annotated[bool, typer.Option("-f", "--follow", help="go on until the run ends")] = False,
    store: Store = None,
    json: Json = False,
    verbose: Verbose = False,
) -> int:
    """Print what a run's steps said: progress and logs."""
    from stretto.service.cli.logs import say_logs

    _words(context, verbose)
    return say_logs(run, step, store, follows=follow, is_json=json)


def gc(
    context: typer.Context,
    older_than: Annotated[
        str,
        typer.Option("--older-than", metavar="AGE", help="such as 30d or 12h, since the run ended"),
    ],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="only say what would go")] = False,
    store: Store = None,
    json: Json = False,
    verbose: Verbose = False,
) -> int:
    """Delete runs that ended long ago."""
    from stretto.service.cli.gc import collect_runs

    _words(context, verbose)
    return collect_runs(older_than, store, is_dry=dry_run, is_json=json)


_COMMANDS: dict[str, Callable[..., int]] = {
    "ls": ls,
    "show": show,
    "watch": watch,
    "logs": logs,
    "gc": gc,
}
