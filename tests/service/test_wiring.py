"""`service/wiring.py`: from settings to an engine."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from stretto import Engine
from stretto.errors import ConfigError
from stretto.models import OfflineModel, OpenAICompatibleModel
from stretto.service.settings import Settings
from stretto.service.wiring import wire

if TYPE_CHECKING:
    from pathlib import Path

REMOTE = {"provider": "openai-compatible", "base_url": "http://127.0.0.1:9/v1", "model": "m"}


def test_without_settings_the_engine_is_as_it_comes() -> None:
    """No setting, no difference – and no model that would push a step's own default aside."""
    wired = wire(Settings())
    plain = Engine()
    assert (wired.engine.max_concurrency, wired.engine.on_failure, wired.engine.grace) == (
        plain.max_concurrency,
        plain.on_failure,
        plain.grace,
    )
    assert wired.engine.resources == {}
    assert wired.model is None


def test_settings_come_before_the_workflows_own_engine() -> None:
    """What the settings say wins, what they leave open stays the author's."""
    own = Engine(
        limits={"a": 1, "b": 1},
        resources={"x": "own", "model": "own"},
        max_concurrency=7,
        grace=3,
        on_failure="fail_fast",
    )
    kept = wire(Settings(), own=own).engine
    assert (kept.limits, kept.resources) == ({"a": 1, "b": 1}, {"x": "own", "model": "own"})
    assert (kept.max_concurrency, kept.grace, kept.on_failure) == (7, 3, "fail_fast")
    changed = wire(
        Settings(
            limits={"a": 5}, max_concurrency=2, grace=0, on_failure="drain", model={"provider": "offline"}
        ),
        own=own,
    ).engine
    assert (changed.limits, changed.resources["x"]) == ({"a": 5, "b": 1}, "own")
    assert isinstance(changed.resources["model"], OfflineModel)
    assert (changed.max_concurrency, changed.grace, changed.on_failure) == (2, 0, "drain")


def test_a_chosen_provider_is_the_one_used() -> None:
    """The model is the named provider's, never the offline one in its place."""
    assert isinstance(wire(Settings(model=REMOTE)).model, OpenAICompatibleModel)


def test_a_provider_that_lacks_something_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing key or an unknown name is told with the file it was set in; nothing falls back."""
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    origins = {"model.provider": "stretto.toml", "grace": "elsewhere"}
    with pytest.raises(ConfigError, match=r"stretto\.toml: .*needs a key.*OPENAI_API_KEY"):
        wire(Settings(model={"provider": "openai", "model": "m"}, origins=origins))
    with pytest.raises(ConfigError, match=r"There is no model provider 'opnai'\. Known: offline, openai"):
        wire(Settings(model={"provider": "opnai"}))


def test_stores() -> None:
    """A run without a store ends with its process; a URL that names none is told with what exists."""
    with pytest.raises(ConfigError, match="This engine has no store"):
        _ = wire(Settings(store="memory")).engine.runs
    with pytest.raises(
        ConfigError, match=r"stretto\.toml: There is no store 'redis'. Known: memory, sqlite:///PATH"
    ):
        wire(Settings(store="redis", origins={"store": "stretto.toml"}))


def test_resources_are_made_by_their_factories(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``module:factory`` is found from the working directory and called without arguments."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "wired_clients.py").write_text("def make():\n    return ['client']\n")
    assert wire(Settings(resources={"client": "wired_clients:make"})).engine.resources["client"] == ["client"]


@pytest.mark.parametrize("factory", ["no_such_module_here:make", "json:nothing", "json:loads"])
def test_a_factory_that_fails_is_told_with_its_setting(factory: str) -> None:
    """A module, name or call that fails is the setting's mistake."""
    settings = Settings(resources={"client": factory}, origins={"resources.client": "stretto.toml"})
    with pytest.raises(ConfigError, match=rf"stretto\.toml: resource `client` = '{factory}' gave \w+Error"):
        wire(settings)
