"""The key of sealed stores, as settings and `stretto doctor` see it."""

from __future__ import annotations

import base64
import os
from typing import TYPE_CHECKING

import pytest

from stretto.errors import ConfigError, StoreError
from stretto.runtime.stores.sealed import SealedStore
from stretto.runtime.stores.sqlite import SqliteStore
from stretto.service.checkup import Level, key_check, settings_checks
from stretto.service.settings import Settings, load_settings
from stretto.service.wiring import store_of

if TYPE_CHECKING:
    from pathlib import Path

KEY = base64.b64encode(bytes(range(32))).decode()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in os.environ:
        if name.startswith("STRETTO_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("STRETTO_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_default_store_is_sealed_with_the_key(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By STRETTO_KEY, or by the variable that `key_env` names; without either it is not."""
    for variable, settings in (("STRETTO_KEY", Settings()), ("MY_KEY", Settings(key_env="MY_KEY"))):
        plain = store_of(settings)
        monkeypatch.setenv(variable, KEY)
        sealed = store_of(settings)
        assert isinstance(plain, SqliteStore)
        assert isinstance(sealed, SealedStore)
        plain.close()
        sealed.close()
        monkeypatch.delenv(variable)


def test_the_key_itself_is_no_setting(home: Path) -> None:
    """STRETTO_KEY is not looked for among the settings; a key in place of its variable's name is not shown."""
    assert load_settings({"STRETTO_KEY": KEY}, home) == load_settings({}, home)
    assert load_settings({"STRETTO_KEY_ENV": "MY_KEY"}, home).key_env == "MY_KEY"
    for wrong in (KEY, "not a name", "a" * 41):
        with pytest.raises(
            ConfigError, match="`key_env` is not shown; give the name of an environment"
        ) as told:
            load_settings({"STRETTO_KEY_ENV": wrong}, home)
        assert wrong not in str(told.value)


def test_what_the_doctor_says() -> None:
    """Set, not set, and no key; never the key."""
    assert "STRETTO_KEY is not set" in key_check(Settings(), {}).said
    fine = key_check(Settings(), {"STRETTO_KEY": KEY})
    assert (fine.level, KEY in fine.said) == (Level.OK, False)
    wrong = key_check(Settings(key_env="MY_KEY"), {"MY_KEY": "hunter2"})
    assert (wrong.level, "MY_KEY is no key" in wrong.said, "hunter2" in wrong.said) == (
        Level.PROBLEM,
        True,
        False,
    )


def test_a_store_with_another_key_is_a_problem(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The doctor tells it instead of failing."""
    from runtime.store_helpers import new_run

    store = SealedStore(SqliteStore(home / "runs.db"), bytes(32))
    store.create(new_run())
    store.close()
    (home / "stretto.toml").write_text('store = "runs.db"\n')
    monkeypatch.setenv("STRETTO_KEY", KEY)
    with pytest.raises(StoreError, match="another key"):
        store_of(load_settings())
    settings, (finding, *_) = settings_checks()
    assert (settings, finding.level) == (None, Level.PROBLEM)
    assert "another key" in finding.said
