"""One small door to language models: `offline`, and any provider that speaks chat completions.

Names are loaded when first used, so that importing this package loads neither pydantic, httpx2 nor asyncio.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stretto.models.composer import compose
    from stretto.models.contract import Model, Prompt, Reply, Usage
    from stretto.models.fake_provider import FakeProvider, running_fake_provider
    from stretto.models.fake_provider.script import Fault, Latency, ReplyEdit, Script
    from stretto.models.offline import OfflineModel
    from stretto.models.openai_compatible import OpenAICompatibleModel
    from stretto.models.settings import PROVIDERS, ModelSettings, open_model

__all__ = [
    "PROVIDERS",
    "FakeProvider",
    "Fault",
    "Latency",
    "Model",
    "ModelSettings",
    "OfflineModel",
    "OpenAICompatibleModel",
    "Prompt",
    "Reply",
    "ReplyEdit",
    "Script",
    "Usage",
    "compose",
    "open_model",
    "running_fake_provider",
]

_HOMES = {
    "compose": "composer",
    "FakeProvider": "fake_provider",
    "Fault": "fake_provider.script",
    "Latency": "fake_provider.script",
    "Model": "contract",
    "ModelSettings": "settings",
    "OfflineModel": "offline",
    "OpenAICompatibleModel": "openai_compatible",
    "PROVIDERS": "settings",
    "Prompt": "contract",
    "Reply": "contract",
    "ReplyEdit": "fake_provider.script",
    "Script": "fake_provider.script",
    "Usage": "contract",
    "open_model": "settings",
    "running_fake_provider": "fake_provider",
}


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(f"{__name__}.{home}"), name)
    globals()[name] = value
    return value
