"""`service/wiring.py`: from settings to an engine."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from stretto import Engine
from stretto.errors import ConfigError, StoreError
from stretto.models import OfflineModel, OpenAICompatibleModel
from stretto.runtime.stores.memory import MemoryStore
from stretto.service.settings import Settings
from stretto.service.wiring import check_store, has_store, store_of, wire

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


def test_how_many_runs_at_once() -> None:
    """The setting wins over the workflow's own engine; without either there is no bound."""
    own = Engine(max_runs=3)
    assert wire(Settings(), own=own).engine.max_runs == 3
    assert wire(Settings(max_runs=2), own=own).engine.max_runs == 2
    assert wire(Settings()).engine.max_runs is None


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


def test_an_engine_gets_the_store_it_is_given() -> None:
    """Runs are journaled there; without one they end with their process, whatever the settings say."""
    store = MemoryStore()
    wired = wire(Settings(), store=store)
    assert wired.store is store
    assert wired.engine.store is store
    assert wire(Settings(), own=Engine(store=store)).engine.store is None


def test_which_store_is_meant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is set, else the workflow's own, else the file in the state folder; memory is none at all."""
    monkeypatch.setenv("STRETTO_HOME", str(tmp_path / "home"))
    own = Engine(store=MemoryStore())
    assert store_of(Settings(), own) is own.store
    assert store_of(Settings(store="memory", origins={"store": "--store"}), own) is None
    assert store_of(Settings(store="memory")) is None
    assert not (tmp_path / "home").exists()
    store = store_of(Settings(), Engine())
    assert store is not None
    store.close()
    assert (tmp_path / "home" / "stretto.db").is_file()


def test_the_folder_of_the_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Made for its owner's eyes and ignored by git; one that was there keeps its ways; one that cannot be made is
    told with the way out."""
    home = tmp_path / "home"
    monkeypatch.setenv("STRETTO_HOME", str(home))
    assert not has_store(Settings())
    store_of(Settings()).close()  # type: ignore[union-attr]  # it is there
    assert has_store(Settings())
    assert (home.stat().st_mode & 0o777, (home / ".gitignore").read_text()) == (0o700, "*\n")
    (there := tmp_path / "there").mkdir(mode=0o755)
    monkeypatch.setenv("STRETTO_HOME", str(there))
    store_of(Settings()).close()  # type: ignore[union-attr]  # as above
    assert not (there / ".gitignore").exists()
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("STRETTO_HOME", str(tmp_path / "file" / "home"))
    with pytest.raises(StoreError, match=r"cannot be made: .*STRETTO_HOME, or run with --store memory"):
        store_of(Settings())


def test_a_store_that_there_is_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A URL that names none is told with its origin and what exists; looking whether one is right makes no file."""
    wrong = Settings(store="redis", origins={"store": "stretto.toml"})
    for look in (store_of, check_store):
        with pytest.raises(
            ConfigError, match=r"stretto\.toml: There is no store 'redis'. Known: memory, sqlite:///PATH"
        ):
            look(wrong)
    monkeypatch.setenv("STRETTO_HOME", str(tmp_path / "home"))
    check_store(Settings())
    assert not (tmp_path / "home").exists()


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
