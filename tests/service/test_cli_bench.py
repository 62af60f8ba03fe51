"""``stretto bench``: both ways really run, measured and compared; what it asks before it spends."""

from __future__ import annotations

import io
import json
import sys
from typing import TYPE_CHECKING

import pytest

from service.service_targets import FLOWS
from stretto.service.cli import bench_saving

if TYPE_CHECKING:
    from pathlib import Path

    from service.conftest import Cli, Outcome

MORE = """
import itertools

COUNTER = itertools.count()


@step
async def naps(x: int) -> int:
    await asyncio.sleep(0.02)
    return x


@step
async def counts(x: int) -> int:
    return next(COUNTER)


@step
async def writes(x: int, model: object = from_engine()) -> str:
    current().usage(input_tokens=10, output_tokens=5, cost=0.25, model="paid")
    return "text"


@step
async def composes(x: int) -> str:
    current().usage(input_tokens=10, output_tokens=5, cost=0.0, model="offline")
    return "text"


@step
async def interrupts(x: int) -> int:
    os.kill(os.getpid(), 2)
    await asyncio.sleep(5)
    return x


@workflow(example={"x": 3})
def wide(x: int) -> list[int]:
    return [naps.named(f"n{i}")(x) for i in range(3)]


@workflow
def restless(x: int = 1) -> list[int]:
    return [first(x), counts(x)]


@workflow(within=0.03)
def hurried(x: int = 1) -> list[int]:
    return [naps.named("a")(x), naps.named("b")(x)]


@workflow
def written(x: int = 1) -> str:
    return writes(x)


@workflow(engine=Engine(resources={"model": object()}))
def own(x: int = 1) -> str:
    return writes(x)


@workflow
def composed(x: int = 1) -> str:
    return composes(x)


@workflow
def interrupted(x: int = 1) -> int:
    return interrupts(x)
"""
REAL = """
[model]
provider = "openai-compatible"
base_url = "http://127.0.0.1:9/v1"
model = "my-model"
"""


@pytest.fixture
def flows(cli: Cli) -> Cli:
    """A folder with `flows.py`."""
    (cli.folder / "flows.py").write_text(FLOWS + MORE)
    return cli


def bench(flows: Cli, target: str, *more: str) -> Outcome:
    """Two repeats without a warm-up, unless said otherwise."""
    return flows.run("bench", f"flows.py:{target}", "--repeats", "2", "--warmup", "0", *more)


def lines(done: Outcome) -> list[dict[str, object]]:
    """stdout as lines of JSON."""
    return [json.loads(line) for line in done.out.splitlines()]


def data(done: Outcome) -> dict[str, object]:
    """The data of the last line."""
    last = lines(done)[-1]
    assert last["type"] == "bench"
    found: dict[str, object] = last["data"]  # type: ignore[assignment]
    return found


class Terminal(io.StringIO):
    """Someone who answers."""

    def isatty(self) -> bool:
        """Yes."""
        return True


# -------------------------------------------------------------------- figures


def test_both_ways_are_measured_and_compared(flows: Cli) -> None:
    """A line a repeat, medians with their spread, the bound, the speedup, that the values are equal; 0."""
    done = bench(flows, "wide", "-i", "x=1")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(
        "wide  2 repeats of two runs, in turns, after 0 not counted\n"
        "Deadlines of the run and of groups are suspended in both.\n\nrepeat 1 of 2: one by one 0.0"
    )
    for words in (
        "repeat 2 of 2: ", "s, equal\n", "  one by one ", "  dataflow ", "  lower bound ", ", median of 2\n",
        "  efficiency ", "of the lower bound", "  speedup ", "x, each repeat by itself",
        "\nno model was called\n",
    ):  # fmt: skip
        assert words in done.out
    assert done.out.endswith("\nequal: in each repeat both runs gave the same value\n")
    assert "estimate" not in done.out
    assert max(map(len, done.out.splitlines())) <= 80


def test_as_data(flows: Cli) -> None:
    """A line a repeat and a conclusion; three naps at once take about a third of three in a row."""
    done = bench(flows, "wide", "--json")
    assert (done.code, done.err) == (0, "")
    assert [line["type"] for line in lines(done)] == ["bench.repeat", "bench.repeat", "bench"]
    assert [line["data"]["first"] for line in lines(done)[:2]] == ["one by one", "as dataflow"]  # type: ignore[index]
    found = data(done)
    assert (found["is_equal"], found["holds"], found["deadlines"], found["saved"]) == (
        True, True, "suspended", None,
    )  # fmt: skip
    assert found["one_by_one"]["median"] >= 0.06  # type: ignore[index]
    assert found["dataflow"]["least"] >= 0.02  # type: ignore[index]
    assert 1.5 < found["speedup"]["median"] < 3.5  # type: ignore[index]
    assert found["speedup"]["count"] == 2  # type: ignore[index]
    pairs = found["pairs"]
    assert isinstance(pairs, list)
    assert pairs[0]["speedup"] == pairs[0]["one_by_one"]["makespan"] / pairs[0]["dataflow"]["makespan"]
    assert set(found["machine"]) == {"stretto", "python", "system", "architecture", "cores"}  # type: ignore[call-overload]


@pytest.mark.slow
def test_a_cap_holds_for_dataflow(flows: Cli) -> None:
    """Under a cap of one there is nothing to gain."""
    found = data(bench(flows, "wide", "--json", "--max-concurrency", "1"))
    assert found["speedup"]["median"] == pytest.approx(1.0, abs=0.3)  # type: ignore[index]


def test_inputs_are_the_ones_given_or_the_example(flows: Cli) -> None:
    """As for `plan`: without any, the workflow's example; without one, its defaults; else what is missing."""
    assert bench(flows, "wide", "--json").code == 0
    missing = bench(flows, "breaks")
    assert missing.code == 2
    assert "input 'x' (int) of workflow 'breaks' is missing" in missing.err


def test_deadlines_are_suspended(flows: Cli) -> None:
    """What one by one would have cut is run to its end in both."""
    assert bench(flows, "hurried").code == 0


def test_prints_of_steps_do_not_spoil_the_data(flows: Cli) -> None:
    """They are `log` lines, as in a run."""
    done = bench(flows, "loud", "--json")
    assert done.code == 0
    assert {line["type"] for line in lines(done)} == {"log", "bench.repeat", "bench"}


# -------------------------------------------------------------------- what does not hold


def test_values_that_differ(flows: Cli) -> None:
    """Where, at which step, and that one by one differs from itself; 20."""
    done = bench(flows, "restless")
    assert done.code == 20
    assert "DIFFERS" in done.out
    assert "differs: in 2 of 2 repeats the two values are not equal" in done.out
    assert done.err.startswith("error: repeat 1: the two results differ: [1]: 0 != 1 (the first step that ")
    assert "counts: 0 != 1" in done.err
    assert "One by one differs from itself, too" in done.err
    found = data(bench(flows, "restless", "--json"))
    assert (found["is_equal"], found["holds"]) == (False, False)
    assert found["pairs"][0]["difference"]["step"] == "counts"  # type: ignore[index]


@pytest.mark.slow
def test_a_speedup_that_is_not_reached(flows: Cli) -> None:
    """Below what was asked for; 20, and the figures are told all the same."""
    done = bench(flows, "wide", "--min-speedup", "90")
    assert done.code == 20
    assert done.err.startswith("error: --min-speedup 90 does not hold: it is ")
    assert "equal: in each repeat" in done.out
    assert bench(flows, "wide", "--min-speedup", "0.1").code == 0


def test_a_speedup_that_cannot_be_measured_is_not_reached(flows: Cli) -> None:
    """A workflow that takes no time has none."""
    flows.write(
        "still.py", "from stretto import workflow\n\n\n@workflow\ndef still() -> int:\n    return 1\n"
    )
    done = flows.run("bench", "still.py", "--repeats", "1", "--warmup", "0", "--min-speedup", "1")
    assert done.code == 20
    assert "none could be measured" in done.err
    assert "a run took no time" in done.out
    assert "equal: in the one repeat" in done.out


def test_a_run_that_fails(flows: Cli) -> None:
    """No speedup, what failed, what had finished; nothing else is run; 20."""
    done = bench(flows, "bad")
    assert done.code == 20
    assert "speedup" not in done.out
    assert "no repeat was completed" in done.out
    assert done.err.startswith(
        "error: a run one by one ended without its value; no speedup is claimed\n"
        "error: boom: ValueError: no such drink: 1\n"
    )
    found = data(bench(flows, "bad", "--json"))
    assert (found["speedup"], found["is_equal"], found["failed"]) == (
        None, False, {"in": "one by one", "status": "failed"},
    )  # fmt: skip
    assert found["failures"] == ["boom: ValueError: no such drink: 1"]


def test_lost_optional_work_is_told(flows: Cli) -> None:
    """Partial runs have a value and are compared; the line says so."""
    done = bench(flows, "partial")
    assert done.code == 0
    assert "equal, optional work was lost" in done.out


@pytest.mark.slow
def test_an_interrupt_ends_it(flows: Cli) -> None:
    """Ctrl-C cancels the run that goes on, and no other follows; 130."""
    done = bench(flows, "interrupted")
    assert done.code == 130
    assert "no repeat was completed" in done.out
    assert "speedup" not in done.out


@pytest.mark.parametrize(
    ("option", "value"),
    [("--repeats", "0"), ("--warmup", "-1"), ("--min-speedup", "0"), ("--min-speedup", "inf")],
)
def test_numbers_that_make_no_sense(flows: Cli, option: str, value: str) -> None:
    """They are refused before anything runs; 2."""
    assert flows.run("bench", "flows.py:wide", option, value).code == 2


# -------------------------------------------------------------------- models


def test_the_offline_model_is_no_model(flows: Cli) -> None:
    """What it composed is said, and that nobody was called."""
    done = bench(flows, "composed")
    assert "no model was called: the offline one composed 4 answers" in done.out
    assert data(bench(flows, "composed", "--json"))["models"] == {
        "names": [], "calls": 0, "input_tokens": 0, "output_tokens": 0, "cost": 0, "offline_answers": 4,
    }  # fmt: skip


def test_a_chosen_offline_model_is_not_asked_about(flows: Cli) -> None:
    """It costs nothing."""
    flows.write("stretto.toml", '[model]\nprovider = "offline"\n')
    assert bench(flows, "asks").code == 0


def test_a_real_provider_is_asked_about(flows: Cli) -> None:
    """Nobody is there to ask: nothing runs, and what helps is said; 2."""
    flows.write("stretto.toml", REAL)
    done = bench(flows, "written")
    assert (done.code, done.out) == (2, "")
    assert "The steps ask my-model (openai-compatible)." in done.err
    assert "What one run spends is unknown" in done.err
    assert "4 runs may spend money" in done.err
    assert "--yes" in done.err


def test_a_workflow_that_asks_no_model_spends_nothing(flows: Cli) -> None:
    """A provider in the settings is no reason to ask when no step asks for one."""
    flows.write("stretto.toml", REAL)
    assert bench(flows, "wide").code == 0


@pytest.mark.parametrize(("answer", "code"), [("y\n", 0), ("Yes\n", 0), ("n\n", 2), ("\n", 2), ("", 2)])
def test_the_answer_counts(flows: Cli, monkeypatch: pytest.MonkeyPatch, answer: str, code: int) -> None:
    """Only a yes is one."""
    flows.write("stretto.toml", REAL)
    monkeypatch.setattr(sys, "stdin", Terminal(answer))
    done = bench(flows, "written")
    assert done.code == code
    assert "Run it 4 times? [y/N]" in done.err
    assert ("Nothing was run." in done.err) is (code == 2)


def test_what_was_spent_is_told(flows: Cli) -> None:
    """With ``--yes`` it isn't asked; calls, tokens and cost of all runs, the warm-up's, too."""
    flows.write("stretto.toml", REAL)
    done = bench(flows, "written", "--yes", "--warmup", "1")
    assert done.code == 0
    assert "models (paid), warm-up included:\n  6 calls, 60 tokens in, 30 out, $1.5000\n" in done.out


def test_what_is_expected_is_what_the_last_run_spent(flows: Cli) -> None:
    """A recorded run of this workflow with this model tells; one with another model does not."""
    flows.write("stretto.toml", REAL.replace("my-model", "another"))
    flows.run("run", "flows.py:written")
    flows.write("stretto.toml", REAL)
    assert "What one run spends is unknown" in bench(flows, "written").err
    flows.run("run", "flows.py:written")
    flows.run("run", "flows.py:wide", "-i", "x=1")
    done = bench(flows, "written")
    assert "(estimate): 1 calls, 10 tokens in, 5 out, $0.2500 a run;" in done.err
    assert "for 4 runs: 4 calls, 40 tokens in, 20 out, $1.0000" in done.err


def test_a_broken_record_says_nothing_about_spending(flows: Cli) -> None:
    """It is passed over."""
    flows.write("stretto.toml", REAL)
    flows.run("run", "flows.py:written")
    (path,) = (flows.folder / ".stretto" / "runs").glob("*.ndjson")
    path.write_text(path.read_text() + "no event\n")
    assert "What one run spends is unknown" in bench(flows, "written").err


def test_models_from_elsewhere_are_asked_about(flows: Cli) -> None:
    """A workflow's own engine may hold one, and a factory of the settings may make one."""
    assert "The steps ask object." in bench(flows, "own").err
    flows.write("stretto.toml", '[resources]\nmodel = "flows:Engine"\n')
    done = bench(flows, "written")
    assert done.code == 2
    assert "what flows:Engine gives" in done.err


# -------------------------------------------------------------------- keeping figures


@pytest.mark.slow
def test_figures_are_kept_and_never_overwritten(flows: Cli) -> None:
    """Dated files in ``.stretto/bench``, which git ignores by itself."""
    done = bench(flows, "wide", "--save")
    bench(flows, "wide", "--save", "--json")
    folder = flows.folder / ".stretto" / "bench"
    paths = sorted(folder.glob("wide-*Z*.json"))
    assert len(paths) == 2
    assert f"saved: {folder}" in done.out
    kept = json.loads(paths[0].read_text())
    assert (kept["workflow"], kept["is_equal"], kept["at"][:2]) == ("wide", True, "20")
    assert (folder / ".gitignore").read_text() == "*\n"


def test_two_benches_of_one_second_have_two_files(tmp_path: Path) -> None:
    """The second gets a number."""
    paths = [bench_saving._written(tmp_path, "same", text) for text in ("a", "b")]
    assert [path.name for path in paths] == ["same.json", "same-2.json"]
    assert [path.read_text() for path in paths] == ["a", "b"]


def test_a_folder_that_cannot_be_made_is_told_before_anything_runs(flows: Cli) -> None:
    """Not after minutes of measuring; 2."""
    (flows.folder / ".stretto").write_text("a file")
    done = bench(flows, "wide", "--save")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("error: --save: ")


def test_figures_that_cannot_be_written_are_told_all_the_same(
    flows: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk is full when all is measured: the figures are on the screen; 2."""

    def full(*_: object) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(bench_saving, "_written", full)
    done = bench(flows, "wide", "--save")
    assert done.code == 2
    assert "equal: in each repeat" in done.out
    assert "No space left on device" in done.err
