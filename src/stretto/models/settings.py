"""Which model to use: `ModelSettings`, and `open_model`, which takes it at its word and never falls back."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

from stretto.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stretto.models.contract import Model

__all__ = ["PROVIDERS", "ModelSettings", "open_model"]

OPENAI_URL = "https://api.openai.com/v1"
PROVIDERS = ("offline", "openai", "openai-compatible")


class ModelSettings(BaseModel):
    """How to reach a language model. The key itself is never a setting: `api_key_env` names its variable."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    provider: str = Field(default="offline", description="offline, openai or openai-compatible")
    model: str | None = Field(default=None, description="the model's name at the provider")
    base_url: str | None = Field(
        default=None, description="where chat/completions lies, e.g. https://host/v1"
    )
    api_key_env: str = Field(
        default="OPENAI_API_KEY", description="the environment variable that holds the key"
    )
    timeout: float = Field(default=60.0, gt=0, description="seconds for a whole reply")
    max_output_tokens: int | None = Field(default=None, ge=1, description="tokens of a reply at most")
    input_price: float | None = Field(default=None, ge=0, description="US dollars a million input tokens")
    output_price: float | None = Field(default=None, ge=0, description="US dollars a million output tokens")


def open_model(settings: ModelSettings, env: Mapping[str, str] | None = None) -> Model:
    """The model that `settings` name, ready to be asked; nothing is connected yet.

    `env` (default: the process's environment) holds the key. Raises `ConfigError` for an unknown provider and
    for whatever the chosen one still needs; a real provider is never replaced by the offline model.
    """
    if settings.provider == "offline":
        from stretto.models.offline import OfflineModel

        return OfflineModel()
    if settings.provider not in PROVIDERS:
        raise ConfigError(f"There is no model provider {settings.provider!r}. Known: {', '.join(PROVIDERS)}.")
    return _open_remote(settings, os.environ if env is None else env)


def _open_remote(settings: ModelSettings, env: Mapping[str, str]) -> Model:
    from stretto.models.openai_compatible import OpenAICompatibleModel, is_loopback  # loads httpx2

    base_url = settings.base_url or (OPENAI_URL if settings.provider == "openai" else None)
    if base_url is None:
        raise _needs(settings, "base_url", "the provider's address, e.g. https://host/v1")
    if not settings.model:
        raise _needs(settings, "model", "the model's name at the provider")
    key = env.get(settings.api_key_env, "").strip()
    if not key and not is_loopback(base_url):
        raise ConfigError(
            f"Model provider {settings.provider!r} needs a key: set the environment variable "
            f"{_variable(settings.api_key_env)}, or name another one in the setting `api_key_env`."
        )
    return OpenAICompatibleModel(
        base_url=base_url,
        model=settings.model,
        api_key=key,
        timeout=settings.timeout,
        prices=_prices(settings),
        max_output=settings.max_output_tokens,
        # Its newer models refuse the field that all others know.
        output_field="max_completion_tokens" if settings.provider == "openai" else "max_tokens",
    )


def _variable(name: str) -> str:
    """The variable's name; a key that was put in its place by mistake is not shown."""
    is_name = name.replace("_", "").isalnum() and name == name.upper() and len(name) < 64
    return name if is_name else "that `api_key_env` names (what stands there now is no variable's name)"


def _needs(settings: ModelSettings, name: str, meaning: str) -> ConfigError:
    return ConfigError(f"Model provider {settings.provider!r} needs the setting `{name}`: {meaning}.")


def _prices(settings: ModelSettings) -> tuple[float, float] | None:
    given, made = settings.input_price, settings.output_price
    if given is None and made is None:
        return None
    if given is None or made is None:
        raise ConfigError("Prices come in pairs: set both `input_price` and `output_price`, or neither.")
    return given, made
