"""Stored runs read without their code: how they stand, what they were given and what they gave, as plain JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

from stretto.core.graph import Source, fill
from stretto.core.journal import facts as kinds
from stretto.core.journal.facts import Answer, Created, Verdict
from stretto.core.journal.reading import FactReader, Opaque
from stretto.core.journal.view import RunStatus, RunView
from stretto.core.policy import Failure
from stretto.errors import NotFoundError
from stretto.service.questions import plain_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from stretto.core.graph import Graph
    from stretto.core.journal.facts import Fact
    from stretto.ports import RunRow, Store

__all__ = ["Journal", "StoredRun", "counted", "read_run", "step_in"]

_COUNTED: Final = 2_000
"""Steps above which a run's journal is not read for a count alone."""
_SETTLED: Final = frozenset(("succeeded", "failed", "skipped", "cancelled"))
_GIVES: Final = frozenset(
    (kinds.ATTEMPT_SUCCEEDED, kinds.ATTEMPT_REUSED, kinds.STEP_DEFAULTED, kinds.WAIT_ENDED, kinds.ANSWERED)
)


class Journal:
    """A run's journal, read decision by decision as far as it goes by now.

    `graph` grows as the run's own does. Values are `Opaque`.
    """

    def __init__(self) -> None:
        self._reader = FactReader(is_opaque=True)
        self.created: Created | None = None
        self.facts: list[Fact] = []

    @property
    def count(self) -> int:
        """How many entries were read."""
        return self._reader.count

    def take(self, bodies: Iterable[bytes]) -> list[list[Fact]]:
        """The decisions behind these entries. Raises StoreDamagedError, StoreVersionError."""
        return [self._decision(body) for body in bodies]

    def _decision(self, body: bytes) -> list[Fact]:
        facts = self._reader.read(body)
        if self.created is None:
            self.created = cast("Created", facts[0][4])
        for kind, index, _, _, data in facts:
            if kind == kinds.ATTEMPT_GREW:
                self.created.graph.grow(index, data)  # type: ignore[arg-type]  # the kind's data, see facts.py
        self.facts += facts
        return facts


def read_run(store: Store, row: RunRow) -> StoredRun:
    """A run as its journal tells it now.

    Raises NotFoundError for one that has never begun, StoreDamagedError, StoreVersionError.
    """
    journal = Journal()
    journal.take(store.entries(row.run_id))
    if journal.created is None:
        raise NotFoundError(
            "journal of run",
            row.run_id,
            mend=f"It was submitted, but never began. Begin it: stretto resume {row.run_id}",
        )
    return StoredRun(row, journal.created, journal.facts, store.blob)


def counted(store: Store, row: RunRow) -> RunRow:
    """The row of a run at work with its steps counted now: the index counts them only now and then."""
    if row.owner is None or not 0 < row.steps <= _COUNTED:
        return row
    stored = read_run(store, row)
    return row._replace(steps=len(stored.graph), done=stored.done)


class StoredRun:
    """A run of a store: its row, its facts, its view, and its values as plain JSON."""

    def __init__(
        self, row: RunRow, created: Created, facts: list[Fact], blob: Callable[[str], bytes]
    ) -> None:
        self.row = row
        self.created = created
        self.facts = facts
        self.view = RunView(created.graph)
        self.view.apply(facts)
        self._blob = blob
        self._given = _given(facts, self.view)

    @property
    def graph(self) -> Graph:
        """The steps, with all that have grown."""
        return self.created.graph

    @property
    def order(self) -> list[int]:
        """The steps in author order."""
        return sorted(range(len(self.graph)), key=self.graph.author_order)

    @property
    def done(self) -> int:
        """How many steps have settled."""
        return sum(self.view.step(index).state in _SETTLED for index in range(len(self.graph)))

    @property
    def has_value(self) -> bool:
        """Whether the run brought its value."""
        return self.view.status in (RunStatus.SUCCEEDED, RunStatus.PARTIAL)

    def inputs(self) -> dict[str, object]:
        """What the run was given."""
        return {name: self._plain(value) for name, value in self.created.inputs.items()}

    def value(self) -> object:
        """What the run brought; None where it brought nothing."""
        return self._filled(self.graph.output) if self.has_value else None

    def args_of(self, index: int) -> list[object]:
        """What a step was given by place; raises LookupError while some of it is not there."""
        return [self._filled(part) for part in self.graph.args[index]]

    def kwargs_of(self, index: int) -> dict[str, object]:
        """What a step was given by name; raises LookupError while some of it is not there."""
        named = self.graph.kwargs[index] or {}
        return {name: self._filled(part) for name, part in named.items()}

    def result_of(self, index: int) -> object:
        """What a step handed on; an anchor's is made of its children's. Raises LookupError where there is none."""
        if index in self._given:
            return self._plain(self._given[index])
        children = self.graph.children.get(index)
        if children is None:
            raise LookupError(f"{self.graph.path(index)} has handed on nothing")
        if index in self.graph.outputs:
            return self._filled(self.graph.outputs[index])
        return [self.result_of(child) for child in children]

    def _filled(self, template: object) -> object:
        return self._plain(fill(template, self._source))

    def _source(self, source: Source) -> object:
        value = self.result_of(source._index)
        for _, key in source._projection:
            value = _part(value, key)
        return value

    def _plain(self, value: object) -> object:
        if isinstance(value, Opaque):
            return plain_of(value.form, self._blob)
        if isinstance(value, dict):
            return {str(key): self._plain(part) for key, part in value.items()}
        return [self._plain(part) for part in value] if isinstance(value, (list, tuple)) else value


def _part(value: object, key: object) -> object:
    """What was an attribute or a key of any kind is a key of the plain form."""
    if isinstance(value, dict):
        return value[key] if key in value else value[str(key)]
    if isinstance(value, (list, str)):
        return value[int(str(key))]
    raise LookupError(f"there is no {key!r} in it")


def _given(facts: Iterable[Fact], view: RunView) -> dict[int, object]:
    """What steps have handed on, as written."""
    found: dict[int, object] = {}
    for kind, index, _, _, data in facts:
        if kind not in _GIVES or isinstance(data, Failure):
            continue
        if not isinstance(data, Answer):
            found[index] = data
        elif view.step(index).state == "succeeded" and data.verdict != Verdict.REJECT:
            found[index] = data.value
    return found


def step_in(graph: Graph, path: str) -> int:
    """The step at a path. Raises NotFoundError naming all there are."""
    index = graph.index_of(path)
    if index is None:
        raise NotFoundError("step", path, [graph.path(each) for each in range(len(graph))])
    return index
