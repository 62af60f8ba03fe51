"""A secret is in no file, on no screen and in no log; sealed stores alone keep it."""

from __future__ import annotations

import base64
import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr

from service import secret_flows as flows
from service.waiting_flows import id_in
from stretto import Engine, Secret, step, workflow
from stretto.core.values.secret import MASK
from stretto.errors import DefinitionError, RecoveryError, RunFailedError, RunWaitingError
from stretto.runtime.stores import open_store
from stretto.service.cli.words import Words

if TYPE_CHECKING:
    from service.conftest import Cli

KEY = base64.b64encode(bytes(range(32))).decode()
SECRETS = (flows.PASSWORD, flows.TOKEN, flows.TOKEN.upper())
GIVEN = f"password={flows.PASSWORD}"


@pytest.fixture
def folder(cli: Cli) -> Cli:
    """A folder with the flows."""
    (cli.folder / "flows.py").write_text(Path(flows.__file__).read_text())
    return cli


def shows(text: str) -> bool:
    return any(secret in text for secret in SECRETS)


def files_with_secrets(folder: Path) -> list[str]:
    found = [path for path in folder.rglob("*") if path.is_file() and path.name != "flows.py"]
    assert found
    return [path.name for path in found if any(secret.encode() in path.read_bytes() for secret in SECRETS)]


def commands(run_id: str) -> list[list[str]]:
    """Every command that tells of a run."""
    looks = [
        ["show", run_id],
        ["show", run_id, "login"],
        ["logs", run_id],
        ["explain", run_id],
        ["watch", run_id],
    ]
    looks += [["explain", run_id, "login"], ["ls"], ["inbox"], ["fork", run_id, "--dry-run", "--set", GIVEN]]
    return [*looks, *([*look, "--json"] for look in looks)]


@pytest.mark.parametrize("flow", ["visiting", "refused", "pausing", "renewing"])
@pytest.mark.slow
def test_no_file_and_no_command_shows_a_secret(
    folder: Cli, flow: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """In store, records, log and what each command says: whether the run succeeds, fails or waits."""
    done = folder.run("run", f"flows.py:{flow}", "-i", GIVEN, "--json", "-v")
    assert not shows(done.out + done.err)
    assert MASK in done.out
    run_id = id_in(done.err) if "run " in done.err else json.loads(done.out.splitlines()[0])["run"]
    assert files_with_secrets(folder.folder) == []
    for command in commands(run_id):
        said = folder.run(*command)
        assert said.code in (0, 10, 12), (command, said)
        assert not shows(said.out + said.err), command
    assert "logging in with" in caplog.text
    assert not shows(caplog.text)


def test_the_value_on_the_screen_and_in_a_file(folder: Cli) -> None:
    """Fields are told, secrets are not, with -o neither."""
    done = folder.run("run", "flows.py:visiting", "-i", GIVEN, "-o", "value.json")
    assert done.code == 0
    assert json.loads((folder.folder / "value.json").read_text())["session"] == {"token": MASK, "user": "ada"}
    shown = folder.run("run", "flows.py:visiting", "-i", GIVEN)
    assert f'"token": "{MASK}"' in shown.out
    assert files_with_secrets(folder.folder) == []


def test_commands_are_said_again_without_what_is_secret(folder: Cli) -> None:
    """The command to go on with shows neither a password in a URL nor a secret input."""
    for url in (
        "postgresql://me:pass-word-1@/nowhere?host=/none",
        "postgresql:///nowhere?host=/none&password=pass-word-1",
    ):
        said = folder.run("run", "--store", url, "flows.py:refused", "-i", GIVEN)
        assert "pass-word-1" not in said.out + said.err
    words = Words(
        ["run", "--store=postgresql://me:pass-word-1@h/db?sslpassword=pass-word-2", "sqlite:///a.db"]
    )
    assert (
        words.again("-v")
        == f"stretto -v run '--store=postgresql://me:{MASK}@h/db?sslpassword={MASK}' sqlite:///a.db"
    )
    failed = folder.run("run", "flows.py:refused", "-i", GIVEN)
    assert "With tracebacks: stretto -v run flows.py:refused -i" in failed.err
    assert not shows(failed.err)


def test_steps_get_the_secret_itself(tmp_path: Path) -> None:
    """What is hidden from readers is there for steps and for the caller, in every store."""
    for store in (None, f"sqlite:///{tmp_path}/runs.db"):
        engine = Engine(store=store)
        value = flows.visiting.with_options(engine=engine).run(SecretStr(flows.PASSWORD)).value
        assert value["session"] == flows.Session("ada", flows.TOKEN)
        if engine.store is not None:
            engine.store.close()


@pytest.mark.slow
def test_steps_in_processes_get_the_secret_itself() -> None:
    """The pipe to a worker carries it, and back."""
    assert flows.renewing.run(SecretStr(flows.PASSWORD)).value == flows.Session("ada", flows.TOKEN.upper())


def test_a_failure_is_told_without_the_secret() -> None:
    """Neither message nor traceback repeats it; the exception itself is what was raised."""
    with pytest.raises(RunFailedError) as raised:
        flows.refused.run(SecretStr(flows.PASSWORD))
    result = raised.value.result
    failure = result.failures[0]
    assert failure.failure.message == f"{MASK} is not good enough"
    assert not shows(failure.failure.traceback)
    assert not shows(str(raised.value))
    assert flows.TOKEN in str(failure.error)


def test_pictures_and_stories_show_no_secret() -> None:
    """A notebook's timeline, the graph in each form, the story of a step, and events by `repr`."""
    with pytest.raises(RunFailedError) as raised:
        flows.refused.run(SecretStr(flows.PASSWORD))
    result = raised.value.result
    assert not shows(result._repr_html_())
    assert not shows("\n".join(result.story("refuse")))
    assert not shows(flows.refused._repr_html_())


def test_logs_of_steps_are_masked(caplog: pytest.LogCaptureFixture) -> None:
    """For handlers of Python's logging and for whoever watches the run."""
    said: list[object] = []

    class Ear:
        def on_facts(self, run: object, facts: object) -> None:
            """Nothing of facts."""

        def on_telemetry(self, run: object, record: object) -> None:
            said.append(record)

    with caplog.at_level(logging.INFO, "stretto.step"):
        Engine(observers=[Ear()])
        flows.visiting.with_options(engine=Engine(observers=[Ear()])).run(SecretStr(flows.PASSWORD))
    assert caplog.messages == [f"logging in with {MASK}"]
    assert f"trying {MASK}" in str(said)
    assert not shows(str(said))


def _paused(store: str, flow: str = "pausing") -> str:
    engine = Engine(store=store)
    way = getattr(flows, flow).with_options(engine=engine, run_id="r", leaves_waiting=True)
    with pytest.raises(RunWaitingError):
        way.run(SecretStr(flows.PASSWORD))
    engine.store.close()  # type: ignore[union-attr]  # it has one
    return "r"


def _answered(store: str, flow: str = "pausing") -> object:
    engine = Engine(store=store)
    opened = engine.store
    assert opened is not None
    wait = opened.waits("r")[0]
    body = json.dumps({"path": wait.path, "verdict": "respond", "value": "yes"}).encode()
    opened.send("r", "answer", body, 0.0)
    try:
        return getattr(flows, flow).with_options(engine=engine).resume("r").value
    finally:
        opened.close()


def test_a_sealed_run_goes_on_with_its_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are in its journal, unreadable without the key."""
    monkeypatch.setenv("STRETTO_KEY", KEY)
    url = f"sqlite:///{tmp_path}/runs.db"
    _paused(url)
    assert files_with_secrets(tmp_path) == []
    assert _answered(url) == {"hello": "hello ada", "spent": len(flows.TOKEN), "said": "yes"}
    assert files_with_secrets(tmp_path) == []


def test_nothing_of_a_sealed_run_lies_outside_its_store(folder: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """There is no record of it: neither values nor what steps say are readable without the key."""
    monkeypatch.setenv("STRETTO_KEY", KEY)
    done = folder.run("run", "flows.py:visiting", "-i", GIVEN)
    assert done.code == 0
    state = folder.folder / ".stretto"
    found = [path for path in state.rglob("*") if path.is_file()]
    assert found
    assert [path.name for path in found if b"logging in" in path.read_bytes()] == []
    assert [path.name for path in found if b"hello ada" in path.read_bytes()] == []
    said = folder.run("logs", id_in(done.err))
    assert (said.code, said.out) == (0, "")
    assert "its store is sealed" in said.err
    assert "hello ada" in folder.run("show", id_in(done.err)).out


def test_a_plain_run_is_refused_where_it_needs_a_lost_secret(tmp_path: Path) -> None:
    """By name, before anything runs, with the way out; the journal stays as it is."""
    url = f"sqlite:///{tmp_path}/runs.db"
    _paused(url)
    with pytest.raises(RecoveryError, match=r"Step 'spend' of run r needs a secret .* stretto fork r --set"):
        _answered(url)
    store = open_store(url)
    assert store.run("r").status == "waiting"
    store.close()


def test_a_plain_run_goes_on_where_it_needs_none(tmp_path: Path) -> None:
    """What had taken the secret is done."""
    url = f"sqlite:///{tmp_path}/runs.db"
    _paused(url, "pausing_without_need")
    assert _answered(url, "pausing_without_need") == {"hello": "hello ada", "said": "yes"}


def test_a_plain_run_is_forked_with_its_secrets_given_again(tmp_path: Path) -> None:
    """Steps whose inputs or results hold secrets run again; without the secret it is refused by name."""
    url = f"sqlite:///{tmp_path}/runs.db"
    engine = Engine(store=url)
    flow = flows.visiting.with_options(engine=engine, run_id="r")
    flow.run(SecretStr(flows.PASSWORD))
    import asyncio

    with pytest.raises(RecoveryError, match="Input 'password' of run r is secret"):
        asyncio.run(flows.visiting.with_options(engine=engine).afork("r"))
    forked = asyncio.run(
        flows.visiting.with_options(engine=engine).afork("r", changes={"password": SecretStr(flows.PASSWORD)})
    )
    assert forked.value["session"] == flows.Session("ada", flows.TOKEN)  # type: ignore[index]  # a dict
    assert not any(step.is_reused for step in forked.steps.values())
    assert engine.store is not None
    engine.store.close()


def test_the_value_of_an_ended_run_is_not_made_up(tmp_path: Path) -> None:
    """Read from a journal that lost its secrets, it raises; steps without secrets have their values."""
    url = f"sqlite:///{tmp_path}/runs.db"
    engine = Engine(store=url)
    flows.visiting.with_options(engine=engine, run_id="r").run(SecretStr(flows.PASSWORD))
    again = flows.visiting.with_options(engine=engine).resume("r")
    assert again.steps["greet"].value == "hello ada"
    with pytest.raises(RecoveryError, match="The value of run r holds secrets"):
        _ = again.value
    assert engine.store is not None
    engine.store.close()


def test_the_idempotency_key_does_not_depend_on_a_secret() -> None:
    """It goes to others, who could guess; and a token that was renewed must not make it another key."""
    keys: list[str] = []

    @step
    async def noting(password: SecretStr) -> str:
        from stretto import current

        keys.append(current().idempotency_key)
        return "noted"

    @workflow
    def noted(password: SecretStr) -> str:
        return noting(password)

    for password in ("first-word", "second-word"):
        noted.with_options(run_id="r").run(SecretStr(password))
    assert len(set(keys)) == 1


def test_an_edit_of_a_secret_is_not_left_in_a_plain_store(
    folder: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is refused before it is written down; a sealed store takes it."""
    edit = ("--edit", f'{{"user": "bob", "token": "{flows.TOKEN}"}}')
    waits = folder.run("run", "flows.py:approving", "-i", GIVEN)
    said = folder.run("approve", id_in(waits.err), *edit)
    assert said.code == 2
    assert "this store is not sealed" in said.err
    assert files_with_secrets(folder.folder) == []
    monkeypatch.setenv("STRETTO_KEY", KEY)
    sealed = ("--store", "sealed.db")
    waits = folder.run("run", "flows.py:approving", "-i", GIVEN, *sealed)
    done = folder.run("approve", id_in(waits.err), *edit, *sealed)
    assert done.code == 0
    assert "hello bob" in done.out
    assert files_with_secrets(folder.folder) == []


def test_a_question_is_asked_without_the_secret(tmp_path: Path) -> None:
    """Its text stands in the index, where everyone reads it."""
    engine = Engine(store=f"sqlite:///{tmp_path}/runs.db")
    way = flows.asking.with_options(engine=engine, run_id="r", leaves_waiting=True)
    with pytest.raises(RunWaitingError):
        way.run(SecretStr(flows.PASSWORD))
    assert engine.store is not None
    assert [wait.text for wait in engine.store.waits("r")] == [f"Is it {MASK}?"]
    engine.store.close()


@pytest.mark.parametrize("place", ["password", "return"])
def test_a_mark_that_would_be_lost_is_refused(place: str) -> None:
    """On a whole parameter or result, which is a plain text for everyone who takes it."""
    from typing import Annotated

    def login(password: str) -> str:
        return password

    login.__annotations__[place] = Annotated[str, Secret()]
    with pytest.raises(DefinitionError, match="make it a pydantic SecretStr"):
        step(login)
    if place == "password":
        with pytest.raises(DefinitionError, match="SecretStr"):
            workflow(login)
