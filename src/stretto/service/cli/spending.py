"""Before many runs cost money: what they are expected to spend, and whether that is meant."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, NamedTuple, cast

from stretto.core.graph import Role
from stretto.errors import InputError, StrettoError
from stretto.service.recorded import head_of, read_record
from stretto.service.records import record_files

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from stretto.authoring.workflow import Traced
    from stretto.core.journal.facts import Fact
    from stretto.ports import RunInfo, Telemetry
    from stretto.service.recorded import Line
    from stretto.service.settings import Settings
    from stretto.service.targets import AnyWorkflow

__all__ = ["OFFLINE", "Spending", "Spent", "agreed", "expected", "paid_model"]

OFFLINE = "offline"


class Spending(NamedTuple):
    """What calls to models took. `cost` is in US dollars, None when a price is unknown."""

    calls: int
    input_tokens: int
    output_tokens: int
    cost: float | None

    def times(self, count: int) -> Spending:
        """The same, `count` times over."""
        cost = None if self.cost is None else self.cost * count
        return Spending(self.calls * count, self.input_tokens * count, self.output_tokens * count, cost)

    def __str__(self) -> str:
        cost = "cost unknown" if self.cost is None else f"${self.cost:.4f}"
        return f"{self.calls} calls, {self.input_tokens:,} tokens in, {self.output_tokens:,} out, {cost}"


class Spent:
    """An observer of several runs that adds up what they spent. `models` are the names that answered."""

    def __init__(self) -> None:
        self.models: set[str] = set()
        self._paid: list[Mapping[str, object]] = []
        self._offline = 0

    @property
    def total(self) -> Spending:
        """Of real calls; what the offline model composed cost nothing and called nobody."""
        return _sum(self._paid)

    @property
    def offline(self) -> int:
        """How many answers the offline model composed."""
        return self._offline

    def on_facts(self, run: RunInfo, facts: list[Fact]) -> None:
        """Nothing is spent by what happens, only by what is reported."""

    def on_telemetry(self, run: RunInfo, record: Telemetry) -> None:  # noqa: ARG002  # an observer's signature
        """Take what a call reported."""
        if record.type != "usage":
            return
        if record.data.get("model") == OFFLINE:
            self._offline += 1
            return
        self.models.add(str(record.data.get("model") or "unnamed"))
        self._paid.append(record.data)


def paid_model(workflow: AnyWorkflow, settings: Settings, traced: Traced) -> str | None:
    """The model that a run may have to pay for; None where no step that is known of asks for one, or where it
    is the offline model.

    What grows at run time by code may ask for any model, so it counts as asking.
    """
    asks = any(_asks_for_model(step.shape.resources) for step in traced.functions.values())
    if not asks and not any(spec.role is Role.GROW for spec in traced.graph.specs):
        return None
    if settings.model:
        provider = str(settings.model.get("provider", OFFLINE))
        return None if provider == OFFLINE else f"{settings.model.get('model') or 'a model'} ({provider})"
    if "model" in settings.resources:
        return f"what {settings.resources['model']} gives"
    own = workflow.engine.resources.get("model")
    name = getattr(own, "name", type(own).__name__)
    return None if own is None or name == OFFLINE else str(name)


def _asks_for_model(resources: Mapping[str, object]) -> bool:
    return any((getattr(marker, "key", None) or name) == "model" for name, marker in resources.items())


def expected(workflow: str, settings: Settings, state: Path | None = None) -> Spending | None:
    """What the last recorded run of the workflow with this model spent; None where there is none."""
    for path in record_files(state):
        head = head_of(path)
        data = cast("Line", head["data"]) if head is not None else {}
        if data.get("workflow") != workflow or not _is_of(settings, data.get("model")):
            continue
        try:
            recorded = read_record(path)
        except StrettoError:  # a file that cannot be read says nothing about the next run
            continue
        if recorded.usage and recorded.view().status in ("succeeded", "partial"):
            return _sum(recorded.usage)
    return None


def _is_of(settings: Settings, model: object) -> bool:
    said = model if isinstance(model, dict) else {}
    return all(said.get(key) == settings.model.get(key) for key in ("provider", "model"))


def _sum(usage: Iterable[Mapping[str, object]]) -> Spending:
    listed = list(usage)
    costs = [cast("float | None", each.get("cost")) for each in listed]
    known = [cost for cost in costs if cost is not None]
    return Spending(
        len(listed),
        sum(cast("int", each.get("input_tokens", 0)) for each in listed),
        sum(cast("int", each.get("output_tokens", 0)) for each in listed),
        sum(known) if len(known) == len(costs) else None,
    )


def agreed(model: str, each: Spending | None, runs: int, *, is_agreed: bool) -> bool:
    """Say what `runs` runs are expected to spend, and ask. True where it was agreed to.

    Raises InputError where nobody is there to ask.
    """
    _say_expected(model, each, runs)
    if is_agreed:
        return True
    if not sys.stdin.isatty():
        raise InputError(
            f"{runs} runs may spend money on {model}, and nobody is there to ask (stdin is no terminal). "
            "Add --yes to agree, or choose the offline model."
        )
    sys.stderr.write(f"Run it {runs} times? [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _say_expected(model: str, each: Spending | None, runs: int) -> None:
    from stretto.service.cli.words import warn

    warn(f"The steps ask {model}.")
    if each is None:
        warn("What one run spends is unknown: none of this workflow with this model is recorded here.")
    else:
        warn(f"Expected, as in the last recorded run (estimate): {each} a run;")
        warn(f"  for {runs} runs: {each.times(runs)}")
