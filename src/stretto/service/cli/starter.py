"""What ``stretto init`` writes: a workflow to change, and settings to uncomment. `NAME` is the workflow's."""

from __future__ import annotations

from typing import Final

__all__ = ["FLOW", "SETTINGS"]

FLOW: Final = '''"""A first workflow: find sources on a topic, read them, write a digest for somebody.

No model and no network is used: each step sleeps about as long as a real call would
take. These latencies are simulated. Put your own calls in their place; the wiring at
the bottom stays.
"""

import asyncio

from stretto import step, workflow


@step
async def find_sources(topic: str, count: int) -> list[str]:
    await asyncio.sleep(0.2)  # simulated: a search
    return [f"{topic}, source {number}" for number in range(1, count + 1)]


# An attempt that fails, or takes longer than 10 s, is repeated: three in all.
@step(timeout=10, retry=3)
async def read_source(source: str) -> str:
    await asyncio.sleep(0.3)  # simulated: fetch a page, have a model sum it up
    return f"notes on {source}"


@step
async def describe_reader(reader: str) -> str:
    await asyncio.sleep(0.4)  # simulated: a model call
    return f"what {reader} wants to know"


# If it fails, the run goes on with the default, and ends as `partial`.
@step(optional=True, default="no picture")
async def draw_cover(topic: str) -> str:
    await asyncio.sleep(0.5)  # simulated: an image model
    return f"a picture of {topic}"


@step
async def write_digest(notes: list[str], wanted: str) -> str:
    await asyncio.sleep(0.3)  # simulated: a model call
    return f"{wanted}, from {len(notes)} notes"


# Glue: plain Python that takes no time.
@step(inline=True)
def bind(text: str, cover: str) -> dict[str, str]:
    return {"text": text, "cover": cover}


# The body runs once, to wire the steps together. What a call gives stands for a result
# that will come; passing it to a step is what makes that step wait.
@workflow(within=60)
def NAME(
    topic: str = "green tea", reader: str = "a beginner", sources: int = 4
) -> dict[str, str]:
    found = find_sources(topic, sources)
    notes = read_source.map(found)  # one use a source, all of them at once
    wanted = describe_reader(reader)  # needs nothing from above: starts at once
    cover = draw_cover(topic)  # so does this
    text = write_digest(notes, wanted)
    return bind(text, cover)
'''

SETTINGS: Final = """# Settings of `stretto` in this folder and below. None is needed: uncomment what you like.
# A flag of the command line comes before a variable STRETTO_…, that before this file.
# `stretto config show` says what holds and where it came from.

# max_concurrency = 8        # at most so many steps at once
# on_failure = "drain"       # or "fail_fast" (cancel what runs), "continue" (run what does not need the failed step)
# grace = 5                  # seconds a cancelled step may take to end

# [limits]                   # named permits, shared by all runs of a process: @step(limit="search")
# search = 4

# [model]                    # what steps get that ask for `model: Model = from_engine()`
# provider = "openai-compatible"
# base_url = "http://127.0.0.1:8000/v1"
# model = "my-model"
# api_key_env = "MY_API_KEY" # the variable that holds the key; the key itself is never a setting

# [resources]                # other live objects for from_engine() parameters: name = "module:function"
# client = "my_clients:make_client"
"""
