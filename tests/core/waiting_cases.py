"""`WaitCase`: a `Case` with durable waits and dying processes, each of whose decisions is also replayed."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING

from core.schedule_cases import Case, drawn
from stretto.core.graph import Role, WaitRule, Where
from stretto.core.journal import facts as kinds
from stretto.core.journal.facts import Answer, Verdict, Wait
from stretto.testing.invariants import CheckedScheduler, replay

if TYPE_CHECKING:
    from stretto.core.graph import Graph
    from stretto.core.journal.facts import Fact


def waits(kind: str = "approval", **rule: object) -> dict[str, object]:
    """`StepSpec` fields of a durable wait."""
    return {
        "role": Role.WAIT,
        "where": Where.INLINE,
        "wait": WaitRule(kind, **rule),  # type: ignore[arg-type]
    }


class WaitCase(Case):
    """Checks transitions as well; `lines` and `rules` as in `drawn`."""

    def __init__(self, *lines: str, graph: Graph | None = None, **given: object) -> None:
        rules = {name: rule for name, rule in given.items() if isinstance(rule, dict)}
        options = {name: option for name, option in given.items() if name not in rules}
        made = drawn(*lines, **rules) if graph is None else graph
        self._fresh = deepcopy(made)
        super().__init__(made, **options)
        self.scheduler = CheckedScheduler(self.created)

    def wait_began(self, path: str, wait: Wait, attempt: int = 1) -> Fact:
        """The wait has looked at its inputs."""
        return (kinds.WAIT_BEGAN, self.index(path), attempt, self.now, wait)

    def asks(self, path: str, *, until: float | None = None, default: tuple[object, ...] = ()) -> None:
        """An approval begins."""
        self.post(self.wait_began(path, Wait("approval", "Good?", until, default)))

    def answered(self, path: str, answer: Answer, attempt: int = 1) -> Fact:
        """Somebody answered."""
        return (kinds.ANSWERED, self.index(path), attempt, self.now, answer)

    def approved(self, path: str, value: object = "fine", attempt: int = 1) -> Fact:
        """Somebody said yes."""
        return self.answered(path, Answer(Verdict.APPROVE, value), attempt)

    def lost(self, path: str, attempt: int = 1, data: object = None) -> Fact:
        """The process died while the attempt was running."""
        return (kinds.ATTEMPT_LOST, self.index(path), attempt, self.now, data)

    def told(self, *found: int) -> list[int]:
        """Which of these kinds of facts there were, in order."""
        return [fact[0] for fact in self.scheduler.log if fact[0] in found]

    def data(self, kind: int) -> list[object]:
        """What the facts of a kind say."""
        return [fact[4] for fact in self.scheduler.log if fact[0] == kind]

    def check_replay(self) -> None:
        """The journal gives the same facts once more. For graphs that have not grown."""
        fresh = self.created._replace(graph=self._fresh)
        again = replay(fresh, [decision.facts for decision in self.decisions])
        assert bytes(again.states) == bytes(self.scheduler.states)
        assert again.asked == self.scheduler.asked
