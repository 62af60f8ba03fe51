"""The commands that act on stored runs: `resume`, `inbox`, `approve`, `reject`, `respond`, `send`, `cancel`.

Each command's work is imported when it runs.
"""

from __future__ import annotations

from pathlib import Path  # noqa: TC003  # typer reads it at run time
from typing import TYPE_CHECKING, Annotated, Optional

import typer

if TYPE_CHECKING:
    from collections.abc import Callable

    from stretto.core.journal.facts import Verdict
    from stretto.service.cli.words import Words

__all__ = ["add_to"]


def _runs(incomplete: str) -> list[tuple[str, str]]:
    from stretto.service.cli.candidates_acting import runs_beginning

    return runs_beginning(incomplete)


def _open_runs(incomplete: str) -> list[tuple[str, str]]:
    from stretto.service.cli.candidates_acting import runs_beginning

    return runs_beginning(incomplete, ("queued", "running", "waiting", "quarantined"))


def _waiting_runs(incomplete: str) -> list[tuple[str, str]]:
    from stretto.service.cli.candidates_acting import runs_waiting

    return runs_waiting(incomplete)


def _paths(ctx: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    from stretto.service.cli.candidates_acting import paths_of

    return paths_of(ctx.params.get("run"), incomplete)


def _events(ctx: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    from stretto.service.cli.candidates_acting import events_of

    return events_of(ctx.params.get("run"), incomplete)


def _words(context: typer.Context, verbose: bool) -> Words:
    words: Words = context.obj
    words.is_verbose = words.is_verbose or verbose
    return words


_RUN = "the beginning of a run's id, or latest"
Run = Annotated[str, typer.Argument(help=_RUN, show_default=False, autocompletion=_runs)]
OpenRun = Annotated[str, typer.Argument(help=_RUN, show_default=False, autocompletion=_open_runs)]
WaitingRun = Annotated[str, typer.Argument(help=_RUN, show_default=False, autocompletion=_waiting_runs)]
Where = Annotated[
    Optional[str],  # noqa: UP045  # older versions of typer read no `|`
    typer.Argument(
        help="which question: needed where several are open",
        show_default=False,
        autocompletion=_paths,
    ),
]
Note = Annotated[str, typer.Option(metavar="TEXT", help="what else there is to say", show_default=False)]
By = Annotated[
    Optional[str],  # noqa: UP045  # as above
    typer.Option(metavar="NAME", help="who answers", show_default="the login name"),
]
NoResume = Annotated[
    bool, typer.Option("--no-resume", help="where nobody has the run, leave it to whoever goes on with it")
]
Target = Annotated[
    Optional[str],  # noqa: UP045  # as above
    typer.Option(help="the run's workflow, where it is no longer where it was", show_default=False),
]
Store = Annotated[
    Optional[str],  # noqa: UP045  # as above
    typer.Option(metavar="URL", help="where the run was kept", show_default=False),
]
Json = Annotated[bool, typer.Option("--json", help="lines of JSON on stdout, words on stderr")]
Verbose = Annotated[bool, typer.Option("-v", "--verbose", help="show tracebacks")]


def add_to(app: typer.Typer) -> None:
    """Give the program these commands."""
    for name, command in _COMMANDS.items():
        app.command(name)(command)


def resume(
    context: typer.Context,
    run: Run,
    target: Target = None,
    adopt: Annotated[
        bool, typer.Option("--adopt", help="take today's code; what is unchanged is kept")
    ] = False,
    release: Annotated[bool, typer.Option("--release", help="go on with a run in quarantine")] = False,
    wait: Annotated[
        bool, typer.Option("--wait", help="stay when only people or events can move the run")
    ] = False,
    output: Annotated[
        Optional[Path],  # noqa: UP045  # as above
        typer.Option("-o", "--output", metavar="FILE", help="write the value here: text as it is, else JSON"),
    ] = None,
    store: Store = None,
    json: Json = False,
    verbose: Verbose = False,
) -> int:
    """Go on with a run whose process has ended."""
    from stretto.service.cli.resume import ResumeRequest, resume_run

    words = _words(context, verbose)
    return resume_run(ResumeRequest(run, target, adopt, release, wait, store, output, json), words)


def fork(
    context: typer.Context,
    run: Run,
    start: Annotated[
        Optional[str],  # noqa: UP045  # as above
        typer.Option(
            "--from",
            metavar="STEP",
            help="the path of the step from which everything runs again",
            show_default=False,
            autocompletion=_paths,
        ),
    ] = None,
    changes: Annotated[
        Optional[list[str]],  # noqa: UP045  # as above
        typer.Option("--set", metavar="KEY=VALUE", help="another value for one input", show_default=False),
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run", help="only say what would be taken over, run again, and how long it may take"
        ),
    ] = False,
    wait: Annotated[
        bool, typer.Option("--wait", help="stay when only people or events can move the run")
    ] = False,
    output: Annotated[
        Optional[Path],  # noqa: UP045  # as above
        typer.Option("-o", "--output", metavar="FILE", help="write the value here: text as it is, else JSON"),
    ] = None,
    target: Target = None,
    store: Store = None,
    json: Json = False,
    verbose: Verbose = False,
) -> int:
    """Run again what a run has done, from a step on."""
    from stretto.service.cli.fork import ForkRequest, fork_run

    words = _words(context, verbose)
    changed = tuple(changes or ())
    return fork_run(ForkRequest(run, start, changed, dry_run, wait, target, store, output, json), words)


def inbox(context: typer.Context, store: Store = None, json: Json = False, verbose: Verbose = False) -> int:
    """List what runs wait for, and the commands to answer."""
    from stretto.service.cli.inbox import show_inbox

    _words(context, verbose)
    return show_inbox(store, is_json=json)


def approve(
    context: typer.Context,
    run: WaitingRun,
    path: Where = None,
    edit: Annotated[
        Optional[str],  # noqa: UP045  # as above
        typer.Option(
            metavar="JSON", help="another value in place of the one asked about", show_default=False
        ),
    ] = None,
    value: Annotated[
        Optional[str],  # noqa: UP045  # as above
        typer.Option(metavar="TEXT", help="the text that a question asks for", show_default=False),
    ] = None,
    note: Note = "",
    by: By = None,
    no_resume: NoResume = False,
    target: Target = None,
    store: Store = None,
    json: Json = False,
    verbose: Verbose = False,
) -> int:
    """Say yes to what a run asks; the run goes on."""
    from stretto.core.journal.facts import Verdict
    from stretto.service.cli.answering import json_of

    if edit is not None and value is not None:
        raise typer.BadParameter(
            "--edit is for a value, --value for a text that is asked for: give one of them."
        )
    said: tuple[Verdict, object] = (Verdict.APPROVE, None)
    if edit is not None:
        said = (Verdict.EDIT, json_of("--edit", edit))
    elif value is not None:
        said = (Verdict.RESPOND, value)
    return _answer(context, run, path, said, (note, by), (no_resume, target, store, json), verbose)


def reject(
    context: typer.Context,
    run: WaitingRun,
    path: Where = None,
    note: Note = "",
    by: By = None,
    no_resume: NoResume = False,
    target: Target = None,
    store: Store = None,
    json: Json = False,
    verbose: Verbose = False,
) -> int:
    """Say no to what a run asks: that step fails."""
    from stretto.core.journal.facts import Verdict

    said = (Verdict.REJECT, None)
    return _answer(context, run, path, said, (note, by), (no_resume, target, store, json), verbose)


def respond(
    context: typer.Context,
    run: WaitingRun,
    words: Annotated[
        list[str],
        typer.Argument(metavar="[PATH] TEXT", help="which question, and the answer", show_default=False),
    ],
    note: Note = "",
    by: By = None,
    no_resume: NoResume = False,
    target: Target = None,
    store: Store = None,
    json: Json = False,
    verbose: Verbose = False,
) -> int:
    """Answer a run's question with a text."""
    from stretto.core.journal.facts import Verdict

    if len(words) > 2:
        raise typer.BadParameter("a path and a text are taken: put quotes around the text.")
    path = words[0] if len(words) == 2 else None
    said = (Verdict.RESPOND, words[-1])
    return _answer(context, run, path, said, (note, by), (no_resume, target, store, json), verbose)


def _answer(
    context: typer.Context,
    run: str,
    path: str | None,
    said: tuple[Verdict, object],
    who: tuple[str, str | None],
    way: tuple[bool, str | None, str | None, bool],
    verbose: bool,
) -> int:
    from stretto.service.cli.answering import AnswerRequest, Way, answer_run

    words = _words(context, verbose)
    no_resume, target, store, is_json = way
    request = AnswerRequest(run, said[0], path, said[1], *who)
    return answer_run(request, Way(store, not no_resume, target, is_json), words)


def send(
    context: typer.Context,
    run: OpenRun,
    event: Annotated[
        str, typer.Argument(help="the event's name", show_default=False, autocompletion=_events)
    ],
    data: Annotated[str, typer.Option(metavar="JSON", help="what comes with it")] = "null",
    by: By = None,
    no_resume: NoResume = False,
    target: Target = None,
    store: Store = None,
    json: Json = False,
    verbose: Verbose = False,
) -> int:
    """Tell a run that an event has come."""
    from stretto.service.cli.answering import Way, json_of, send_event

    words = _words(context, verbose)
    way = Way(store, not no_resume, target, json)
    return send_event(run, event, json_of("--data", data), by, way, words)


def cancel(
    context: typer.Context,
    run: OpenRun,
    now: Annotated[
        bool, typer.Option("--now", help="give running steps no time to end by themselves")
    ] = False,
    why: Annotated[str, typer.Option(metavar="TEXT", help="the reason", show_default=False)] = "",
    store: Store = None,
    verbose: Verbose = False,
) -> int:
    """End a run, wherever it is at work."""
    from stretto.service.cli.cancelling import cancel_run

    return cancel_run(run, why, store, _words(context, verbose), is_now=now)


_COMMANDS: dict[str, Callable[..., int]] = {
    "resume": resume,
    "fork": fork,
    "inbox": inbox,
    "approve": approve,
    "reject": reject,
    "respond": respond,
    "send": send,
    "cancel": cancel,
}
