"""What runs wait for, with the values asked about, read without the code of the runs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

from stretto.api.past import past_of
from stretto.core.graph import Source, fill, project
from stretto.core.values.encoding import TAG
from stretto.core.values.secret import MASK
from stretto.errors import StrettoError
from stretto.ports import ENDED

if TYPE_CHECKING:
    from collections.abc import Callable

    from stretto.api.past import Past
    from stretto.ports import OpenWait, Store

__all__ = ["Question", "plain_of", "questions"]


class Question(NamedTuple):
    """An open wait. `kind` is approval, question (a text is wanted), event, sleep or lost; `value` is what an
    approval is asked about, as plain JSON, and `trouble` why it cannot be shown. Instants are seconds since the
    epoch; without `until` it waits for ever."""

    run_id: str
    path: str
    kind: str
    text: str
    asked_at: float
    until: float | None
    value: object = None
    trouble: str = ""


def questions(store: Store, run_id: str | None = None) -> list[Question]:
    """What one run, or any run, waits for; the oldest first. Raises NotFoundError, StoreError."""
    waits = store.waits(run_id)
    over = {each for each in {wait.run_id for wait in waits} if store.run(each).status in ENDED}
    waits = [wait for wait in waits if wait.run_id not in over]
    pasts = {each: _past(store, each) for each in {wait.run_id for wait in waits if wait.kind == "approval"}}
    return [_question(wait, pasts.get(wait.run_id), store.blob) for wait in waits]


def _past(store: Store, run_id: str) -> Past | str:
    """What a run has done by now, or why that cannot be told."""
    try:
        return past_of(run_id, store.entries(run_id))
    except StrettoError as trouble:
        return str(trouble)


def _question(wait: OpenWait, past: Past | str | None, blob: Callable[[str], bytes]) -> Question:
    if past is None or wait.kind != "approval":
        return Question(*wait)
    if isinstance(past, str):
        return Question(*wait, trouble=past)
    index = past.graph.index_of(wait.path)
    args = () if index is None else past.graph.args[index]
    if len(args) < 2:  # a question alone
        return Question(*wait)._replace(kind="question")
    try:
        return Question(*wait, value=_Values(past, blob).of(args[0]))
    except (StrettoError, LookupError, TypeError, AttributeError) as trouble:
        return Question(*wait, trouble=f"its value cannot be shown: {trouble}")


class _Values:
    """Values of a run as plain JSON."""

    def __init__(self, past: Past, blob: Callable[[str], bytes]) -> None:
        self._past = past
        self._blob = blob

    def of(self, template: object) -> object:
        """A template's value."""
        return fill(template, self._source)

    def _source(self, source: Source) -> object:
        # what was an attribute is a key of the plain form
        places = tuple(("item", key) for _, key in source._projection)
        return project(self._result(source._index), places)

    def _result(self, index: int) -> object:
        graph = self._past.graph
        known = self._past.results.get(graph.path(index))
        if known is not None:
            return plain_of(known.form, self._blob)
        if index in graph.outputs:
            return fill(graph.outputs[index], self._source)
        return [self._result(child) for child in graph.children[index]]


def plain_of(form: object, blob: Callable[[str], bytes] | None = None) -> object:
    """A value as its journal has it, in JSON for people: objects by their fields, without classes."""
    if isinstance(form, list):
        return [plain_of(part, blob) for part in form]
    if not isinstance(form, dict):
        return form
    tag = form.get(TAG)
    if tag is None:
        return {key: plain_of(part, blob) for key, part in form.items()}
    if tag == "blob" and blob is not None:
        return plain_of(json.loads(blob(str(form["hash"]))), blob)
    if tag == "secret":
        return MASK
    if tag == "dict":
        return {str(plain_of(key, blob)): plain_of(part, blob) for key, part in form["v"]}
    return plain_of(form["name"] if tag == "enum" else form.get("v"), blob)
