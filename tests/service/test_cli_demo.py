"""``stretto demo``: two runs, measured and compared; simulated latencies are made short but in one test."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import pytest

from service.conftest import SOURCE
from stretto.errors import PermanentError
from stretto.service.cli import demo

if TYPE_CHECKING:
    from service.conftest import Cli, Outcome


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Replies in a fiftieth of the time."""
    monkeypatch.setattr(demo, "LATENCY_MEDIAN", demo.LATENCY_MEDIAN / 50)
    monkeypatch.setattr(demo, "LATENCY_MAX", demo.LATENCY_MAX / 50)


def conclusion(done: Outcome) -> dict[str, object]:
    """The data of the last line."""
    last = json.loads(done.out.splitlines()[-1])
    assert last["type"] == "demo"
    data: dict[str, object] = last["data"]
    return data


@pytest.mark.slow
@pytest.mark.usefixtures("quick")
def test_two_runs_measured_and_compared(cli: Cli) -> None:
    """One by one measured, bound, actual, the path, the reports, and that both values are equal; 0."""
    done = cli.run("demo")
    assert (done.code, done.err) == (0, "")
    assert "simulated provider" in done.out
    assert "Deadlines of the run and of groups are suspended in both runs." in done.out
    for words in ("one by one", "measured", "lower bound", "actual", "speedup", "where the time went"):
        assert words in done.out
    assert "estimate" not in done.out
    assert "models: 15 calls" in done.out
    assert done.out.endswith("\nequal: both runs gave the same value\n")
    reports = [cli.folder / line.strip() for line in done.out.splitlines() if line.startswith("  out/")]
    assert {path.suffix for path in reports} == {".md", ".html", ".json"}
    assert all(path.stat().st_size > 1000 for path in reports)


@pytest.mark.slow
@pytest.mark.usefixtures("quick")
def test_as_data_and_never_over_earlier_reports(cli: Cli) -> None:
    """Both runs' events and a conclusion; a second demo writes beside the first one's reports."""
    done = cli.run("demo", "--json", "--output", "reports", "--seed", "7")
    events = [json.loads(line) for line in done.out.splitlines()]
    results = [event for event in events if event["type"] == "result"]
    assert [result["data"]["status"] for result in results] == ["succeeded", "succeeded"]
    assert len({result["run"] for result in results}) == 2
    data = conclusion(done)
    assert (data["is_equal"], data["difference"], data["provider"]) == (True, None, "simulated")
    assert data["one_by_one"] == results[0]["data"]["timing"]["makespan"]
    again = conclusion(cli.run("demo", "--json", "--output", "reports", "--seed", "7"))
    assert not set(data["reports"]) & set(again["reports"])  # type: ignore[call-overload]
    assert len(list((cli.folder / "reports").iterdir())) == 2


@pytest.mark.slow
@pytest.mark.usefixtures("quick")
def test_one_changed_reply_is_found(cli: Cli) -> None:
    """A word changed in the second run's replies: the values differ, where is told; 20."""
    done = cli.run("demo", "--change-reply", "Meridian Health=Somebody Else")
    assert done.code == 20
    assert done.err.startswith("error: the two results differ: ")
    assert "Somebody Else" in done.err
    assert "equal" not in done.out
    assert "differs" in done.out


@pytest.mark.slow
@pytest.mark.usefixtures("quick")
def test_another_request(cli: Cli) -> None:
    """A packaged example by name, or any request by its file."""
    path = SOURCE.parent / "examples" / "assess" / "ml-studio.yaml"
    done = cli.run("demo", "--example", str(path), "--json")
    assert conclusion(done)["is_equal"]
    assert "0001-meridian" not in str(conclusion(done)["reports"])
    named = cli.run("demo", "--example", "health-startup", "--json")
    assert "0002-meridian-health" in str(conclusion(named)["reports"])


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["--example", "nobody"], 4, "There is no example 'nobody'. Known: health-startup"),
        (["--example", "none.yaml"], 2, "none.yaml: there is no such file."),
        (["--change-reply", "nothing"], 2, "it is written OLD=NEW"),
        (["--seed", "-1"], 2, "--seed"),
    ],
)
def test_bad_input(cli: Cli, arguments: list[str], code: int, says: str) -> None:
    """Told before anything is started."""
    done = cli.run("demo", *arguments)
    assert done.code == code
    assert says in done.err
    assert list(cli.folder.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_told_first(cli: Cli) -> None:
    """Nobody waits for two runs to learn that their reports have no place."""
    cli.write("taken", "a file")
    done = cli.run("demo", "--output", "taken")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("error: -o taken: ")


@pytest.mark.slow
@pytest.mark.usefixtures("quick")
def test_a_disk_that_fails_at_the_end_costs_the_reports_alone(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was measured and compared is told before the error."""

    def save(_value: object, folder: object) -> None:
        raise PermanentError(f"The reports cannot be written below {folder}.")

    monkeypatch.setattr("stretto_apps.assess.workflow.save", save)
    done = cli.run("demo")
    assert done.code == 1
    assert "equal: both runs gave the same value" in done.out
    assert "cannot be written below out" in done.err


def test_settings_do_not_apply(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """A project's cap or provider does not change the demo."""
    seen: list[object] = []

    def wire(settings: object, **given: object) -> None:
        seen.append(settings)
        raise KeyboardInterrupt

    cli.write("stretto.toml", "max_concurrency = 1\n")
    monkeypatch.setattr(demo, "wire", wire)
    cli.run("demo")
    assert seen == [demo.Settings()]


@pytest.mark.heavy
def test_the_demo_as_it_is(cli: Cli) -> None:
    """With realistic latency it takes under 30 s in all, and dataflow is at least twice as fast."""
    begun = time.monotonic()
    done = cli.spawn("demo", "--json")
    assert time.monotonic() - begun < 30
    data = conclusion(done)
    assert data["is_equal"]
    assert isinstance(data["speedup"], float)
    assert data["speedup"] > 2
    assert isinstance(data["bound_efficiency"], float)
    assert data["bound_efficiency"] > 0.9
