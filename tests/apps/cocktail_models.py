"""A bartender's model for tests: the offline one, with the latencies, faults and changes a test wants."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from stretto import Engine, RunResult
from stretto.models import OfflineModel, Reply
from stretto.testing import run_virtual
from stretto_apps.cocktail import Menu, cocktail

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    from pydantic import BaseModel

    from stretto import Workflow
    from stretto.models import Prompt

__all__ = ["CABINET", "LATENCIES", "Call", "TimedModel", "chosen", "ran"]

CABINET = ["gin", "campari", "sweet vermouth"]
# Seconds of the original's calls: fast mode 5.4 one by one, full mode 8.4, the recipe stage 3.5.
LATENCIES = {"choose": 1.9, "again": 3.0, "recipe": 1.8, "advice": 1.7}
TASKS = {"Choose ": "choose", "A colleague": "again", "Write the recipe": "recipe", "Advise ": "advice"}


@dataclass
class Call:
    """One question and how it ended: answered, failed or cancelled. Instants are the loop's."""

    kind: str
    begun: float
    ended: float | None = None
    how: str = "under way"


@dataclass
class TimedModel:
    """The offline model, slow as told. `faults` raise after the latency; `changes` replace fields of an answer."""

    latencies: Mapping[str, float] = field(default_factory=lambda: LATENCIES)
    faults: Mapping[str, Exception] = field(default_factory=dict)
    changes: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)
    prompts: list[Prompt] = field(default_factory=list)
    name: str = "offline"

    async def ask(self, prompt: Prompt, answer: type[BaseModel]) -> Reply[BaseModel]:
        """The offline answer, after its latency."""
        kind = next(kind for start, kind in TASKS.items() if prompt.task.startswith(start))
        now = asyncio.get_running_loop().time
        call = Call(kind, now())
        self.calls.append(call)
        self.prompts.append(prompt)
        try:
            await asyncio.sleep(self.latencies.get(kind, 0.0))
            if kind in self.faults:
                call.how = "failed"
                raise self.faults[kind]
            reply = await OfflineModel().ask(prompt, answer)
            call.how = "answered"
        except asyncio.CancelledError:
            call.how = "cancelled"
            raise
        finally:
            call.ended = now()
        value = reply.value.model_copy(update=dict(self.changes.get(kind, {})))
        return Reply(value, reply.text, self.name, reply.usage)

    async def write(self, prompt: Prompt) -> Reply[str]:
        """Never asked."""
        raise NotImplementedError

    def stream(self, prompt: Prompt) -> AsyncIterator[str]:
        """Never asked."""
        raise NotImplementedError

    async def aclose(self) -> None:
        """Nothing to close."""

    def of(self, kind: str) -> list[Call]:
        """The calls of one kind, in order."""
        return [call for call in self.calls if call.kind == kind]


def chosen(model: object, **options: object) -> Workflow[..., Menu]:
    """The workflow on an engine of its own with this model; the jitter of retries is always the same."""
    engine = Engine(resources={"model": model}, seed=1)
    return cocktail.with_options(engine=engine, **options)


def ran(
    model: object | None = None,
    *,
    after: Callable[[], None] | None = None,
    workflow: Workflow[..., Menu] | None = None,
    cabinet: list[str] | None = None,
    **inputs: object,
) -> RunResult[Menu]:
    """A finished run in virtual time, whatever its status; the loop then goes on for an hour."""

    async def whole() -> RunResult[Menu]:
        runs = workflow or chosen(model or TimedModel())
        result = await runs.aresult(CABINET if cabinet is None else cabinet, **inputs)
        if after is not None:
            after()
        await asyncio.sleep(3600)
        return result

    return run_virtual(whole())
