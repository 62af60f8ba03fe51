"""`models/settings.py` and the package: a provider is chosen by name, and nothing falls back."""

from __future__ import annotations

import subprocess
import sys

import pytest
from pydantic import ValidationError

import stretto.models
from stretto.errors import ConfigError
from stretto.models import ModelSettings, OfflineModel, OpenAICompatibleModel, open_model

KEY = {"OPENAI_API_KEY": "sk-test"}


def test_the_default_is_offline() -> None:
    """Without settings nothing leaves the machine."""
    assert isinstance(open_model(ModelSettings(), {}), OfflineModel)


def test_a_named_provider_is_opened_as_told() -> None:
    """OpenAI's address is known; a compatible one brings its own. The key is in no repr."""
    model = open_model(ModelSettings(provider="openai", model="gpt-x"), KEY)
    assert isinstance(model, OpenAICompatibleModel)
    assert repr(model) == "OpenAICompatibleModel(base_url='https://api.openai.com/v1', model='gpt-x')"
    settings = ModelSettings(
        provider="openai-compatible",
        model="m",
        base_url="https://host/v1/",
        api_key_env="K",
        input_price=1,
        output_price=2,
    )
    assert "https://host/v1'" in repr(open_model(settings, {"K": "secret"}))


def test_a_server_on_this_machine_needs_no_key() -> None:
    """Local servers seldom ask for one."""
    settings = ModelSettings(provider="openai-compatible", model="m", base_url="http://localhost:8000/v1")
    assert open_model(settings, {}).name == "m"


@pytest.mark.parametrize(
    ("given", "env", "said"),
    [
        ({"provider": "opnai"}, KEY, "no model provider 'opnai'. Known: offline, openai, openai-compatible"),
        ({"provider": "openai"}, KEY, "'openai' needs the setting `model`"),
        ({"provider": "openai", "model": "m"}, {}, "OPENAI_API_KEY.*`api_key_env`"),
        ({"provider": "openai", "model": "m"}, {"OPENAI_API_KEY": " "}, "OPENAI_API_KEY"),
        ({"provider": "openai-compatible", "model": "m"}, KEY, "needs the setting `base_url`"),
        ({"provider": "openai-compatible", "model": "m", "base_url": "host/v1"}, KEY, "not a web address"),
        (
            {"provider": "openai-compatible", "model": "m", "base_url": "https://u:p@h/v1"},
            KEY,
            "user or password",
        ),
        ({"provider": "openai", "model": "m", "input_price": 1}, KEY, "come in pairs"),
        ({"provider": "openai", "model": "m"}, {"OPENAI_API_KEY": "sk\nsecret"}, "characters no key has"),
    ],
)
def test_what_a_real_provider_lacks_is_said(given: dict[str, object], env: dict[str, str], said: str) -> None:
    """An error names the setting or variable to set; it never shows a key and never becomes offline."""
    with pytest.raises(ConfigError, match=said) as caught:
        open_model(ModelSettings.model_validate(given), env)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("given", [{"timeout": 0}, {"input_price": -1}, {"modle": "m"}])
def test_settings_are_checked(given: dict[str, object]) -> None:
    """Wrong values and unknown names are refused."""
    with pytest.raises(ValidationError):
        ModelSettings.model_validate(given)


def test_every_public_name_exists() -> None:
    """`__all__` is true, and an unknown name is an attribute error."""
    for name in stretto.models.__all__:
        assert getattr(stretto.models, name) is not None
    with pytest.raises(AttributeError, match="nothing_here"):
        _ = stretto.models.nothing_here  # type: ignore[attr-defined]


def test_importing_the_package_is_light() -> None:
    """Neither pydantic, httpx2 nor asyncio is loaded before a name that needs it; prompts need none."""
    code = (
        "import sys, stretto.models; stretto.models.Prompt('t'); stretto.models.compose([]);"
        "print(sorted({'pydantic', 'httpx2', 'asyncio'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
