"""``stretto approve``, ``reject``, ``respond`` and ``send``: what people and events say to runs that wait."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stretto.core.journal.facts import Verdict
from stretto.core.values.secret import MASK
from stretto.errors import InputError, NotFoundError
from stretto.service.cli.letters import Letter, Post, login_name
from stretto.service.cli.stored import opened_runs, run_in, settings_with
from stretto.service.cli.watching import json_on_stdout
from stretto.service.questions import questions

if TYPE_CHECKING:
    from collections.abc import Callable

    from stretto.ports import RunRow, Store
    from stretto.service.cli.exits import Exit
    from stretto.service.cli.words import Words
    from stretto.service.questions import Question

__all__ = ["AnswerRequest", "Way", "answer_run", "json_of", "send_event"]

_DONE = {
    Verdict.APPROVE: "approved",
    Verdict.EDIT: "approved as edited",
    Verdict.REJECT: "rejected",
    Verdict.RESPOND: "answered",
}
_ASKED = {"approval", "question", "lost"}


@dataclass(frozen=True, slots=True)
class Way:
    """How a letter is carried. `is_resuming`: a run that nobody has is gone on with here; `target` is its code, where
    that is not what its row names."""

    store: str | None = None
    is_resuming: bool = True
    target: str | None = None
    is_json: bool = False


@dataclass(frozen=True, slots=True)
class AnswerRequest:
    """What was asked for. Without a path the one open question is meant."""

    run: str
    verdict: Verdict
    path: str | None = None
    value: object = None
    note: str = ""
    by: str | None = None


def answer_run(request: AnswerRequest, way: Way, words: Words) -> Exit:
    """Answer a question, and give the exit code: of the run, where it was gone on with here.

    Raises NotFoundError for a run or a question there is not, InputError where several are open or the answer does
    not fit, and what `Post.carry` raises.
    """

    def letter(store: Store, row: RunRow) -> Letter:
        question = _question(questions(store, row.run_id), request, row)
        _check_secrets(question, request, store)
        by = login_name() if request.by is None else request.by
        body = {"path": question.path, "verdict": request.verdict.value, "by": by, "note": request.note}
        return Letter(
            "answer",
            {**body, "value": request.value},
            f"{_DONE[request.verdict]}: {question.path}, in run {row.run_id}",
        )

    return _carried(request.run, letter, way, words)


def send_event(run: str, event: str, data: object, by: str | None, way: Way, words: Words) -> Exit:
    """Send an event to a run; one that nobody waits for yet is kept. Raises what `answer_run` does."""
    body = {"event": event, "value": data, "by": login_name() if by is None else by}
    return _carried(
        run, lambda _store, row: Letter("event", body, f"taken: {event}, by run {row.run_id}"), way, words
    )


def _carried(run: str, letter: Callable[[Store, RunRow], Letter], way: Way, words: Words) -> Exit:
    with json_on_stdout(way.is_json) as out:
        settings = settings_with(way.store)
        with opened_runs(settings) as found:
            store, row = run_in(found, run)
            post = Post(store, settings, words, out, way.is_resuming, way.target)
            post.check(row)
            return post.carry(row, letter(store, row))


def _question(asked: list[Question], request: AnswerRequest, row: RunRow) -> Question:
    """The question that is meant, once it is plain that the answer can be one to it."""
    open_ones = [question for question in asked if question.kind in _ASKED]
    if request.path is not None:
        found = [question for question in open_ones if question.path == request.path]
        if not found:
            known = [each.path for each in open_ones]
            raise NotFoundError(
                f"open question in run {row.run_id} at", request.path, known, mend=f"The run is {row.status}."
            )
        _check_fit(found[0], request.verdict)
        return found[0]
    if len(open_ones) > 1:
        listed = "".join(f"\n  {each.path}: {each.text}" for each in open_ones)
        raise InputError(f"Run {row.run_id} asks {len(open_ones)} questions; name the path of one:{listed}")
    if not open_ones:
        events = [each.text for each in asked if each.kind == "event"]
        mend = (
            f"It waits for the event {events[0]!r}: stretto send {row.run_id} {events[0]}" if events else ""
        )
        raise NotFoundError(
            "open question in run", row.run_id, mend=mend or "`stretto inbox` lists what other runs ask."
        )
    _check_fit(open_ones[0], request.verdict)
    return open_ones[0]


def _check_secrets(question: Question, request: AnswerRequest, store: Store) -> None:
    """An edit would lie in the store as it was written."""
    is_edit = request.verdict is Verdict.EDIT and not store.keeps_secrets
    if is_edit and MASK in json.dumps(question.value, ensure_ascii=False):
        raise InputError(
            f"The value that {question.path!r} asks about has a secret in it, and this store is not sealed: an edit "
            "would lie there in clear. Approve or reject it as it is, or begin the run in a sealed store (STRETTO_KEY)."
        )


def _check_fit(question: Question, verdict: Verdict) -> None:
    where = f"{question.run_id} {question.path}"
    if question.kind == "question" and verdict in (Verdict.APPROVE, Verdict.EDIT):
        raise InputError(f"{question.path!r} asks for a text: stretto respond {where} TEXT.")
    if question.kind == "approval" and verdict is Verdict.RESPOND:
        raise InputError(
            f"{question.path!r} asks for approval of a value: stretto approve {where}, with --edit JSON for another "
            "value in its place."
        )


def _no_number(name: str) -> object:
    raise ValueError(f"{name} is no number in JSON")


def json_of(option: str, text: str) -> object:
    """What an option's JSON says. Raises InputError."""
    try:
        value: object = json.loads(text, parse_constant=_no_number)
    except ValueError as wrong:
        raise InputError(
            f"{option} {text}: it is not JSON: {wrong}. A text needs quotes: '\"text\"'."
        ) from None
    return value
