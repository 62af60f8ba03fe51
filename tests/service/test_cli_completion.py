"""``stretto completion``: the scripts, what they ask, and what a real bash makes of the answers."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from service.conftest import SOURCE
from stretto.service.cli import candidates, completion
from stretto.service.cli.completion import SHELLS, complete_input
from stretto.service.cli.main import ShellChoice

if TYPE_CHECKING:
    from pathlib import Path

    from service.conftest import Cli

FLOW = "from stretto import workflow\n@workflow\ndef digest(topic: str = 'tea', seats: int = 2) -> str: ...\n"
TWO = FLOW + "@workflow\ndef dance() -> str: ...\n"
BREAKS = " \t\n\"'><=;|&(:"


def asked(cli: Cli, line: str, shell: str = "zsh") -> dict[str, str]:
    """What a script gets: values, and what they are."""
    done = cli.run("completion", shell, "--line", line)
    assert (done.code, done.err) == (0, "")
    return dict(each.split("\t") for each in done.out.splitlines())


def in_bash(cli: Cli, line: str, breaks: str = BREAKS) -> list[str]:
    """What bash's script gets."""
    done = cli.run("completion", "bash", "--line", line, "--breaks", breaks)
    assert (done.code, done.err) == (0, "")
    return done.out.splitlines()


class TestAnswers:
    def test_commands_and_options(self, cli: Cli) -> None:
        """Each with its line of help; hidden ones are not offered."""
        commands = asked(cli, "stretto ")
        assert commands["list"].startswith("Name the installed workflows")
        assert {"run", "plan", "init", "doctor", "config", "completion"} <= commands.keys()
        assert asked(cli, "stretto config ") == {"show": "Show every setting and its origin."}
        assert "--sequential" in asked(cli, "stretto run x.py --se")
        assert "--line" not in asked(cli, "stretto completion --")
        assert list(asked(cli, "stretto completion ")) == list(SHELLS)

    def test_values_of_an_option(self, cli: Cli) -> None:
        """Choices, in either way of writing them; where a file belongs, the shell's own completion does better."""
        assert list(asked(cli, "stretto run --on-failure d")) == ["drain"]
        assert list(asked(cli, "stretto run --on-failure=d")) == ["--on-failure=drain"]
        cli.write("flow.py", FLOW)
        assert asked(cli, "stretto run flow.py -o ") == {}

    def test_targets(self, cli: Cli) -> None:
        """Installed names and files; behind a colon the file's workflows, as whole words."""
        cli.write("flow.py", TWO)
        found = asked(cli, "stretto plan ")
        assert found["assess"] == "installed: stretto_apps.assess:assess"
        assert {"flow.py:digest", "flow.py:dance"} <= found.keys()
        assert list(asked(cli, "stretto run flow.py:da")) == ["flow.py:dance"]
        assert list(asked(cli, "stretto run --sequential ./fl")) == ["./flow.py:digest", "./flow.py:dance"]

    def test_inputs(self, cli: Cli) -> None:
        """The keys that are left, once the target stands before; nothing behind the equals sign."""
        cli.write("flow.py", FLOW)
        assert asked(cli, "stretto run flow.py -i ") == {"topic=": "str = 'tea'", "seats=": "int = 2"}
        assert list(asked(cli, "stretto run flow.py -i topic=x -i ")) == ["seats="]
        assert list(asked(cli, "stretto plan flow.py:digest --json -i t")) == ["topic="]
        assert asked(cli, "stretto run flow.py -i topic=") == {}
        assert asked(cli, "stretto run -i ") == {}
        assert "min_agents=" in asked(cli, "stretto run assess -i ")
        assert complete_input(None, (), "") == []

    def test_the_programs_own_name(self, cli: Cli) -> None:
        """It is not ours to complete."""
        assert asked(cli, "stretto") == asked(cli, "") == asked(cli, "str") == {}

    def test_a_tab_says_no_errors(self, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
        """Whatever goes wrong, the shell gets nothing, and no traceback lands in somebody's prompt."""

        def fail(incomplete: str) -> list[candidates.Candidate]:
            raise LookupError(incomplete)

        monkeypatch.setattr(completion, "targets", fail)
        assert asked(cli, "stretto run ") == {}

    def test_help_of_several_lines(self, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
        """A line is one answer."""
        monkeypatch.setattr(completion, "targets", lambda incomplete: [("a", "one\ntwo\tthree")])
        assert asked(cli, "stretto run ") == {"a": "one two three"}


class TestForBash:
    def test_what_bash_has_broken_off(self, cli: Cli) -> None:
        """Bash replaces what follows the last break in the word: only that is answered."""
        cli.write("flow.py", TWO)
        assert in_bash(cli, "stretto run flow.py:d") == ["digest", "dance"]
        assert in_bash(cli, "stretto run flow.py:d", breaks=" \t\n") == ["flow.py:digest", "flow.py:dance"]
        assert in_bash(cli, "stretto run f") == ["flow.py:digest", "flow.py:dance"]
        assert in_bash(cli, "stretto run --on-failure=d") == ["drain"]

    def test_blanks_are_escaped(self, cli: Cli) -> None:
        """A name with blanks is one word; inside an open quote it is that anyway, and is never cut."""
        cli.write("my flow (2).py", FLOW)
        assert in_bash(cli, "stretto run my") == [r"my\ flow\ \(2\).py"]
        assert in_bash(cli, r"stretto run my\ fl") == [r"my\ flow\ \(2\).py"]
        assert in_bash(cli, "stretto run 'my fl") == ["my flow (2).py"]
        assert in_bash(cli, "stretto run 'my ") == ["my flow (2).py"]
        assert in_bash(cli, 'stretto run "my flow (2).py:d') == ["my flow (2).py:digest"]


class TestScripts:
    def test_one_for_each_shell(self, cli: Cli) -> None:
        """Each says where it belongs, and asks this very command."""
        assert tuple(ShellChoice) == SHELLS
        for shell in SHELLS:
            done = cli.run("completion", shell)
            assert (done.code, done.err) == (0, "")
            assert f"Completion of stretto for {shell}. In ~/" in done.out
            assert f"completion {shell} --line " in done.out

    def test_another_shell(self, cli: Cli) -> None:
        """A usage error names those there are."""
        done = cli.run("completion", "csh")
        assert done.code == 2
        assert all(shell in done.err for shell in SHELLS)
        assert cli.run("completion").code == 2

    @pytest.mark.slow
    @pytest.mark.parametrize("shell", SHELLS)
    def test_the_shell_accepts_it(self, cli: Cli, shell: str) -> None:
        """Where the shell is installed, it reads the script without a word."""
        program = shutil.which(shell)
        if program is None:
            pytest.skip(f"{shell} is not installed")
        script = cli.run("completion", shell).out
        done = subprocess.run([program, "-n"], input=script, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")


@pytest.fixture
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an executable `stretto`."""
    folder = tmp_path_factory.mktemp("bin")
    python = shlex.quote(sys.executable)
    code = "from stretto.service.cli.main import main; main()"
    (folder / "stretto").write_text(
        f'#!/bin/sh\nPYTHONPATH={shlex.quote(str(SOURCE))} exec {python} -c "{code}" "$@"\n', encoding="utf-8"
    )
    (folder / "stretto").chmod(0o755)
    return folder


HARNESS = r"""
eval "$(stretto completion bash)"
while IFS='|' read -r COMP_LINE words; do
    eval "COMP_WORDS=($words)"
    COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
    COMP_POINT=${#COMP_LINE}
    asked=$(complete -p stretto)
    asked=${asked##*-F }
    "${asked%% *}" stretto "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"
    (IFS=,; echo "${COMPREPLY[*]}")
done
"""


@pytest.mark.slow
def test_in_a_real_bash(cli: Cli, program: Path) -> None:
    """The script, sourced by bash and called as bash calls it, fills COMPREPLY."""
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("bash is not installed")
    cli.write("flow.py", TWO)
    cli.write("my flow.py", FLOW)
    cases = {
        "stretto doc|stretto doc": "doctor",
        "stretto run flow.py:di|stretto run flow.py : di": "digest",
        "stretto run flow.py:|stretto run flow.py : ''": "digest,dance",
        "stretto run flow.py:digest -i s|stretto run flow.py : digest -i s": "seats=",
        "stretto run flow.py:digest -i topic=|stretto run flow.py : digest -i topic = ''": "",
        "stretto run --on-failure=f|stretto run --on-failure = f": "fail_fast",
        r"stretto run my\ |stretto run my\\\ ": r"my\ flow.py",
        "stretto nonsense x|stretto nonsense x": "",
    }
    done = subprocess.run(
        [bash, "--norc", "-c", HARNESS],
        input="\n".join(cases) + "\n",
        env={**os.environ, "PATH": f"{program}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stderr == ""
    assert dict(zip(cases, done.stdout.splitlines(), strict=True)) == cases
