"""The events file that a run leaves: what is in it, how it is read back, and what may go wrong with it."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from service.service_targets import FLOWS
from stretto.core.graph import Role, Where
from stretto.core.journal import facts as kinds
from stretto.core.policy import Cause
from stretto.errors import InputError, NotFoundError
from stretto.ports import RunInfo, Telemetry
from stretto.service import records
from stretto.service.recorded import find_record, head_of, read_record
from stretto.service.records import Head, RunRecord, record_files
from stretto.service.state import made_folder, state_folder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from service.conftest import Cli

MORE = """
@step(retry=Retry(attempts=2, first_wait=0.0), limit="desk", within=9, timeout=3)
async def flaky(x: int) -> int:
    current().usage(input_tokens=3, output_tokens=4, cost=0.5, model="some")
    current().output("streamed")
    current().progress(1, 2)
    if current().attempt == 1:
        raise ValueError("again")
    return x


@step(retry=Retry(attempts=2, first_wait=0.0), timeout=0.01)
async def late(x: int) -> int:
    if current().attempt == 1:
        await asyncio.Event().wait()
    return x


@step
async def wide(x: int) -> str:
    return "\\u2028" * 20_000


@workflow(engine=Engine(limits={"desk": 2}), within=60)
def much(n: int = 2) -> object:
    with group("pair", within=5, min_success=1):
        first.named("in_pair")(n)
        lost(n)
    return [second.map(first.map(items(n))), flaky(n), late(n), wide(n)]
"""


@pytest.fixture
def flows(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """A folder with `flows.py`; of its runs nothing but the record is kept."""
    monkeypatch.setenv("STRETTO_STORE", "memory")
    (cli.folder / "flows.py").write_text(FLOWS + MORE)
    return cli


def left_by(flows: Cli, name: str, *more: str) -> Path:
    """Run a workflow and give the events file that it left."""
    before = set(record_files())
    flows.run("run", f"flows.py:{name}", *more)
    (path,) = set(record_files()) - before
    return path


def changed(path: Path, edit: Callable[[list[dict[str, object]]], object]) -> Path:
    """The file with its lines edited."""
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    edit(lines)
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


# -------------------------------------------------------------------- what is in it


def test_a_run_leaves_its_events(flows: Cli) -> None:
    """In ``.stretto/runs`` under the run's id: a head, then the lines of --json, readable by their owner alone."""
    done = flows.run("run", "flows.py:good", "-i", "x=1", "--json")
    said = [json.loads(line) for line in done.out.splitlines()]
    (path,) = record_files()
    assert path == flows.folder / ".stretto" / "runs" / f"{said[0]['run']}.ndjson"
    head, *kept = [json.loads(line) for line in path.read_text().splitlines()]
    assert (head["type"], head["data"]) == (
        "record", {"format": 1, "workflow": "good", "limits": {}, "model": {}},
    )  # fmt: skip
    for shown, line in zip(said[:-1], kept, strict=True):
        assert line == {**shown, "data": {**shown["data"], **line["data"]}}
    assert [set(line["data"]) - set(shown["data"]) for shown, line in zip(said[:-1], kept, strict=True)] == [
        {"graph", "groups", "options"}, *[set()] * (len(kept) - 1),
    ]  # fmt: skip
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_git_ignores_the_folder_by_itself(flows: Cli) -> None:
    """Its own ``.gitignore`` names everything in it."""
    assert (left_by(flows, "nothing").parent / ".gitignore").read_text() == "*\n"


def test_the_graph_comes_back(flows: Cli) -> None:
    """Steps with their rules, edges, groups, and what grew under which anchor."""
    found = read_record(left_by(flows, "much"))
    graph = found.graph
    at = {graph.path(index): index for index in range(len(graph))}
    assert {"first[0]", "first[1]", "second[0]", "second[1]"} < set(at)
    assert [graph.path(each) for each in graph.children[at["second"]]] == ["second[0]", "second[1]"]
    assert at["first[1]"] in graph.deps[at["second[1]"]]
    assert at["second[1]"] in graph.consumers_of(at["first[1]"])
    spec = graph.specs[at["flaky"]]
    assert (spec.limits, spec.within, spec.timeout, spec.retry.attempts) == (("desk",), 9, 3, 2)
    assert (graph.specs[at["lost"]].optional, spec.optional) == (True, False)
    assert [graph.specs[at[name]].role for name in ("first", "pair", "flaky")] == [
        Role.MAP, Role.GATE, Role.STEP,
    ]  # fmt: skip
    assert spec.where is Where.LOOP
    (group,) = graph.groups
    assert (group.name, group.within, group.min_success, group.gate) == ("pair", 5, 1, at["pair"])
    assert [graph.path(each) for each in group.members] == ["in_pair", "lost"]
    assert (found.created.options.within, found.created.options.permits, found.limits) == (
        60, 1024, {"desk": 2},
    )  # fmt: skip


def test_what_happened_comes_back(flows: Cli) -> None:
    """States, attempts and why they failed; the calls to models, without what was streamed."""
    path = left_by(flows, "much")
    found = read_record(path)
    view, graph = found.view(), found.graph
    assert (view.status, found.is_cut) == ("partial", False)
    steps = {graph.path(index): view.step(index) for index in range(len(graph))}
    assert {name: step.state for name, step in steps.items() if step.state != "succeeded"} == {
        "lost": "failed"
    }
    assert steps["lost"].is_defaulted
    failures = [each.failure for each in steps["flaky"].attempts]
    assert (failures[0].kind, failures[0].message, failures[1]) == ("ValueError", "again", None)
    assert [each.failure and each.failure.cause for each in steps["late"].attempts] == [Cause.TIMED_OUT, None]
    assert all(each.ended_at is not None for step in steps.values() for each in step.attempts)
    assert [call["input_tokens"] for call in found.usage] == [3, 3]
    assert "streamed" not in path.read_text()
    assert '"step.progress"' in path.read_text()


def test_a_large_value_is_replaced_by_its_size(flows: Cli) -> None:
    """A file of events is no store: what is long is left out, and said to be."""
    path = left_by(flows, "much")
    lines = [json.loads(line) for line in path.read_text().split("\n") if line]
    values = [line["data"]["value"] for line in lines if line["step"] == "wide" and "value" in line["data"]]
    assert values == [{"omitted": "20002 characters of JSON"}]
    assert [
        line["data"]["value"] for line in lines if line["step"] == "in_pair" and "value" in line["data"]
    ] == [3]


def test_no_record_leaves_nothing(flows: Cli) -> None:
    """With ``--no-record`` and no journal not even the folder is made."""
    assert flows.run("run", "flows.py:nothing", "--no-record").code == 0
    assert not (flows.folder / ".stretto").exists()


def test_the_newest_are_kept(flows: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of more than so many the oldest go; other files in the folder are nobody's business."""
    monkeypatch.setattr(records, "KEPT", 2)
    paths = [left_by(flows, "nothing")]
    (paths[0].parent / "notes.txt").write_text("mine")
    for age in (30, 20):
        os.utime(paths[-1], (1_000_000_000 - age, 1_000_000_000 - age))
        paths.append(left_by(flows, "nothing"))
    assert sorted(record_files()) == sorted(paths[1:])
    assert (paths[0].parent / "notes.txt").exists()


# -------------------------------------------------------------------- where it lies


def test_the_state_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``STRETTO_HOME`` where it says something, else ``.stretto`` here."""
    monkeypatch.setenv("HOME", str(tmp_path))
    assert state_folder({}, tmp_path) == tmp_path / ".stretto"
    assert state_folder({"STRETTO_HOME": "  "}, tmp_path) == tmp_path / ".stretto"
    assert state_folder({"STRETTO_HOME": "/elsewhere"}, tmp_path).as_posix() == "/elsewhere"
    assert state_folder({"STRETTO_HOME": "~/state"}) == tmp_path / "state"


def test_a_folder_is_made_once(tmp_path: Path) -> None:
    """What is there stays as it is."""
    folder = made_folder("runs", tmp_path / "a" / "b")
    (folder / ".gitignore").write_text("mine\n")
    assert made_folder("runs", tmp_path / "a" / "b") == folder
    assert (folder / ".gitignore").read_text() == "mine\n"


def test_home_may_be_elsewhere(flows: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs are left, and found, there."""
    monkeypatch.setenv("STRETTO_HOME", str(flows.folder / "home"))
    path = left_by(flows, "nothing")
    assert path.parent == flows.folder / "home" / "runs"
    assert not (flows.folder / ".stretto").exists()
    assert find_record(None) == path


# -------------------------------------------------------------------- what goes wrong


def test_a_folder_that_cannot_be_made_never_fails_a_run(flows: Cli) -> None:
    """One warning, and the run is what it would have been."""
    (flows.folder / ".stretto").write_text("a file")
    done = flows.run("run", "flows.py:good", "-i", "x=1")
    assert done.code == 0
    assert done.out.endswith("value\n4\n")
    assert done.err.count("\n") == 1
    assert done.err.startswith("warning: the run is not recorded: ")


def test_a_disk_that_fills_up_never_fails_a_run(tmp_path: Path) -> None:
    """One warning at the first line that cannot be written; nothing is written after it."""

    class Full:
        def write(self, text: str) -> int:
            raise OSError(28, "No space left on device")

        def close(self) -> None:
            raise OSError(28, "No space left on device")

    from stretto import step, workflow

    @step
    async def said() -> int:
        return 1

    @workflow
    def flow() -> int:
        return said()

    told: list[str] = []
    record = RunRecord(Head({}, {}), told.append, tmp_path)
    result = flow.with_options(observers=[record]).run()
    info = RunInfo("another", "flow", flow.trace().graph)
    record.close()
    record._file = Full()
    record.on_facts(info, [(kinds.RUN_STARTED, kinds.RUN, 0, 1.0, None)])
    record.on_telemetry(info, Telemetry("log", "said", 1, 1.0, {"text": "late"}))
    record.close()
    assert result.value == 1
    assert len(told) == 1
    assert "No space left on device" in told[0]


def test_odd_telemetry_is_written_all_the_same(tmp_path: Path) -> None:
    """What JSON has no form for is replaced by the reason; a NaN has one of ours."""
    from stretto import workflow

    @workflow
    def flow() -> int:
        return 1

    record = RunRecord(Head({}, {}), pytest.fail, tmp_path)
    flow.with_options(observers=[record]).run()
    assert record.path is not None
    record.on_telemetry(
        RunInfo("r", "flow", flow.trace().graph),
        Telemetry("log", "a", 1, 1.0, {"odd": object(), "nan": float("nan")}),
    )
    record.close()
    last = json.loads(record.path.read_text().splitlines()[-1])
    assert "unencodable" in last["data"]["odd"]
    assert last["data"]["nan"] != last["type"]


def test_a_cut_last_line_is_passed_over(flows: Cli) -> None:
    """A killed run leaves a readable file, wherever it was cut, in the middle of a character, too."""
    path = left_by(flows, "good", "-i", "x=1")
    whole = path.read_bytes()
    lines = whole.splitlines(keepends=True)
    for cut in (len(lines[-1]) - 1, 1, 7):
        path.write_bytes(b"".join(lines[:-1]) + lines[-1][: len(lines[-1]) - cut])
        found = read_record(path)
        assert (found.is_cut, found.view().status) == (True, "running") if cut > 1 else (False, "succeeded")
    path.write_bytes(b"".join(lines[:-1]) + '{"é'.encode()[:-1])
    assert read_record(path).is_cut


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "it has no graph to explain"),
        ('{"v": 1, "type": "run.created", "data": {}}\n', "The stream of --json does not"),
        ("[1]\n", "bad.ndjson:1: that is no event"),
        ("no json\n", "bad.ndjson:1: that is no event"),
        ('{"v": 1, "type": "record", "data": {}}\n', "names no format"),
        ('{"v": 1, "run": "a", "type": "record", "data": {"format": 1}}\n', "ended before it began"),
        ('{"v": 1, "run": "a", "type": "record", "data": {"format": 2}}\n', "by a newer Stretto (format 2"),
        (
            '{"v": 2, "run": "a", "type": "record", "data": {"format": 1}}\n',
            "events 2; this one reads 1 and 1",
        ),
    ],
)
def test_what_is_no_events_file_is_refused(tmp_path: Path, text: str, words: str) -> None:
    """Another file, an empty one, one of a newer Stretto: said in words."""
    path = tmp_path / "bad.ndjson"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        read_record(path)
    assert words in str(caught.value)


def test_a_folder_is_no_events_file(tmp_path: Path) -> None:
    """What cannot be read is said, with the reason."""
    with pytest.raises(InputError, match="cannot be read"):
        read_record(tmp_path)


@pytest.mark.parametrize(
    "edit",
    [
        lambda lines: lines[1]["data"]["graph"][1].update(deps=[7]),
        lambda lines: lines[1]["data"]["graph"][0].update(scope=0),
        lambda lines: lines[1]["data"]["graph"][0].update(role="unknown"),
        lambda lines: lines[1]["data"]["groups"].append(
            {"name": "g", "within": None, "min_success": None, "gate": 0, "members": [9]}
        ),
        lambda lines: lines[3].update(step="nobody"),
        lambda lines: lines[3].pop("data"),
    ],
)
def test_a_file_that_was_changed_is_refused(
    flows: Cli, edit: Callable[[list[dict[str, object]]], object]
) -> None:
    """Indices and names that lead nowhere, parts that are missing."""
    path = changed(left_by(flows, "good", "-i", "x=1"), edit)
    with pytest.raises(InputError, match="Was the file changed"):
        read_record(path)


def test_events_nobody_knows_are_passed_over(flows: Cli) -> None:
    """A later version may say more in the same format."""
    path = left_by(flows, "good", "-i", "x=1")
    changed(path, lambda lines: lines.insert(3, {**lines[3], "type": "step.dreamt"}))
    assert read_record(path).view().status == "succeeded"


# -------------------------------------------------------------------- finding one


def test_a_run_is_found_by_the_beginning_of_its_id(flows: Cli) -> None:
    """By all of it, a part, or the file's path."""
    path = left_by(flows, "nothing")
    for name in (path.stem, path.stem[:3], str(path), f"./{path.relative_to(flows.folder)}", None, "latest"):
        assert find_record(name).resolve() == path


def test_the_latest_is_the_one_that_began_last(flows: Cli) -> None:
    """Not the one written last: a long run may end behind a short one."""
    first = left_by(flows, "nothing")
    last = left_by(flows, "nothing")
    os.utime(first)
    assert find_record(None) == last
    last.write_text("broken")
    assert head_of(last) is None
    assert find_record(None) == first


def test_several_runs_of_one_beginning(flows: Cli) -> None:
    """They are named; a whole id wins over a longer one."""
    path = left_by(flows, "nothing")
    for name in ("ab", "abc"):
        path.with_name(f"{name}.ndjson").write_bytes(path.read_bytes())
    path.unlink()
    with pytest.raises(InputError, match=r"'a' begins the ids of 2 runs: ab, abc\. Give more"):
        find_record("a")
    assert find_record("ab").stem == "ab"


def test_what_is_not_there(flows: Cli) -> None:
    """Says what is, and how to make one."""
    with pytest.raises(
        NotFoundError, match=r"'latest'\. None is recorded here; `stretto run TARGET` records one"
    ):
        find_record(None)
    with pytest.raises(NotFoundError, match="None is recorded here"):
        find_record("abc")
    with pytest.raises(NotFoundError, match=r"There is no events file 'gone\.ndjson'"):
        find_record("gone.ndjson")
    path = left_by(flows, "nothing")
    with pytest.raises(NotFoundError, match=f"Known: {path.stem}"):
        find_record("zzz")
    for number in range(12):
        path.with_name(f"x{number}.ndjson").write_bytes(path.read_bytes())
    with pytest.raises(NotFoundError, match="the newest 10 of 13"):
        find_record("zzz")
