"""A run goes on where its journal ends: the journal is replayed through the same scheduler.

The journaled graph is what runs. Today's code is traced with the journaled inputs to find the functions behind
its steps, and to compare: a step whose result is about to be reused must be what it was.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from stretto.core.graph import Role
from stretto.core.graph.comparing import compare
from stretto.core.journal import facts as kinds
from stretto.core.journal.facts import Created, is_stimulus
from stretto.core.schedule.decision import START
from stretto.core.schedule.machine import Scheduler
from stretto.core.schedule.states import State
from stretto.errors import CodeChangedError, RecoveryError, StrettoError
from stretto.runtime.engine.growth import grown_by
from stretto.runtime.engine.hashes import InputHashes
from stretto.runtime.engine.hidden import check_hidden
from stretto.runtime.engine.inputs import Values
from stretto.runtime.engine.usage import Usage

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from stretto.core.graph import Fragment, Graph, StepSpec
    from stretto.core.graph.comparing import Difference
    from stretto.core.journal.facts import Fact
    from stretto.core.journal.reading import FactReader
    from stretto.ports import Code, Grown

__all__ = ["Recovered", "Reuse", "Today", "replay"]

_SUCCEEDED: Final = int(State.SUCCEEDED)


class Reuse(Protocol):
    """Finds the result that a step of another run may lend to this one's, once its inputs are there."""

    def __call__(self, index: int, hashes: InputHashes, version: str | None) -> tuple[object, ...]:
        """A tuple of that value, or an empty one: the step has to run."""


class Today(NamedTuple):
    """What today's code gives for a run's inputs: its graph, the code behind its steps, the version of the
    workflow's body, and the graph that it gives when it is asked again."""

    graph: Graph
    code: Mapping[StepSpec, Code]
    version: str
    again: Callable[[], Graph]


@dataclass(slots=True)
class Recovered:
    """A run as its journal leaves it."""

    created: Created
    scheduler: Scheduler
    facts: list[Fact]
    code: dict[StepSpec, Code]
    reader: FactReader
    hashes: dict[int, str] = field(default_factory=dict)
    changes: list[str] = field(default_factory=list)
    usage: Usage = field(default_factory=Usage)


def replay(
    run_id: str,
    bodies: Sequence[bytes],
    reader: FactReader,
    today: Today,
) -> Recovered:
    """Read a journal and bring a scheduler to where it ends.

    Raises StoreDamagedError for a journal that cannot be read, RecoveryError for one that today's scheduler does
    not follow, CodeChangedError where results stand for steps that are no longer what they were.
    """
    return _Replay(run_id, reader, today).through(bodies)


class _Replay:
    """One replay in progress."""

    def __init__(self, run_id: str, reader: FactReader, today: Today) -> None:
        self._run_id = run_id
        self._reader = reader
        self._today = today
        self._grown: dict[tuple[int, int], Grown | StrettoError] = {}
        self._pairs: dict[StepSpec, StepSpec] = {}
        self._known: dict[StepSpec, Code] = {}  # today's
        self._differences: list[Difference] = []

    def through(self, bodies: Sequence[bytes]) -> Recovered:
        first = self._reader.read(bodies[0])
        created = first[0][4]
        if first[0][0] != kinds.RUN_CREATED or not isinstance(created, Created):
            raise RecoveryError(f"The journal of run {self._run_id} does not begin with the run.")
        self._compare_bodies(created)
        run = Recovered(created, Scheduler(created), [], {}, self._reader)
        self._values = Values(created.graph, run.scheduler.values)
        self._decide(run, first)
        for body in bodies[1:]:
            self._decide(run, self._reader.read(body))
        run.code = {old: self._known[new] for old, new in self._pairs.items() if new in self._known}
        run.changes = [str(each) for each in self._differences]
        run.changes += self._changed_code(run)
        if run.changes and not run.scheduler.finished:
            raise CodeChangedError(self._run_id, tuple(dict.fromkeys(run.changes)))
        self._check_inputs(run)
        if self._reader.has_hidden:
            check_hidden(self._run_id, run, self._values)
        return run

    # ---------------------------------------------------------------- decision by decision

    def _decide(self, run: Recovered, facts: list[Fact]) -> None:
        run.hashes.update(self._reader.hashes)
        for calls in self._reader.usage.values():
            run.usage.include(Usage(*calls))
        scheduler = run.scheduler
        stimuli = [fact for fact in facts if is_stimulus(fact)]
        for fact in stimuli:
            if fact[0] == kinds.ATTEMPT_GREW:
                self._compare_grown(run, fact)
        try:
            decision = scheduler.handle(*stimuli)
        except StrettoError as error:
            raise self._strays(len(run.facts), str(error)) from error
        if [fact[:3] for fact in decision.facts] != [fact[:3] for fact in facts]:
            raise self._strays(len(run.facts), "it decided otherwise then")
        run.facts.extend(facts)
        for kind, index, attempt, _ in decision.commands:
            if kind == START and scheduler.graph.specs[index].role is Role.GROW:
                self._grow_again(run, index, attempt)

    def _strays(self, seq: int, why: str) -> RecoveryError:
        return RecoveryError(
            f"The journal of run {self._run_id} cannot be followed from its fact {seq} on: {why}. Was it written by "
            "another version of Stretto? `stretto show` still shows it, `stretto fork` can begin again from it."
        )

    # ---------------------------------------------------------------- today's code

    def _compare_bodies(self, created: Created) -> None:
        today = self._today
        found = compare(created.graph, today.graph)
        self._pairs.update(found.pairs)
        self._known.update(today.code)
        # The same body with the same inputs gives another plain value where it asks a clock or throws dice: the
        # journaled one is what the run is about. Whether it does is seen by asking it twice: what a helper elsewhere
        # gives today, and did not give then, is the same both times, and is a change.
        inputs = {each.path for each in found.differences if each.kind == "input"}
        is_same_body = bool(created.version) and created.version == today.version
        if inputs and is_same_body:
            twice = compare(today.graph, today.again()).differences
            inputs &= {each.path for each in twice if each.kind == "input"}
            self._differences += [each for each in found.differences if each.path not in inputs]
        else:
            self._differences += found.differences

    def _grow_again(self, run: Recovered, index: int, attempt: int) -> None:
        """Find the functions behind what an anchor has grown, at the moment at which it did."""
        code = self._code_of(run.scheduler.graph.specs[index])
        if code is None:
            return
        try:
            grown = grown_by(run.scheduler.graph, index, attempt, self._values, code, run.scheduler)
        except StrettoError as error:
            self._grown[index, attempt] = error
        else:
            self._grown[index, attempt] = grown
            self._known.update(grown.code)

    def _compare_grown(self, run: Recovered, fact: Fact) -> None:
        _, index, attempt, _, fragment = fact
        if run.scheduler.graph.specs[index].role is not Role.GROW:
            return  # its steps are those of a body that was compared already
        grown = self._grown.pop((index, attempt), None)
        path = run.scheduler.graph.path(index)
        if isinstance(grown, StrettoError):
            raise CodeChangedError(self._run_id, (f"{path} cannot be grown any more: {grown}",))
        if grown is not None:
            found = compare(_fragment(fragment), grown.fragment)
            self._pairs.update(found.pairs)
            self._differences += [each._replace(path=f"{path}/{each.path}") for each in found.differences]

    def _code_of(self, spec: StepSpec) -> Code | None:
        today = self._pairs.get(spec)
        return None if today is None else self._known.get(today)

    # ---------------------------------------------------------------- may the results be reused?

    def _changed_code(self, run: Recovered) -> list[str]:
        changed: list[str] = []
        graph = run.scheduler.graph
        versions = self._reader.versions
        for index in range(len(graph)):
            spec = graph.specs[index]
            code = run.code.get(spec)
            is_own_work = spec.role is Role.STEP  # a wait's, an anchor's code is not what gave its result
            if run.scheduler.states[index] != _SUCCEEDED or code is None or not is_own_work:
                continue
            if versions.get(spec) != code.version:
                changed.append(f"step {graph.path(index)}: its code is not what gave its result")
        return changed

    def _check_inputs(self, run: Recovered) -> None:
        """Raises RecoveryError if what a finished step was given is not what the journal gives today."""
        hashes = InputHashes(run.scheduler.graph, self._values, hides_secrets=self._reader.has_hidden)
        for index, known in run.hashes.items():
            if run.scheduler.states[index] == _SUCCEEDED and hashes.of(index) != known:
                raise RecoveryError(
                    f"Step {run.scheduler.graph.path(index)!r} of run {self._run_id} finished with other inputs than "
                    "its journal gives today: a class among them has changed, or the journal was altered. Fork the "
                    "run from that step, or put back what was changed."
                )


def _fragment(data: object) -> Fragment:
    from stretto.core.graph import Fragment

    assert isinstance(data, Fragment)  # noqa: S101  # the kind's data, see facts.py
    return data
