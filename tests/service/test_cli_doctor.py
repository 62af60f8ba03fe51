"""``stretto doctor`` and its checks: each level of each check, and what the exit code says."""

from __future__ import annotations

import io
import json
import sys
from importlib import metadata
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import stretto
from stretto.models.fake_provider import running_fake_provider
from stretto.service import checkup, machine, targets
from stretto.service.checkup import Finding, Level
from stretto.service.machine import Costs, Machine

if TYPE_CHECKING:
    from collections.abc import Iterable

    from service.conftest import Cli

GOOD = Machine("Linux", "x86_64", (3, 12, 1), "CPython", 2.0, 8 << 30, 4096, is_contained=False)
COSTS = Costs(0.0001, 0.0002, 0.00003, 0.08)


@pytest.fixture(autouse=True)
def _on_a_good_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is measured, and the machine has no fault of its own."""
    monkeypatch.setattr(machine, "look", lambda: GOOD)
    monkeypatch.setattr(machine, "measure", lambda: COSTS)
    monkeypatch.setattr("shutil.which", lambda _: None)


def one(findings: Iterable[Finding], check: str) -> Finding:
    """The finding of one check."""
    (found,) = [finding for finding in findings if finding.check == check]
    return found


def told(cli: Cli, check: str, code: int, *options: str) -> Finding:
    """What the command says of one check, as data, when it ends with `code`."""
    done = cli.run("doctor", "--json", *options)
    assert (done.code, done.err) == (code, "")
    found = [Finding(**json.loads(line)) for line in done.out.splitlines()]
    return one(found, check)


class TestTheCommand:
    def test_on_a_good_machine(self, cli: Cli) -> None:
        """A line a check, a sum, exit code 0; nothing is left behind."""
        done = cli.run("doctor")
        assert (done.code, done.err) == (0, "")
        assert "ok       python: 3.12.1 (CPython)\n" in done.out
        assert "problem " not in done.out.rpartition("\n\n")[0]
        assert done.out.splitlines()[-1].startswith("no problems, ")
        assert list(cli.folder.iterdir()) == []

    def test_as_data(self, cli: Cli) -> None:
        """A line of JSON a check, with its figures."""
        lines = [json.loads(line) for line in cli.run("doctor", "--json").out.splitlines()]
        assert {"check", "level", "said", "mend", "data"} == set(lines[0])
        figures = {line["check"]: line["data"] for line in lines}
        assert figures["cores"] == {"cores": 2.0, "memory": 8 << 30, "is_contained": False}
        assert figures["process"] == {"s": 0.08}
        assert figures["max_parallel"] == {
            "io_bound": [5, 10], "cpu_bound": 2, "memory_bound": [2, 3], "start": 3,
        }  # fmt: skip

    def test_a_problem(self, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
        """It is said with how to mend it, the rest is looked at all the same, and the exit code is 3."""
        monkeypatch.setattr(machine, "look", lambda: changed(open_files=10))
        done = cli.run("doctor")
        assert done.code == 3
        assert "problem  open files: at most 10\n         → Raise it before" in done.out
        assert "max_parallel: start at 3" in done.out
        assert done.out.splitlines()[-1].startswith("1 problem, ")

    @pytest.mark.slow
    def test_the_real_machine(self, cli: Cli) -> None:
        """As a program of its own, everything measured: it comes to its end."""
        done = cli.spawn("doctor", "--json")
        assert done.code in (0, 3), done.err
        lines = {line["check"]: line for line in map(json.loads, done.out.splitlines())}
        assert lines["process"]["data"]["s"] > lines["thread"]["data"]["s"] > 0


def changed(**fields: object) -> Machine:
    """The good machine with other properties."""
    kept = {name: getattr(GOOD, name) for name in Machine.__slots__}
    return Machine(**{**kept, **fields})  # type: ignore[arg-type]


class TestTheMachine:
    @pytest.mark.parametrize(
        ("fields", "check", "level", "said"),
        [
            ({"python": (3, 10, 9)}, "python", Level.PROBLEM, "3.10.9 (CPython)"),
            ({"python": (3, 11, 0)}, "python", Level.OK, "3.11.0 (CPython)"),
            ({"python": (3, 13, 9)}, "python", Level.OK, "3.13.9 (CPython)"),
            ({"python": (3, 14, 0)}, "python", Level.NOTE, "3.14.0 (CPython)"),
            ({"implementation": "PyPy"}, "python", Level.NOTE, "3.12.1 (PyPy)"),
            ({"system": "Darwin"}, "platform", Level.OK, "macOS x86_64"),
            ({"system": "Windows"}, "platform", Level.PROBLEM, "Windows x86_64"),
            ({"system": ""}, "platform", Level.PROBLEM, "unknown x86_64"),
            ({"open_files": None}, "open files", Level.OK, "no limit"),
            ({"open_files": 1024}, "open files", Level.OK, "at most 1024"),
            ({"open_files": 256}, "open files", Level.NOTE, "at most 256"),
            ({"open_files": 63}, "open files", Level.PROBLEM, "at most 63"),
            ({"memory": None}, "cores", Level.OK, "2 cores, unknown memory"),
            (
                {"cores": 1.0, "memory": 3 << 29, "is_contained": True},
                "cores",
                Level.OK,
                "1 core, 1.5 GiB of memory (the container's share)",
            ),
        ],
    )
    def test_each_level(self, fields: dict[str, object], check: str, level: Level, said: str) -> None:
        """What is no fault needs no advice, everything else has one."""
        found = one(checkup.machine_checks(changed(**fields)), check)
        assert (found.level, found.said) == (level, said)
        assert bool(found.mend) is (level is not Level.OK)

    def test_how_many_at_once(self) -> None:
        """The suggestion follows cores and memory."""
        assert checkup.parallel_check(changed(cores=8.0, memory=1 << 30)).said == (
            "start at 3; work that waits (models, web) 5–10, work that computes 8, work that fills memory 2"
        )


class TestCosts:
    def test_measured(self) -> None:
        """In units a person reads."""
        found = {each.check: each for each in checkup.cost_checks(COSTS)}
        assert {each.level for each in found.values()} == {Level.OK}
        assert found["timer"].said == "0.10 ms late (median), 0.20 ms at worst"
        assert found["thread"].said == "30 µs to start and end"
        assert found["process"].said == "80 ms to start Python with Stretto and end it"

    def test_a_busy_machine(self) -> None:
        """Timers that ring late make every measure too long: a note."""
        found = one(checkup.cost_checks(Costs(0.02, 0.5, 0.00003, 0.08)), "timer")
        assert (found.level, found.said) == (Level.NOTE, "20.00 ms late (median), 500.00 ms at worst")

    def test_no_process(self) -> None:
        """Where Python cannot start Python, steps in processes cannot run."""
        found = one(checkup.cost_checks(Costs(0.0, 0.0, 0.0, "OSError: no more")), "process")
        assert (found.level, found.said) == (Level.PROBLEM, "OSError: no more")


class _Installed:
    """A package's metadata."""

    def __init__(self, version: str, requires: list[str], extras: list[str]) -> None:
        self.version = version
        self.requires = requires
        self._extras = extras

    @property
    def metadata(self) -> _Installed:
        return self

    def get_all(self, name: str) -> list[str]:
        assert name == "Provides-Extra"
        return self._extras


class TestPackages:
    def found(self, monkeypatch: pytest.MonkeyPatch, *requires: str, version: str = "") -> dict[str, Finding]:
        """The checks of a package that requires this."""
        installed = _Installed(version or stretto.__version__, list(requires), ["bench", "odd"])
        real = metadata.distribution
        monkeypatch.setattr(
            metadata, "distribution", lambda name: installed if name == "stretto" else real(name)
        )
        return {each.check: each for each in checkup.package_checks()}

    def test_all_there(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Version and place; extras whose packages are there, with what they are for."""
        found = self.found(monkeypatch, "pytest>=8", 'ruff>=0.1; extra == "bench"', "x; python_version < '3'")
        assert {each.level for each in found.values()} == {Level.OK}
        assert found["install"].said.startswith(f"{stretto.__version__} in ")
        assert found["extra bench"].said == "there (benchmarks beside peers)"
        assert found["extra odd"].said == "there"

    def test_a_requirement_is_missing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A problem, with the command that mends it."""
        found = self.found(monkeypatch, "pytest", "no-such-thing>=2", "nor.this<3")["packages"]
        assert found.level is Level.PROBLEM
        assert found.mend.endswith("pip install no-such-thing nor.this")

    def test_an_extra_is_missing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A note only, with the command for those who want it."""
        found = self.found(monkeypatch, "no-such-thing>=2; extra == 'bench'")
        assert (found["packages"].level, found["extra bench"].level) == (Level.OK, Level.NOTE)
        assert found["extra bench"].said == "missing no-such-thing (benchmarks beside peers)"
        assert found["extra bench"].mend.endswith("pip install 'stretto[bench]'")

    def test_another_version_is_installed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Code and metadata that disagree: install again."""
        found = self.found(monkeypatch, version="0.0.7")["install"]
        assert found.level is Level.NOTE
        assert "says 0.0.7" in found.mend

    def test_another_command_comes_first(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        """`stretto` in PATH may be another environment's."""
        monkeypatch.setattr("shutil.which", lambda _: str(tmp_path / "stretto"))
        assert "activate the environment" in self.found(monkeypatch)["install"].mend
        monkeypatch.setattr("shutil.which", lambda _: str(Path(sys.executable).with_name("stretto")))
        assert self.found(monkeypatch)["install"].level is Level.OK

    def test_not_installed(self) -> None:
        """Run from its source there is no metadata, which is no problem."""
        (found,) = checkup.package_checks("no-such-package-at-all")
        assert (found.check, found.level) == ("install", Level.NOTE)

    def test_this_package(self) -> None:
        """Of the real metadata every extra is looked at, and each has its purpose told."""
        found = [each.check for each in checkup.package_checks() if each.check.startswith("extra ")]
        assert found == [
            f"extra {name}" for name in metadata.metadata("stretto").get_all("Provides-Extra") or ()
        ]
        assert {name.removeprefix("extra ") for name in found} <= set(checkup._WHAT_FOR)


class TestFiles:
    def test_a_folder_that_can_be_made(self, cli: Cli) -> None:
        """What is not there is not made for looking."""
        assert checkup.state_check({}).said == ".stretto can be made"
        assert list(cli.folder.iterdir()) == []

    def test_a_folder_that_is_there(self, cli: Cli) -> None:
        """Nothing stays in it."""
        (cli.folder / ".stretto").mkdir()
        assert checkup.state_check({}).said == ".stretto can be written"
        assert list((cli.folder / ".stretto").iterdir()) == []

    def test_a_folder_that_cannot_be_written(self, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
        """A problem: the place, the system's reason, the variable that mends it."""

        def refuse(**_: object) -> object:
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr("tempfile.TemporaryFile", refuse)
        found = told(cli, "state", 3)
        assert found.said == ".stretto cannot be written: Permission denied"
        assert "STRETTO_HOME" in found.mend

    def test_the_home_of_the_environment(self, cli: Cli) -> None:
        """STRETTO_HOME is the folder that is looked at; a file in its place is a problem."""
        home = cli.write("home", "a file")
        found = checkup.state_check({"STRETTO_HOME": str(home)})
        assert found.level is Level.PROBLEM
        assert checkup.state_check({"STRETTO_HOME": str(cli.folder / "a" / "b")}).level is Level.OK

    @pytest.mark.parametrize(
        ("encoding", "level"), [("utf-8", "ok"), ("UTF8", "ok"), ("ascii", "note"), (None, "note")]
    )
    def test_the_output(self, encoding: str | None, level: str) -> None:
        """Bars and arrows want UTF-8."""
        assert checkup.output_check(encoding).level == level


class TestSettings:
    def test_none(self, cli: Cli) -> None:
        """The defaults hold."""
        assert told(cli, "settings", 0).said == "none; the defaults hold"

    def test_valid(self, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
        """Where they come from is named."""
        cli.write("stretto.toml", "grace = 2")
        monkeypatch.setenv("STRETTO_MAX_CONCURRENCY", "3")
        assert told(cli, "settings", 0).said == "valid, from STRETTO_MAX_CONCURRENCY, stretto.toml"

    @pytest.mark.parametrize(
        ("line", "said"), [("gracee = 2", "no setting `gracee`"), ('store = "moon"', "no store 'moon'")]
    )
    def test_wrong(self, cli: Cli, line: str, said: str) -> None:
        """A problem, in the words of the usual error; what hangs on them is left out."""
        cli.write("stretto.toml", line)
        assert said in told(cli, "settings", 3).said
        assert "model:" not in cli.run("doctor").out

    def test_resources(self, cli: Cli) -> None:
        """Their modules are looked for, here too, and none is run."""
        cli.write("mine.py", "raise SystemExit('was run')")
        cli.write(
            "stretto.toml", '[resources]\na = "mine:make"\nb = "no_such_module:make"\nc = "nor.this:make"'
        )
        before = list(sys.path)
        assert told(cli, "resource a", 3).level == "ok"
        assert told(cli, "resource b", 3).said == "no_such_module:make: there is no module 'no_such_module'"
        assert told(cli, "resource c", 3).level == "problem"
        assert sys.path == before


class TestTheModel:
    def choose(self, cli: Cli, *lines: str) -> None:
        """Settings for a model."""
        cli.write("stretto.toml", "\n".join(["[model]", *lines]))

    def test_none(self, cli: Cli) -> None:
        """Nothing chosen is nothing wrong."""
        assert told(cli, "model", 0, "--online").said == "none chosen: steps use their own default"

    def test_offline(self, cli: Cli) -> None:
        """The offline model is asked nothing."""
        self.choose(cli, 'provider = "offline"')
        assert told(cli, "model", 0, "--online").said.startswith("offline: ")

    def test_wrong(self, cli: Cli) -> None:
        """What the provider still needs is told; a key that stands in the wrong place is not."""
        self.choose(cli, 'provider = "openai"', 'model = "m"', 'api_key_env = "sk-12345-secret"')
        found = told(cli, "model", 3)
        assert "needs a key" in found.said
        assert "sk-12345" not in found.said
        assert "secret" not in found.said

    @pytest.mark.slow
    def test_it_is_not_called(self, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
        """Without --online no request is made."""
        with running_fake_provider() as provider:
            self.choose(
                cli, 'provider = "openai-compatible"', 'model = "m"', f'base_url = "{provider.base_url}"'
            )
            assert told(cli, "model", 0).said == "openai-compatible, m (not called; --online asks it once)"
            assert provider.log().requests == 0

    @pytest.mark.slow
    def test_it_answers(self, cli: Cli) -> None:
        """With --online it is asked once, and what that took is told."""
        with running_fake_provider() as provider:
            prices = ("input_price = 1", "output_price = 2")
            self.choose(
                cli,
                'provider = "openai-compatible"',
                'model = "m"',
                f'base_url = "{provider.base_url}"',
                *prices,
            )
            assert "openai-compatible, m: answered in " in told(cli, "model", 0, "--online").said
            assert provider.log().requests == 1

    def test_nobody_is_there(self, cli: Cli) -> None:
        """A provider that cannot be reached is a problem."""
        self.choose(
            cli, 'provider = "openai-compatible"', 'model = "m"', 'base_url = "http://127.0.0.1:9/v1"'
        )
        found = told(cli, "model", 3, "--online")
        assert found.said.startswith("openai-compatible, m: ")
        assert "config show" in found.mend


class TestWorkflows:
    def test_one_that_cannot_be_loaded(self, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
        """A problem by its name; the others are looked at as well."""
        points = [
            EntryPoint("broken", "no_such_module_at_all:x", targets.GROUP),
            EntryPoint("assess", "stretto_apps.assess:assess", targets.GROUP),
        ]
        monkeypatch.setattr(targets, "entry_points", lambda group: points)
        assert "No module named" in told(cli, "workflow broken", 3).said
        assert told(cli, "workflow assess", 3).level == "ok"

    def test_none(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Files run without any."""
        monkeypatch.setattr(targets, "entry_points", lambda group: [])
        (found,) = checkup.workflow_checks()
        assert found.level is Level.OK


def test_a_stream_without_an_encoding(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stream that says nothing of its encoding is a note, no crash."""
    assert checkup.output_check(io.StringIO().encoding).level is Level.NOTE
