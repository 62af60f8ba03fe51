"""What a run has left behind for others: results by path, and which of them may be taken again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple, cast

from stretto.core.journal import facts as kinds
from stretto.core.journal.reading import FactReader, Opaque
from stretto.core.values import decode_json
from stretto.core.values.secret import has_hidden
from stretto.errors import NotFoundError, ValueEncodingError
from stretto.runtime.engine.hashes import SECRETIVE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from stretto.core.graph import Graph
    from stretto.core.journal.facts import Created
    from stretto.runtime.engine.hashes import InputHashes

__all__ = ["Past", "PastResult", "Reuse", "is_at_or_under", "past_of"]

_DONE = (kinds.ATTEMPT_SUCCEEDED, kinds.ATTEMPT_REUSED)


class PastResult(NamedTuple):
    """One step's result as its journal has it; `inputs` is the hash of what it was given, `seconds` what it took."""

    form: object
    inputs: str | None
    version: str | None
    seconds: float


class Past(NamedTuple):
    """A run as far as others may build on it. `graph` is all of it, grown parts included."""

    run_id: str
    created: Created
    graph: Graph
    results: dict[str, PastResult]


def past_of(run_id: str, bodies: Sequence[bytes]) -> Past:
    """Read a journal without the code it was made with. Raises StoreDamagedError, StoreVersionError."""
    reader = FactReader(is_opaque=True, shows_secrets=True)
    created: Created | None = None
    results: dict[str, PastResult] = {}
    began: dict[int, float] = {}
    for body in bodies:
        facts = reader.read(body)
        if created is None:
            created = cast("Created", facts[0][4])
        graph = created.graph
        for kind, index, _, at, data in facts:
            if kind == kinds.STEP_STARTED:
                began[index] = at
            elif kind == kinds.ATTEMPT_GREW:
                graph.grow(index, data)  # type: ignore[arg-type]  # the kind's data, see facts.py
            elif kind in _DONE:
                version = reader.versions.get(graph.specs[index])
                inputs = reader.hashes.get(index)
                form = cast("Opaque", data).form
                seconds = at - began.get(index, at)
                results[graph.path(index)] = PastResult(form, inputs, version, seconds)
    if created is None:
        raise NotFoundError("journal of run", run_id, mend="It was submitted, but never began.")
    return Past(run_id, created, created.graph, results)


class Reuse:
    """Lends results of a past run to steps of the same path, code and inputs.

    `start` is the path from which everything runs again: the step itself, what stands under it, and whatever
    takes from these, whether its inputs come out equal or not.
    """

    def __init__(
        self,
        past: Past,
        graph: Graph,
        classes: Mapping[str, type],
        blob: Callable[[str], bytes],
        start: str | None = None,
    ) -> None:
        self._past = past
        self._graph = graph
        self._classes = classes
        self._blob = blob
        self._start = start
        self._again: set[int] = set()

    def __call__(self, index: int, hashes: InputHashes, version: str | None) -> tuple[object, ...]:
        """A tuple of the past value, or an empty one: the step has to run."""
        path = self._graph.path(index)
        if self._is_forced(index, path):
            self._again.add(index)
            return ()
        known = self._past.results.get(path)
        if known is None or known.version != version or known.inputs != hashes.of(index):
            return ()
        if known.inputs.startswith(SECRETIVE):
            return ()  # the secrets may be others now
        return self._value(known.form)

    def _value(self, form: object) -> tuple[object, ...]:
        """What cannot be read any more, since its class has changed, is made again."""
        try:
            if isinstance(form, dict) and form.get("$") == "blob":
                form = json.loads(self._blob(str(form["hash"])))
            return () if has_hidden(form) else (decode_json(form, self._classes),)
        except ValueEncodingError:
            return ()

    def _is_forced(self, index: int, path: str) -> bool:
        if self._start is None:
            return False
        return is_at_or_under(path, self._start) or any(map(self._is_again, self._taken(index)))

    def _taken(self, index: int) -> list[int]:
        """What a step takes from or waits for, and the anchors that it stands under."""
        scope, found = self._graph.scopes[index], list(self._graph.deps[index])
        while scope >= 0:
            found += self._graph.deps[scope]
            scope = self._graph.scopes[scope]
        return found

    def _is_again(self, index: int) -> bool:
        children = self._graph.children.get(index, ())
        return index in self._again or any(map(self._is_again, children)) or self._is_anchor_forced(index)

    def _is_anchor_forced(self, index: int) -> bool:
        """A forced anchor may have grown nothing that could say so."""
        is_anchor = index in self._graph.children
        return is_anchor and self._start is not None and is_at_or_under(self._graph.path(index), self._start)


def is_at_or_under(path: str, start: str) -> bool:
    """Whether `path` is the step at `start`, or one that has grown under it."""
    return path == start or (path.startswith(start) and path[len(start)] in "/[#")
