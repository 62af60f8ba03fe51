"""One by one against dataflow, measured against a provider on this machine that is as slow as a real one.

python examples/cocktail/latencies.py [SCALE]      # 1 waits the real seconds, 0.1 a tenth of them

The provider is simulated, and its latencies are set; everything else is real: HTTP, the steps, the clock.
"""

from __future__ import annotations

import asyncio
import sys

from stretto import Engine, RunResult
from stretto.models import Fault, OpenAICompatibleModel, Script, running_fake_provider
from stretto_apps.cocktail import Menu, cocktail

CABINET = ["gin", "campari", "sweet vermouth"]
LATENCIES = {
    "Choose the drink": 1.9,
    "A colleague chose": 3.0,
    "Write the recipe": 1.8,
    "Advise on": 1.7,
}  # seconds


def slow(scale: float) -> Script:
    """A provider that takes so many times these seconds."""
    return Script(
        faults=tuple(
            Fault("slow", task, times=None, seconds=scale * took) for task, took in LATENCIES.items()
        )
    )


async def measured(base_url: str, mode: str, *, one_by_one: bool) -> RunResult[Menu]:
    """One run; its connections are closed after it."""
    model = OpenAICompatibleModel(base_url=base_url, model="simulated")
    runs = cocktail.with_options(engine=Engine(resources={"model": model}), sequential=one_by_one)
    try:
        return await runs.arun(CABINET, mode=mode)  # type: ignore[arg-type]  # a text that is one of the modes
    finally:
        await model.aclose()


def stage(result: RunResult[Menu]) -> float:
    """Seconds from the pick until recipe and advice were both there."""
    begun, ended = result.steps["write_recipe"].ready_at, result.steps["merge"].ready_at
    return (ended or 0.0) - (begun or 0.0)


def shortest(mode: str, scale: float) -> float:
    """The critical path of the latencies that were set: all calls but the advice, which fits beside them."""
    calls = ["Choose the drink", "Write the recipe", *(["A colleague chose"] if mode == "full" else [])]
    return scale * sum(LATENCIES[call] for call in calls)


def main() -> None:
    """Measure both modes and print a table."""
    scale = float(sys.argv[1]) if len(sys.argv) > 1 else 1.0
    print(f"simulated provider, latencies x {scale:g}; seconds, all measured but the critical path,")
    print("which is that of the latencies set: no run can be shorter")
    print("mode  one by one  dataflow  critical path  over it    recipe stage  equal")
    with running_fake_provider(slow(scale)) as provider:
        asyncio.run(
            measured(provider.base_url, "fast", one_by_one=False)
        )  # the first run loads the libraries
        for mode in ("fast", "full"):
            alone = asyncio.run(measured(provider.base_url, mode, one_by_one=True))
            together = asyncio.run(measured(provider.base_url, mode, one_by_one=False))
            path, actual = shortest(mode, scale), together.timing.makespan
            print(
                f"{mode}  {alone.timing.makespan:10.3f}  {actual:8.3f}  {path:13.3f}  {actual / path - 1:7.2%}"
                f"  {stage(alone):.3f} → {stage(together):.3f}  {alone.value == together.value}"
            )


if __name__ == "__main__":
    main()
