"""``stretto explain``: what is said about runs that are over, failed, or were killed."""

from __future__ import annotations

import json
import signal
import time
from typing import TYPE_CHECKING

import pytest

from service.service_targets import FLOWS
from service.waiting_flows import WAITING
from stretto.service.cli.explain_losses import Loss
from stretto.service.records import record_files

if TYPE_CHECKING:
    from pathlib import Path

    from service.conftest import Cli, Outcome

MORE = """
@step(limit="desk")
async def queued(x: int) -> int:
    await asyncio.sleep(0.02)
    return x


@step(retry=Retry(attempts=2, first_wait=0.02, jitter=False))
async def flaky(x: int) -> int:
    if current().attempt == 1:
        raise ValueError("again")
    return x


@step
async def naps(x: int) -> int:
    await asyncio.sleep(0.02)
    return x


@step
async def total(parts: list[int]) -> int:
    return sum(parts)


@workflow(engine=Engine(limits={"desk": 1}))
def desk(x: int = 1) -> int:
    return total([queued.named("a")(x), queued.named("b")(x), queued.named("c")(x)])


@workflow
def again(x: int = 1) -> int:
    return second(flaky(x))


@workflow
def wide(x: int = 1) -> int:
    return total([naps.named(f"n{i}")(x) for i in range(4)])


@workflow(example={"x": 1})
def chain(x: int = 1) -> int:
    return second.named("behind")(naps.named("ahead")(x))


@workflow
def blocked(x: int = 1) -> list[int]:
    return [second.after(first(x))(boom(x)), first.named("free")(x)]


@workflow
def many(x: int = 1) -> int:
    return total([first.named(f"step{i}")(x) for i in range(60)])
"""


@pytest.fixture
def flows(cli: Cli) -> Cli:
    """A folder with `flows.py`."""
    (cli.folder / "flows.py").write_text(FLOWS + MORE)
    return cli


def explained(flows: Cli, target: str, *more: str) -> Outcome:
    """Run a workflow, then explain that run."""
    flows.run("run", f"flows.py:{target}", *more)
    return flows.run("explain")


def data(flows: Cli, *arguments: str) -> dict[str, object]:
    """What is said, as data."""
    done = flows.run("explain", *arguments, "--json")
    assert (done.code, done.err) == (0, "")
    (line,) = done.out.splitlines()
    found: dict[str, object] = json.loads(line)
    return found


def test_a_run_that_succeeded(flows: Cli) -> None:
    """Which run, its path, where the time went, what would help (an estimate), why each step waited; 0."""
    done = explained(flows, "chain")
    assert (done.code, done.err) == (0, "")
    (path,) = record_files()
    assert done.out.startswith(f"chain  run {path.stem}  20")
    order = [
        "succeeded in 0.0", "critical path", "  ahead ", "after ahead", "where the time went",
        "  critical path   ran", "  lower bound", "what would help most (estimate: ",
        "why each step waited", "  ahead   did not wait", "  behind  for ahead until ",
    ]  # fmt: skip
    places = [done.out.index(words) for words in order]
    assert places == sorted(places)


def test_a_named_limit(flows: Cli) -> None:
    """Who waited for it how long, in all, and what two permits more would bring."""
    done = explained(flows, "desk")
    assert "s  for permits of the limit desk" in done.out
    assert "with 2 more permits of `desk`" in done.out
    assert "  c      for limit desk 0.0" in done.out
    assert "for limit desk (+0.0" in done.out
    assert "without the edge" not in done.out.split("what would help most")[0]


def test_a_retry(flows: Cli) -> None:
    """The backoff is told apart from running, on the path and for the step."""
    done = explained(flows, "again")
    assert "before attempt 2 (+0.02" in done.out
    assert "s  between a failed attempt and the next" in done.out
    assert "if `flaky` succeeded at its first attempt" in done.out


def test_a_cap_and_one_by_one(flows: Cli) -> None:
    """The cap is named with its size; in author order steps wait for their turn, and dataflow is proposed."""
    capped = explained(flows, "wide", "--max-concurrency", "2")
    assert "for a permit of the run (at most 2 at once)" in capped.out
    assert "with 4 at once in place of 2" in capped.out
    assert "for the permit that n" in capped.out
    turns = explained(flows, "wide", "--sequential")
    assert "one by one" in turns.out.splitlines()[1]
    assert "for their turn, one by one" in turns.out
    assert "as dataflow, not one by one" in turns.out
    assert "its turn, after n" in turns.out


def test_a_run_that_failed(flows: Cli) -> None:
    """What failed, what it blocked, what is kept; nothing is said of what would have been faster."""
    done = explained(flows, "blocked")
    assert done.code == 0
    assert "failed (error) in" in done.out
    assert "what failed\n  boom: ValueError: no such drink: 1\n    blocked second\n" in done.out
    assert "kept: 2 of 4 steps had finished\n  first, free\n" in done.out
    assert "  second  never began: needs boom, which was lost" in done.out
    assert "would help" not in done.out
    assert "bound efficiency" not in done.out


def test_a_failure_that_blocked_nothing(flows: Cli) -> None:
    """Two that fail at once; nothing stood behind them."""
    done = explained(flows, "two_bad")
    assert done.out.count("nothing else needed it") == 2


def test_lost_optional_work(flows: Cli) -> None:
    """A partial run says what was lost and what its consumers got."""
    done = explained(flows, "partial")
    assert "partial in" in done.out
    assert "  lost: KeyError: 'gone'\n    optional: its consumers got its default" in done.out
    assert "kept:" not in done.out


def test_a_run_past_its_deadline(flows: Cli) -> None:
    """Its cause, and what was cut."""
    done = explained(flows, "endless", "--within", "0.05")
    assert "failed (timed_out) in" in done.out
    assert "cancelled with the run\n  forever\n" in done.out


@pytest.mark.slow
def test_a_killed_run(flows: Cli) -> None:
    """What was running is told, and nothing is claimed; its record alone says no more than that it stops."""
    with flows.start("run", "flows.py:endless") as child:
        _wait_for_start(flows.folder, '"forever"')
        child.send_signal(signal.SIGKILL)
        child.communicate(timeout=30)
    done = flows.run("explain")
    assert done.code == 0
    (path,) = record_files()
    assert f"running: no process has it: stretto resume {path.stem}\n" in done.out
    recorded = flows.run("explain", str(path)).out
    assert "not over: its file stops after" in recorded
    assert "it still runs, or was killed" in recorded
    assert "was running\n  forever\n" in done.out
    assert "kept: 1 of 2 steps had finished\n  first\n" in done.out
    assert "would help" not in done.out
    assert data(flows)["is_over"] is False


def _wait_for_start(folder: Path, words: str) -> None:
    limit = time.monotonic() + 30
    while time.monotonic() < limit:
        files = record_files(folder / ".stretto")
        if files and files[0].read_text().count(words) > 1:
            return
        time.sleep(0.01)
    pytest.fail("the run never began")


def test_growth(flows: Cli) -> None:
    """Items of a map over a map are explained like any step, by the item that they waited for."""
    flows.run("run", "flows.py:grows", "-i", "n=2")
    found = {each["path"]: each for each in data(flows)["steps"]}  # type: ignore[attr-defined]
    assert [wait["on"] for wait in found["second[1]"]["waits"]] == ["first[1]"]
    assert [wait["on"] for wait in found["first[1]"]["waits"]] == ["items"]


def test_one_step(flows: Cli) -> None:
    """All about it: what it needs, who needs it, why it waited, what happened, what would help."""
    flows.run("run", "flows.py:again")
    done = flows.run("explain", "latest", "flaky")
    assert (done.code, done.err) == (0, "")
    for words in (
        "flaky  succeeded, ran 0.0", ", 2 attempts\n", "  needs nothing\n  needed by second\n",
        "  is on the critical path\n", "before attempt 2 0.02", "attempt 1 failed: ValueError: again",
        "attempt 2 succeeded", "if `flaky` succeeded at its first attempt",
    ):  # fmt: skip
        assert words in done.out
    other = flows.run("explain", "latest", "second")
    assert "for flaky until" in other.out
    assert "if `flaky`" not in other.out
    flows.run("run", "flows.py:bad")
    assert "  ValueError: no such drink: 1\n" in flows.run("explain", "latest", "boom").out
    first = flows.run("explain", "latest", "first").out
    assert "it did not: it started with the run" in first


def test_as_data(flows: Cli) -> None:
    """One line with everything the words are made of; instants count from the run's start."""
    flows.run("run", "flows.py:desk")
    found = data(flows)
    assert (found["v"], found["workflow"], found["status"], found["is_over"]) == (
        1,
        "desk",
        "succeeded",
        True,
    )
    timing = found["timing"]
    assert isinstance(timing, dict)
    assert 0 <= timing["critical_path"][0]["started_at"] < 1
    steps = {each["path"]: each for each in found["steps"]}  # type: ignore[attr-defined]
    (wait,) = steps["b"]["waits"]
    assert (wait["cause"], wait["on"], wait["attempt"], wait["is_over"]) == ("limit", "desk", 1, True)
    assert wait["seconds"] == pytest.approx(wait["until"] - wait["since"])
    helps = {each["kind"]: each for each in found["would_help"]}  # type: ignore[attr-defined]
    assert (helps["limit"]["about"], helps["limit"]["is_estimate"]) == (["desk"], True)
    assert helps["limit"]["after"] < helps["limit"]["before"]
    assert found["replayed"] == helps["limit"]["before"]
    assert found["waited"]["limit desk"] > 0.05  # type: ignore[index]
    assert found["kept"] == ["a", "b", "c", "total"]


def test_a_failed_run_as_data(flows: Cli) -> None:
    """Losses with what they blocked; no simulation."""
    flows.run("run", "flows.py:blocked")
    found = data(flows)
    assert found["lost"] == [
        {"step": "boom", "why": "ValueError: no such drink: 1", "attempts": 1, "is_defaulted": False,
         "blocked": ["second"]},
    ]  # fmt: skip
    assert (found["would_help"], found["replayed"]) == ([], None)


def test_one_step_as_data(flows: Cli) -> None:
    """The step with its neighbors, and the proposals about it."""
    flows.run("run", "flows.py:again")
    found = data(flows, "latest", "flaky")
    step = found["step"]
    assert isinstance(step, dict)
    assert (step["path"], step["needs"], step["needed_by"], step["attempts"]) == ("flaky", [], ["second"], 2)
    assert "retries" in {each["kind"] for each in found["would_help"]}  # type: ignore[attr-defined]


def test_runs_are_named_by_id_or_file(flows: Cli) -> None:
    """The beginning of an id is enough, also of a run that no store has; a file may lie anywhere."""
    flows.run("run", "flows.py:nothing", "--store", "memory")
    (path,) = record_files()
    elsewhere = path.rename(flows.folder / "kept.ndjson")
    assert flows.run("explain", "kept.ndjson").out.startswith(f"nothing  run {path.stem}")
    assert flows.run("explain", path.stem[:4]).code == 4
    elsewhere.rename(path)
    assert flows.run("explain", path.stem[:4]).code == 0


def test_the_store_is_asked_first(flows: Cli) -> None:
    """A run that a store has needs no record; the latest of all may be one that only a record has."""
    flows.run("run", "flows.py:chain", "--no-record")
    kept = data(flows)
    assert (kept["workflow"], kept["status"]) == ("chain", "succeeded")
    assert str(kept["file"]).startswith("sqlite:///")
    assert [each["path"] for each in kept["steps"]] == ["ahead", "behind"]  # type: ignore[attr-defined]
    flows.run("run", "flows.py:good", "-i", "x=1", "--store", "memory")
    assert data(flows)["workflow"] == "good"


def test_waiting_for_people_is_told_apart(cli: Cli) -> None:
    """Time that a person took is no work: it is named, with who answered, and no proposal is about it."""
    cli.write("asks.py", WAITING)
    cli.run("run", "asks.py:order")
    open_ = cli.run("explain").out
    assert "waiting: only people, events or an instant can move it\n" in open_
    assert "approve  for design until" in open_
    assert "for a person so far" in open_
    cli.run("approve", "latest", "--by", "ann")
    over = cli.run("explain").out
    assert "; for a person (ann) 0." in over
    assert " of waiting for people are left out of it" in over
    assert "when nothing else ran" in over
    step = cli.run("explain", "latest", "approve").out
    assert "answered by ann: approve" in step


def test_what_is_not_there(flows: Cli) -> None:
    """No run, no such run, no such file, no such step: what there is; 4."""
    none = flows.run("explain")
    assert (none.code, none.out) == (4, "")
    assert "`stretto run TARGET` records one" in none.err
    flows.run("run", "flows.py:good", "-i", "x=1")
    (path,) = record_files()
    unknown = flows.run("explain", "zzz")
    assert unknown.code == 4
    assert f"There is no run 'zzz'. Known: {path.stem}." in unknown.err
    assert "stretto explain latest STEP" in unknown.err
    assert flows.run("explain", "gone.ndjson").code == 4
    step = flows.run("explain", "latest", "secnd")
    assert step.code == 4
    assert "There is no step 'secnd'. Known: first, second." in step.err
    assert "Did you mean 'second'?" in step.err


def test_a_file_that_is_none(flows: Cli) -> None:
    """The stream of --json, and a newer version's file, are refused with words; 2."""
    done = flows.run("run", "flows.py:nothing", "--json")
    (flows.folder / "stream.ndjson").write_text(done.out)
    refused = flows.run("explain", "stream.ndjson")
    assert refused.code == 2
    assert "The stream of --json does not" in refused.err
    (path,) = record_files()
    path.write_text(path.read_text().replace('"format": 1', '"format": 99'))
    newer = flows.run("explain", str(path))
    assert newer.code == 2
    assert "written by a newer Stretto (format 99" in newer.err


def test_long_lists_are_shortened(flows: Cli) -> None:
    """At most forty steps are listed in words, all of them as data; no line is wider than a terminal."""
    done = explained(flows, "many")
    assert "… and 21 more; --json lists all" in done.out
    assert max(map(len, done.out.splitlines())) <= 80
    assert len(data(flows)["steps"]) == 61  # type: ignore[arg-type]


def test_a_loss_tells_all_it_knows_as_data() -> None:
    """What `--json` says of each."""
    loss = Loss("boom", "ValueError: no", 2, is_defaulted=False, blocked=("second",))
    assert loss.as_data() == {
        "step": "boom",
        "why": "ValueError: no",
        "attempts": 2,
        "is_defaulted": False,
        "blocked": ["second"],
    }
