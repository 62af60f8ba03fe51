"""Measuring beside other engines: turns, units, wrong values, workers, and the shut network."""

from __future__ import annotations

import asyncio
import io
import json
import os
import socket
import sys
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from bench.pairs import WrongValueError
from bench.peers.by_hand import ByHand
from bench.peers.loads import CROWD, MAKESPAN, OVERHEAD, SIZES, Load, layers, levels, uneven_steps, value_of
from bench.peers.measuring import Worker, measure_load
from bench.peers.quiet import SWITCHES, NetworkUsedError, no_network, silence
from bench.peers.stretto_side import Stretto
from bench.peers.systems import CONTROL, OURS, PEERS, CannotError, Entry, installed, system_at
from bench.peers.table import Cannot
from bench.peers.worker import answer, serve
from bench.shapes import Dag
from bench.table import Row, Sample, Table

from bench import __main__ as command
from bench import peers

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

TINY = SIZES["tiny"]()
# Where the control's 20 ms of sleeping would only cost time: the same graphs, nothing to wait for.
AWAKE = [load._replace(dag=load.dag._replace(seconds=[0.0] * load.steps)) for load in TINY]


class Scripted:
    """A worker that gives prepared turns, and remembers when it was asked."""

    def __init__(self, name: str, calls: list[str], *turns: Mapping[str, float] | Exception) -> None:
        self._name, self._calls, self._turns = name, calls, iter(turns)

    def turn(self, index: int) -> Mapping[str, float]:
        """The next one."""
        self._calls.append(f"{self._name} {index}")
        found = next(self._turns)
        if isinstance(found, Exception):
            raise found
        return found


def _seconds(*values: float) -> list[Mapping[str, float]]:
    return [{"seconds": value, "built": 0.0} for value in values]


def _load(kind: str) -> Load:
    return next(load for load in TINY if load.kind == kind)


def test_systems_take_turns_and_the_first_turn_does_not_count() -> None:
    """A turn of each, again and again; the slow first one is in no figure."""
    calls: list[str] = []
    workers = {
        CONTROL.name: Scripted("control", calls, *_seconds(9, 1, 1)),
        OURS.name: Scripted("ours", calls, *_seconds(9, 2, 2)),
    }
    found = measure_load(_load(OVERHEAD), 4, workers, repeats=2)
    assert calls == ["control 4", "ours 4"] * 3
    assert found.seconds == {CONTROL.name: 1, OURS.name: 2}


def test_an_overhead_is_microseconds_a_step() -> None:
    """12 ms over six steps are 2 000 µs a step."""
    load = _load(OVERHEAD)
    assert load.steps == 6
    workers = {CONTROL.name: Scripted("control", [], *_seconds(9, 0.012, 0.012))}
    figure = measure_load(load, 0, workers, repeats=2).figures[CONTROL.name]
    assert isinstance(figure, Sample)
    assert figure.median == pytest.approx(2000)


def test_a_makespan_is_paired_with_the_control_of_its_turn() -> None:
    """Ratios turn by turn, 1.5 and 1.5, where both sides drift; not a ratio of medians over other turns."""
    workers = {
        CONTROL.name: Scripted("control", [], *_seconds(9, 1, 2)),
        OURS.name: Scripted("ours", [], *_seconds(9, 1.5, 3)),
    }
    assert measure_load(_load(MAKESPAN), 0, workers, repeats=2).figures[OURS.name] == (1.5, 1.5, 1.5)


def test_a_crowd_is_its_p99_over_one_alone() -> None:
    """Of the same turn."""
    turns = [{**_seconds(p99)[0], "alone": alone} for p99, alone in ((9.0, 1.0), (3.0, 2.0), (6.0, 4.0))]
    workers = {CONTROL.name: Scripted("control", [], *turns)}
    assert measure_load(_load(CROWD), 0, workers, repeats=2).figures[CONTROL.name] == (1.5, 1.5, 1.5)


def test_a_system_that_cannot_is_asked_once() -> None:
    """Its reason stands in the result; the others go on."""
    calls: list[str] = []
    workers = {
        CONTROL.name: Scripted("control", calls, *_seconds(9, 1, 1)),
        "a peer": Scripted("peer", calls, CannotError("takes no maps")),
    }
    found = measure_load(_load(OVERHEAD), 0, workers, repeats=2)
    assert found.figures["a peer"] == Cannot("takes no maps")
    assert calls.count("peer 0") == 1


def test_a_wrong_value_ends_the_measuring() -> None:
    """No figure counts then."""
    workers = {CONTROL.name: Scripted("control", [], WrongValueError("returned 2"))}
    with pytest.raises(WrongValueError, match="returned 2"):
        measure_load(_load(OVERHEAD), 0, workers, repeats=2)


@pytest.mark.parametrize("load", AWAKE, ids=lambda load: load.name)
@pytest.mark.parametrize("system", [ByHand(), Stretto()], ids=lambda system: system.name)
def test_control_and_stretto_give_the_wanted_values(system: ByHand | Stretto, load: Load) -> None:
    """On every load."""

    async def run() -> object:
        return await system.build(load)()

    assert asyncio.run(run()) == load.wanted


def test_known_values_of_a_small_graph() -> None:
    """0 → 1; then 7920 + 31 for a step that needs it, and both for the last."""
    dag = Dag([[], [0], [0, 1]], [0.0] * 3)
    assert value_of(dag, [0, 1, 2]) == [1, 7951, 15839 + 31 * 7952]


def test_layers_need_the_step_above_and_its_neighbor() -> None:
    """Three layers of three, around the corner; one wide, they are a chain."""
    assert layers(3, 3).deps[3:] == [[0, 1], [1, 2], [0, 2], [3, 4], [4, 5], [3, 5]]
    assert layers(4, 1).deps == [[], [0], [1], [2]]


def test_levels_are_as_high_as_what_is_needed_allows() -> None:
    """A step that needs a low and a high one is above the high one."""
    assert levels(Dag([[], [], [0], [1, 2], [1]], [0.0] * 5)) == [[0, 1], [2, 4], [3]]


def test_uneven_steps_are_chains_side_by_side() -> None:
    """Each step needs its own chain's last; lengths differ, and are the same every time."""
    dag = uneven_steps(2, 3)
    assert dag.deps == [[], [], [0], [1], [2], [3]]
    assert len(set(dag.seconds)) == 6
    assert dag == uneven_steps(2, 3)


def test_every_wanted_load_is_there_in_both_sizes() -> None:
    """The full ones are as large as the table says."""
    full = SIZES["full"]()
    assert [load.steps for load in full] == [1000, 1000, 1000, 1000, 10_000, 100, full[6].steps, 160, 18]
    assert full[-1].runs == 500
    assert [load.kind for load in full] == [load.kind for load in TINY]
    assert [load.is_map for load in full] == [load.is_map for load in TINY]


def _build(value: object) -> Callable[[], Callable[[], Awaitable[object]]]:
    async def run() -> object:
        return value

    return lambda: run


def test_a_worker_answers_with_seconds() -> None:
    """One line of JSON for each load asked for; what was built is kept."""
    built: list[str] = []

    class Counted(ByHand):
        def build(self, load: Load) -> Callable[[], Awaitable[object]]:
            built.append(load.name)
            return super().build(load)

    answers = io.StringIO()
    serve(Counted(), AWAKE, ["0\n", "8\n", "0\n"], answers)
    found = [json.loads(line) for line in answers.getvalue().splitlines()]
    assert [sorted(each) for each in found] == [
        ["built", "seconds"],
        ["alone", "built", "seconds"],
        ["built", "seconds"],
    ]
    assert built == [AWAKE[0].name, AWAKE[8].name]


def test_a_worker_tells_a_wrong_value() -> None:
    """A time counts only with its value."""
    found = answer(AWAKE[0], "a peer", _build([1, 2]))
    assert "fan-out 6, a peer returned [1, 2]" in str(found["wrong"])


def test_a_worker_tells_a_wrong_value_in_a_crowd() -> None:
    """One wrong run of many is enough."""
    runs = iter(range(10))

    async def run() -> object:
        return AWAKE[8].wanted if next(runs) < 3 else [0]

    assert "returned [0]" in str(answer(AWAKE[8], "a peer", lambda: run)["wrong"])


def test_a_worker_tells_what_it_cannot() -> None:
    """With the system's own words."""

    def refuse() -> Callable[[], Awaitable[object]]:
        raise CannotError("takes no maps")

    assert answer(AWAKE[1], "a peer", refuse) == {"cannot": "takes no maps"}


def test_a_worker_tells_that_the_network_was_asked_for() -> None:
    """In place of figures, even when the one who asked swallowed the refusal."""

    class Curious(ByHand):
        def build(self, load: Load) -> Callable[[], Awaitable[object]]:
            with suppress(NetworkUsedError):
                socket.create_connection(("example.invalid", 80))
            return super().build(load)

    answers = io.StringIO()

    def measured() -> None:
        with no_network() as network:
            serve(Curious(), AWAKE, ["0\n"], answers, network)

    with pytest.raises(NetworkUsedError, match=r"example\.invalid"):
        measured()
    assert json.loads(answers.getvalue()) == {
        "network": "asyncio by hand wanted the network: example.invalid"
    }


def test_the_network_is_shut_in_threads_and_open_again_after() -> None:
    """Telemetry is sent from threads; what was replaced is put back."""
    doors = (socket.getaddrinfo, socket.socket.connect, socket.socket.sendto)

    def telemetry() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender, suppress(NetworkUsedError):
            sender.sendto(b"x", ("192.0.2.1", 9))

    def measured() -> None:
        with no_network():
            thread = threading.Thread(target=telemetry)
            thread.start()
            thread.join()

    with pytest.raises(NetworkUsedError, match=r"192\.0\.2\.1"):
        measured()
    assert (socket.getaddrinfo, socket.socket.connect, socket.socket.sendto) == doors


def test_telemetry_is_switched_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the environment says."""
    for name in SWITCHES:
        monkeypatch.setenv(name, "true")
    silence()
    assert {os.environ[name] for name in SWITCHES} == {"false"}


def test_a_missing_package_is_named_once_and_its_systems_left_out() -> None:
    """The others stay."""
    absent = "stretto-bench-peer-that-is-not-there"
    entries = [
        Entry("one", "a:A", "", absent),
        Entry("two", "b:B", "", absent),
        Entry("there", "c:C", "", "pytest"),
    ]
    found, versions, missing = installed(entries)
    assert [entry.name for entry in found] == ["there"]
    assert list(versions) == ["pytest"]
    assert missing == [absent]


def test_entries_are_called_what_their_systems_are_called() -> None:
    """The control and ours; the peers are looked at where they are installed."""
    assert system_at(CONTROL.place).name == CONTROL.name
    assert system_at(OURS.place).name == OURS.name


@pytest.mark.slow
def test_a_worker_is_a_process_that_answers_and_ends() -> None:
    """The control as a real process: figures come back, nothing is left behind."""
    with Worker(CONTROL, "tiny") as worker:
        assert set(worker.turn(0)) == {"built", "seconds"}
        process = worker._process
    assert process.returncode == 0


@pytest.mark.slow
def test_a_worker_that_dies_is_told_by_name() -> None:
    """Not an empty answer, not a hang."""
    entry = Entry("a peer", "bench.peers.by_hand:NotThere", "")
    with pytest.raises(RuntimeError, match="measures a peer has failed"), Worker(entry, "tiny") as worker:
        worker.turn(0)


@pytest.mark.slow
def test_a_worker_that_ends_badly_is_told_by_name() -> None:
    """Also when nothing more was asked of it."""
    entry = Entry("a peer", "bench.peers.by_hand:NotThere", "")
    with pytest.raises(RuntimeError, match="measures a peer has failed"), Worker(entry, "tiny"):
        pass


def test_peers_are_measured_when_they_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not without a name: they take minutes and an extra; `all` has them."""
    assert "peers" not in command._chosen([])
    assert "peers" in command._chosen(["all"])
    assert command._chosen(["peers"]) == ("peers",)


def test_markdown_is_all_that_goes_to_stdout(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """So that it can be put into a page; the rest is said beside it."""
    monkeypatch.setattr(sys, "argv", ["bench", "peers", "--markdown"])
    monkeypatch.setattr(
        peers, "measure", lambda: Table("A title", ("name",), [Row(("a",), {}, "≤ 1", False)])
    )
    assert command.main() == 0
    printed = capsys.readouterr()
    assert printed.out.startswith("**A title** – Python ")
    assert printed.out.splitlines()[-1] == "| a | ≤ 1 | MISSED |"
    assert "1 missed: peers: a" in printed.err


def test_a_table_that_used_the_network_shows_no_figures(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is told and fails, like a wrong value."""

    def online() -> Table:
        raise NetworkUsedError("a peer wanted the network: example.invalid")

    monkeypatch.setattr(sys, "argv", ["bench", "peers"])
    monkeypatch.setattr(peers, "measure", online)
    assert command.main() == 1
    assert "a peer wanted the network" in capsys.readouterr().err


def _present_or_skip(entry: Entry) -> None:
    """STRETTO_EXTRAS names, with spaces between, the extras that CI has installed."""
    if installed([entry])[0]:
        return
    declared = os.environ.get("CI") == "true" and "bench" in os.environ.get("STRETTO_EXTRAS", "").split()
    (pytest.fail if declared else pytest.skip)(f"{entry.package} is not installed")


@pytest.mark.heavy
@pytest.mark.parametrize("entry", PEERS, ids=lambda entry: entry.name)
def test_every_installed_peer_gives_the_wanted_values(entry: Entry) -> None:
    """On every load, in its own process, with the network shut; a refusal has a reason.

    A missing peer is skipped, but not where CI says that the extra is installed.
    """
    _present_or_skip(entry)
    refused = set()
    with Worker(entry, "tiny") as worker:
        for index, load in enumerate(TINY):
            try:
                seconds = worker.turn(index)["seconds"]
            except CannotError:
                refused.add(load.name)
            else:
                assert seconds > 0
    assert refused == ({"map 6"} if entry.name == "Hamilton async" else set())
