"""``stretto config show``: values, their origins, and what is never shown."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from stretto.api.engine import DEFAULT_PERMITS

if TYPE_CHECKING:
    from service.conftest import Cli

Rows = dict[str, dict[str, object]]


def rows(cli: Cli) -> Rows:
    """The settings as data, by key."""
    done = cli.run("config", "show", "--json")
    assert (done.code, done.err) == (0, "")
    return {each["key"]: each for each in map(json.loads, done.out.splitlines())}


def told(cli: Cli, key: str) -> str:
    """The line about one key, its blanks single."""
    (line,) = [line for line in cli.run("config", "show").out.splitlines() if line.split()[:1] == [key]]
    return " ".join(line.split())


def test_nothing_set(cli: Cli) -> None:
    """Every setting is listed with what holds, and all of it is the default."""
    found = rows(cli)
    assert {row["from"] for row in found.values()} == {"default"}
    assert (found["max_concurrency"]["value"], found["grace"]["value"]) == (DEFAULT_PERMITS, 5.0)
    assert (found["on_failure"]["value"], found["store"]["value"]) == ("drain", "sqlite")
    assert found["home"]["value"] == ".stretto"
    assert [found[f"model.{name}"]["value"] for name in ("provider", "model", "timeout")] == [None] * 3
    assert told(cli, "model.provider") == "model.provider – default"


def test_each_origin(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable by its name, a file by its name and the key's line, seen from here."""
    cli.write(
        "pyproject.toml", '[tool.stretto]\ngrace = 1\non_failure = "fail_fast"\n[tool.stretto.limits]\na = 2'
    )
    cli.write("stretto.toml", "# mine\ngrace = 2.5\nmax_concurrency = 7\n")
    monkeypatch.setenv("STRETTO_MAX_CONCURRENCY", "9")
    monkeypatch.setenv("STRETTO_HOME", "elsewhere")
    found = rows(cli)
    assert {key: (row["value"], row["from"], row["place"]) for key, row in found.items() if row["place"]} == {
        "max_concurrency": (9, "environment", "STRETTO_MAX_CONCURRENCY"),
        "grace": (2.5, "stretto.toml", "stretto.toml:2"),
        "on_failure": ("fail_fast", "pyproject.toml", "pyproject.toml:3"),
        "limits.a": (2, "pyproject.toml", "pyproject.toml:5"),
        "home": ("elsewhere", "environment", "STRETTO_HOME"),
    }
    assert told(cli, "grace") == "grace 2.5 stretto.toml:2"
    below = cli.folder / "below"
    below.mkdir()
    monkeypatch.chdir(below)
    assert told(cli, "grace") == "grace 2.5 ../stretto.toml:2"


def test_a_key_without_a_plain_line(cli: Cli) -> None:
    """Where a key's line is doubtful the file alone is named."""
    cli.write("stretto.toml", 'store = """\\\ngrace = 1\\\nmemory"""\ngrace = 2')
    assert told(cli, "grace") == "grace 2 stretto.toml"


def test_what_else_could_set_it(cli: Cli) -> None:
    """Each key says its variable, and the option of `run` that comes before everything."""
    found = rows(cli)
    assert found["max_concurrency"]["flag"] == "--max-concurrency"
    assert found["grace"]["flag"] is None
    assert found["model.base_url"]["variable"] == "STRETTO_MODEL_BASE_URL"
    assert found["home"]["variable"] == "STRETTO_HOME"
    helped = cli.run("run", "--help").out
    flags = [row["flag"] for row in found.values() if row["flag"]]
    assert len(flags) == 3
    assert all(str(flag) in helped for flag in flags)
    assert "--max-concurrency, --on-failure, --store of `stretto run`" in cli.run("config", "show").out


def test_the_variable_that_is_named_really_sets_it(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """Setting each named variable changes where its key comes from."""
    value = {"on_failure": "drain", "max_concurrency": "3", "model.provider": "offline", "key_env": "MY_KEY"}
    for key, row in rows(cli).items():
        monkeypatch.setenv(str(row["variable"]), value.get(key, "memory" if key == "store" else "7"))
    assert {row["from"] for row in rows(cli).values()} == {"environment"}


def test_a_chosen_model_brings_its_own_defaults(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a provider chosen, what it will use is shown, and whether its key is there; never the key."""
    cli.write("stretto.toml", '[model]\nprovider = "openai"\nmodel = "m"')
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    assert told(cli, "model.timeout") == "model.timeout 60 default"
    assert told(cli, "model.api_key_env") == "model.api_key_env OPENAI_API_KEY (is not set here) default"
    monkeypatch.setenv("OPENAI_API_KEY", "sk-hidden")
    done = cli.run("config", "show")
    assert "OPENAI_API_KEY (is set)" in done.out
    assert "sk-hidden" not in done.out + done.err


@pytest.mark.parametrize(
    ("line", "secret", "shown"),
    [
        ('api_key_env = "sk-proj-0123456789"', "sk-proj", "•••"),
        ('api_key_env = "AbC0123456789dEf"', "AbC01", "•••"),
        ('base_url = "https://me:hunter2@host:8/v1"', "hunter2", "https://•••@host:8/v1"),
        ('base_url = "https://host/v1?key=hunter2"', "hunter2", "https://host/v1?•••"),
        ('base_url = "https://[broken:hunter2@x"', "hunter2", "•••"),
    ],
)
def test_secrets_are_masked(cli: Cli, line: str, secret: str, shown: str) -> None:
    """A key in place of its variable's name, and what an address carries, are not shown."""
    cli.write("stretto.toml", f'[model]\nprovider = "openai"\n{line}')
    for option in ((), ("--json",)):
        out = cli.run("config", "show", *option).out
        assert secret not in out
        assert shown in out


def test_an_unknown_key_is_refused(cli: Cli) -> None:
    """The usual error: file, key, what was meant; 3."""
    cli.write("stretto.toml", "gracee = 2")
    done = cli.run("config", "show")
    assert (done.code, done.out) == (3, "")
    assert "stretto.toml: there is no setting `gracee`. Did you mean `grace`?" in done.err


def test_config_alone_names_its_command(cli: Cli) -> None:
    """`stretto config` shows what it can do."""
    done = cli.run("config")
    assert done.code == 2
    assert "show" in done.out + done.err
