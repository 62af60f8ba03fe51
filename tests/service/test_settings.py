"""`service/settings.py`: where settings come from, which wins, and what is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from stretto.errors import ConfigError
from stretto.service.settings import Settings, load_settings

if TYPE_CHECKING:
    from pathlib import Path

TOML = """
max_concurrency = 4
on_failure = "fail_fast"
grace = 2
store = "memory"
[limits]
openai = 8
my-pool = 2
[resources]
client = "shop.clients:make"
[model]
provider = "openai-compatible"
base_url = "http://127.0.0.1:1/v1"
model = "m"
api_key_env = "KEY"
timeout = 12.5
input_price = 0.5
output_price = 2
"""


def settings(folder: Path, **env: str) -> Settings:
    """The settings in a folder, with these variables."""
    return load_settings(env, folder)


def refused(folder: Path, **env: str) -> str:
    """The text of the refusal."""
    with pytest.raises(ConfigError) as caught:
        load_settings(env, folder)
    return str(caught.value)


def test_nothing_set(tmp_path: Path) -> None:
    """Without files and variables everything is at its default."""
    assert settings(tmp_path) == Settings()


def test_every_key(tmp_path: Path) -> None:
    """All known keys are read, with their types, and each knows where it came from."""
    (tmp_path / "stretto.toml").write_text(TOML)
    found = settings(tmp_path)
    assert (found.max_concurrency, found.on_failure, found.grace, found.store) == (
        4,
        "fail_fast",
        2.0,
        "memory",
    )
    assert found.limits == {"openai": 8, "my-pool": 2}
    assert found.resources == {"client": "shop.clients:make"}
    assert found.model["timeout"] == 12.5
    assert set(found.model) == {
        "provider", "base_url", "model", "api_key_env", "timeout", "input_price", "output_price",
    }  # fmt: skip
    assert found.origins["model.timeout"] == "stretto.toml"


def test_who_wins(tmp_path: Path) -> None:
    """Variables before stretto.toml before pyproject.toml, key by key."""
    plain = 'max_concurrency = 1\ngrace = 1\non_failure = "drain"\n'
    limits = "[tool.stretto.limits]\na = 1\nb = 1\n"
    (tmp_path / "pyproject.toml").write_text(f"[tool.stretto]\n{plain}{limits}")
    (tmp_path / "stretto.toml").write_text("max_concurrency = 2\ngrace = 2\n[limits]\na = 2\n")
    found = settings(tmp_path, STRETTO_MAX_CONCURRENCY="3")
    assert (found.max_concurrency, found.grace, found.on_failure) == (3, 2, "drain")
    assert found.limits == {"a": 2, "b": 1}
    assert found.origins == {
        "max_concurrency": "the environment variable STRETTO_MAX_CONCURRENCY",
        "grace": "stretto.toml",
        "on_failure": "pyproject.toml [tool.stretto]",
        "limits.a": "stretto.toml",
        "limits.b": "pyproject.toml [tool.stretto]",
    }


def test_files_are_looked_for_upwards(tmp_path: Path) -> None:
    """The nearest file of each kind holds; a project without settings of ours is none."""
    (tmp_path / "stretto.toml").write_text("grace = 7")
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    (tmp_path / "a" / "pyproject.toml").write_text('[project]\nname = "x"')
    assert settings(below).grace == 7
    (tmp_path / "a" / "stretto.toml").write_text("")
    assert settings(below).grace is None


def test_variables_of_tables(tmp_path: Path) -> None:
    """Nested keys have their table in the variable's name; a name with a dash is found again."""
    (tmp_path / "stretto.toml").write_text("[limits]\nmy-pool = 2")
    found = settings(
        tmp_path,
        STRETTO_MODEL_BASE_URL="http://127.0.0.1:1",
        STRETTO_MODEL_TIMEOUT="3",
        STRETTO_LIMITS_MY_POOL="9",
        STRETTO_LIMITS_OTHER="1",
        STRETTO_HOME="/somewhere",
        OTHER="x",
    )
    assert found.model == {"base_url": "http://127.0.0.1:1", "timeout": 3.0}
    assert found.limits == {"my-pool": 9, "other": 1}


def test_an_unknown_key(tmp_path: Path) -> None:
    """It is named with its file, what was meant, and what is known."""
    (tmp_path / "stretto.toml").write_text("max_concurency = 2")
    text = refused(tmp_path)
    assert text.startswith(
        "stretto.toml: there is no setting `max_concurency`. Did you mean `max_concurrency`?"
    )
    assert "Known: max_concurrency, on_failure," in text
    (tmp_path / "stretto.toml").write_text('[model]\nmodle = "x"')
    assert "Did you mean `model.model`?" in refused(tmp_path)


def test_an_unknown_variable(tmp_path: Path) -> None:
    """A misspelled variable is not passed over either."""
    text = refused(tmp_path, STRETTO_GRCE="2")
    assert "the environment variable STRETTO_GRCE: there is no setting `grce`. Did you mean `grace`?" in text


@pytest.mark.parametrize(
    ("line", "expects"),
    [
        ("max_concurrency = 0", "`max_concurrency` is 0; give a whole number, 1 or more."),
        ("max_concurrency = true", "`max_concurrency` is True; give a whole number, 1 or more."),
        ("max_concurrency = 2.5", "`max_concurrency` is 2.5; give a whole number, 1 or more."),
        ('on_failure = "explode"', '`on_failure` is \'explode\'; give "drain", "fail_fast" or "continue".'),
        ("grace = -1", "`grace` is -1; give seconds, 0 or more."),
        ("grace = inf", "`grace` is inf; give seconds, 0 or more."),
        ("grace = [1]", "`grace` is [1]; give seconds, 0 or more."),
        ('store = ""', "`store` is ''; give a text that is not empty."),
        ("[limits]\nx = 0", "`limits.x` is 0; give how many may run at once: a whole number, 1 or more."),
        ("[model]\ntimeout = 0", "`model.timeout` is 0; give seconds above 0."),
        ("[model]\nmodel = 5", "`model.model` is 5; give a text that is not empty."),
        (
            "[model]\ninput_price = -1",
            "`model.input_price` is -1; give US dollars a million tokens, 0 or more.",
        ),
        ('[resources]\nx = "nocolon"', "`resources.x` is 'nocolon'; give a factory as \"module:factory\"."),
        ("limits = 3", "`limits` is a table: write `[limits]` and its keys below."),
    ],
)
def test_wrong_values(tmp_path: Path, line: str, expects: str) -> None:
    """A wrong value is told with its file, its key, and what would do."""
    (tmp_path / "stretto.toml").write_text(line)
    assert refused(tmp_path) == f"stretto.toml: {expects}"


def test_a_variable_that_is_no_number(tmp_path: Path) -> None:
    """Texts from the environment are read by the key's rule."""
    assert "STRETTO_GRACE: `grace` is 'soon'; give seconds" in refused(tmp_path, STRETTO_GRACE="soon")
    assert "`max_concurrency` is 'two'" in refused(tmp_path, STRETTO_MAX_CONCURRENCY="two")


def test_a_file_that_is_not_toml(tmp_path: Path) -> None:
    """The place of the mistake is told."""
    (tmp_path / "stretto.toml").write_text("grace = = 2")
    text = refused(tmp_path)
    assert text.startswith("stretto.toml: not TOML:")
    assert "line 1, column 9" in text
    (tmp_path / "stretto.toml").write_bytes(b"\xff\xfe")
    assert "must be UTF-8" in refused(tmp_path)


def test_a_tool_entry_that_is_no_table(tmp_path: Path) -> None:
    """`tool.stretto` holds keys."""
    (tmp_path / "pyproject.toml").write_text("[tool]\nstretto = 3")
    assert "pyproject.toml [tool.stretto]: it must be a table" in refused(tmp_path)
