"""Steps in processes of their own: real processes, really killed."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import signal
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from runtime import process_steps as steps
from stretto import Engine, step, workflow
from stretto.errors import (
    DefinitionError,
    MemoryLimitError,
    ProcessLostError,
    RunFailedError,
    ValueEncodingError,
)
from stretto.testing import run_virtual

if TYPE_CHECKING:
    from pathlib import Path

    from stretto.ports import RunInfo, Telemetry
    from stretto.runtime.executors.process import ProcessExecutor

pytestmark = pytest.mark.slow


class Listener:
    """Keeps what attempts say."""

    def __init__(self) -> None:
        self.heard: list[Telemetry] = []

    def on_facts(self, run: RunInfo, facts: object) -> None:
        """Nothing of them is wanted here."""

    def on_telemetry(self, run: RunInfo, record: Telemetry) -> None:
        self.heard.append(record)

    def texts(self) -> list[object]:
        return [record.data["text"] for record in self.heard if record.type == "log"]


def flow_of(used: Any, *args: object) -> Any:
    """A workflow of one use of a step."""

    @workflow(name="flow")
    def flow() -> object:
        return used(*args)

    return flow


def failure_of(used: Any, *args: object) -> BaseException:
    """What the only step of a run failed with."""
    with pytest.raises(RunFailedError) as caught:
        flow_of(used, *args).run()
    error = caught.value.result.failures[0].error
    assert isinstance(error, BaseException)
    return error


def open_files() -> int:
    """How many descriptors this process holds."""
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208  # only to be counted


def is_empty(group: int) -> bool:
    """Whether no process of a group is left, zombies apart."""
    listed = subprocess.run(["ps", "-eo", "pgid=,stat="], capture_output=True, text=True, check=True).stdout
    found = [line.split() for line in listed.splitlines()]
    return not any(known == str(group) and not state.startswith("Z") for known, state in found)


def wait_until(check: Any, seconds: float = 1.0) -> float:
    """Seconds until `check()` held; fails when that takes longer."""
    begun = time.monotonic()
    while not check():
        assert time.monotonic() - begun < seconds, "still not so"
        time.sleep(0.01)
    return time.monotonic() - begun


def test_values_come_back_by_their_own_classes() -> None:
    """Dataclasses, enums and tuples cross both ways, keywords too."""
    drink = steps.Drink("negroni", steps.Taste.DRY, (1, 2))

    @workflow
    def flow() -> steps.Drink:
        return steps.improve(steps.improve.named("first")(drink), by=7)

    assert flow.run().value == steps.Drink("NEGRONI", steps.Taste.SWEET, (1, 2, 1, 7))


def test_a_worker_has_a_process_group_of_its_own_and_is_used_again() -> None:
    """The second call finds the first one's process; neither is in our group."""

    @workflow
    def flow() -> list[dict[str, int]]:
        first = steps.where_am_i()
        return [first, steps.where_am_i.named("second").after(first)()]

    first, second = flow.run().value
    assert first == second
    assert first["group"] == first["pid"] != os.getpgrp()
    assert first["parent"] == os.getpid()


def test_what_a_step_prints_becomes_its_log(capfd: pytest.CaptureFixture[str]) -> None:
    """Nothing reaches our own output; prints, raw writes and children are all heard, before the step ends."""
    listener = Listener()
    result = flow_of(steps.speak).with_options(observers=[listener]).run()
    printed = capfd.readouterr()
    assert printed.out == ""
    assert sorted(map(str, listener.texts())) == ["from a child", "logged 1", "plain", "raw", "to stderr"]
    said = {record.type: dict(record.data) for record in listener.heard}
    assert said["step.progress"] == {"done": 1, "total": 2, "note": "half"}
    assert said["step.output"] == {"text": "streamed"}
    assert (result.usage.input_tokens, result.usage.cost) == (3, 0.5)


def test_current_is_whole_in_a_worker() -> None:
    """The attempt knows itself there as it does here."""
    found = flow_of(steps.about_me).with_options(run_id="r1", within=60.0).run().value
    assert {**found, "key": len(found["key"])} == {
        "run": "r1",
        "path": "about_me",
        "attempt": 1,
        "has_deadline": True,
        "key": 64,
        "stopped": False,
    }


def test_a_timeout_kills_the_process_with_its_grandchildren(tmp_path: Path) -> None:
    """Within a second of the verdict the whole group is gone."""
    note = tmp_path / "group"
    begun = time.monotonic()
    error = None
    try:
        flow_of(steps.hang_with_children, str(note)).run()
    except RunFailedError as raised:
        error = raised
    assert error is not None
    assert "gave no result within 1 s" in str(error)
    assert time.monotonic() - begun < 2.0
    wait_until(lambda: is_empty(int(note.read_text())))


def test_a_cancel_kills_the_process_with_its_grandchildren(tmp_path: Path) -> None:
    """Even one that ignores SIGTERM."""
    note = tmp_path / "group"

    async def main() -> float:
        task = asyncio.create_task(flow_of(steps.hang_for_good, str(note)).arun())
        while not (note.exists() and note.read_text()):
            await asyncio.sleep(0.01)
        begun = time.monotonic()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return time.monotonic() - begun

    assert asyncio.run(main()) < 1.0
    wait_until(lambda: is_empty(int(note.read_text())))


def test_what_a_step_leaves_behind_ends_with_it(tmp_path: Path) -> None:
    """A worker whose call has left children is not used again; its group is killed."""
    note = tmp_path / "group"
    assert flow_of(steps.leave_children, str(note)).run().value == 1
    wait_until(lambda: is_empty(int(note.read_text())))


@pytest.mark.skipif(sys.platform != "linux", reason="memory= is kept on Linux only")
def test_a_memory_limit_is_kept() -> None:
    """Under it all is well; over it the step fails with its name and the limit, and is not tried again."""
    assert flow_of(steps.take, 1_000_000).run().value == 1_000_000
    error = failure_of(steps.take, 500_000_000)
    assert isinstance(error, MemoryLimitError)
    assert "'take' wanted more than the 64 MB" in str(error)
    assert flow_of(steps.take, 1_000_000).run().value == 1_000_000


@pytest.mark.parametrize("how", ["exit", "signal"])
def test_a_crash_fails_one_attempt_and_not_the_run(how: str) -> None:
    """The retry runs in another process; the one beside it never notices."""

    @workflow
    def flow() -> list[int]:
        return [steps.crash_once(how), steps.slow(7)]

    result = flow.run()
    assert result.value == [2, 7]
    assert len(result.steps["crash_once"].attempts) == 2


def test_a_crash_says_how_the_process_ended() -> None:
    """Exit code or signal, and where to look."""
    error = failure_of(steps.crash)
    assert isinstance(error, ProcessLostError)
    assert error.code == 3
    assert "the process of 'crash' ended with exit code 3 before the step did" in str(error)
    assert "by signal SIGSEGV" in str(ProcessLostError("x", -signal.SIGSEGV))


def test_what_is_raised_there_is_known_here_by_its_classes() -> None:
    """Retry(on=…) matches by name, PermanentError is never retried, the traceback is the worker's."""
    assert flow_of(steps.busy_twice).run().value == 3
    with pytest.raises(RunFailedError) as caught:
        flow_of(steps.never).run()
    assert len(caught.value.result.steps["never"].attempts) == 1
    with pytest.raises(RunFailedError, match="broken: KeyError: 'gone'") as lost:
        flow_of(steps.broken, "gone").run()
    failure = lost.value.result.failures[0]
    assert 'return {"here": 1}[where]' in failure.failure.traceback


def test_a_result_that_cannot_be_journaled_names_the_step() -> None:
    """As everywhere."""
    error = failure_of(steps.unfit)
    assert isinstance(error, ValueEncodingError)
    assert error.step == "unfit"


def test_virtual_time_stands_still_while_a_process_works() -> None:
    """A real half second there is nothing on the virtual clock."""

    async def main() -> float:
        await flow_of(steps.slow, 1).arun()
        return asyncio.get_running_loop().time()

    assert run_virtual(main()) == 0.0


def test_a_method_can_travel() -> None:
    """What a dotted name leads to is found."""
    assert flow_of(steps.cook, 4).run().value == 8


def make_local() -> Any:
    """A step whose function only this process knows."""

    @step(executor="process")
    def local(number: int) -> int:
        return number

    return local


@step(executor="process")
def replaced(number: int) -> int:
    """Is something else by the time it is used."""
    return number


taken = replaced
replaced = step(executor="process")(len)  # type: ignore[assignment]  # on purpose


@pytest.mark.parametrize(
    ("used", "words"),
    [
        (make_local(), "make_local.<locals>.local has no name that leads to it"),
        (
            step(executor="process", id="anonymous")(lambda number: number),
            "<lambda> has no name that leads to it",
        ),
        (steps.with_client, r"its resources \('client'\) live in this process only"),
        (taken, "is something else by now"),
    ],
)
def test_what_cannot_travel_is_refused_when_the_body_is_run(used: Any, words: str) -> None:
    """Before any step has run, with what to do about it."""
    with pytest.raises(DefinitionError, match=words) as caught:
        flow_of(used, *([] if used is steps.with_client else [1])).trace()
    assert caught.value.mend


def test_a_memory_limit_without_a_process_is_refused() -> None:
    """It would bound nothing."""
    with pytest.raises(DefinitionError, match="memory= bounds a worker process"):
        step(memory="1GB")(make_local)


SCRIPT = """
import sys
from dataclasses import dataclass
from stretto import step, workflow

print("loaded", __name__, file=sys.stderr)

@dataclass
class Point:
    x: int

@step(executor="process")
def move(point: Point) -> Point:
    return Point(point.x + 1)

@workflow
def flow():
    return move(Point(1))

if __name__ == "__main__":
    assert flow.run().value == Point(2)
    print("done")
"""


def test_a_script_is_spawn_safe(tmp_path: Path) -> None:
    """The worker loads the script's functions and classes, and does not run its main guard."""
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    done = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout == "done\n", done.stderr


RETRYING = """
from stretto import Retry, RunError, current, step, workflow

class Busy(Exception):
    pass

@step(executor="process", retry=Retry(attempts=2, on=Busy, first_wait=0))
def ask() -> int:
    if current().attempt == 1:
        raise Busy("later")
    return current().attempt

@workflow
def flow():
    return ask()

if __name__ == "__main__":
    assert flow.run().value == 2

    @step(executor="process", retry=2)
    def hidden() -> int:
        return 1

    @workflow
    def other():
        return hidden()

    try:
        other.run()
    except RunError as error:
        print(error)
"""


def test_a_script_keeps_its_names_in_a_worker(tmp_path: Path) -> None:
    """Retry(on=…) knows an exception class of the script; a step below its main guard is told as what it is."""
    script = tmp_path / "script.py"
    script.write_text(RETRYING)
    done = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "hidden is not there when" in done.stdout
    assert 'put it at the top of the file, above any `if __name__ == "__main__":`' in done.stdout


def test_a_target_file_can_use_processes(tmp_path: Path) -> None:
    """`stretto run` loads files under a name of its own; workers load them under the same."""
    (tmp_path / "flow.py").write_text(SCRIPT)
    command = [
        sys.executable,
        "-c",
        "from stretto.service.cli.main import main; main()",
        "run",
        "flow.py",
        "--json",
    ]
    env = {name: value for name, value in os.environ.items() if not name.startswith("STRETTO_")}
    done = subprocess.run(
        command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert "run.succeeded" in {event["type"] for event in events}
    assert "log" in {event["type"] for event in events}  # what loading the file printed in the worker


ENGINE = """
import sys
from runtime import process_steps as steps
from stretto import workflow

@workflow
def flow(note: str):
    return steps.hang_for_good(note)

flow.run(sys.argv[1])
"""


def test_workers_end_with_their_engine(tmp_path: Path) -> None:
    """An engine that is killed leaves no process behind."""
    note = tmp_path / "group"
    (tmp_path / "engine.py").write_text(ENGINE)
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    engine = subprocess.Popen([sys.executable, str(tmp_path / "engine.py"), str(note)], env=env)
    wait_until(lambda: note.exists() and note.read_text(), 20.0)
    engine.send_signal(signal.SIGKILL)
    engine.wait()
    wait_until(lambda: is_empty(int(note.read_text())), 2.0)


@pytest.mark.heavy
def test_a_thousand_short_steps_leave_nothing_behind() -> None:
    """No file, no thread, no process and no memory to speak of stays."""
    engine = Engine(max_concurrency=8)

    @workflow(engine=engine)
    def flow(count: int) -> list[int]:
        return steps.tiny.map(list(range(count)))

    flow.run(20)
    threads, files = threading.active_count(), open_files()
    assert flow.run(1000).value == list(range(1, 1001))
    held: ProcessExecutor = engine._processes[1]  # type: ignore[index]  # it has run
    pids = [worker.process.pid for worker in held._idle]
    assert 0 < len(pids) <= (os.cpu_count() or 1)
    held.close()
    for pid in pids:
        assert is_empty(pid)
    wait_until(lambda: threading.active_count() <= threads, 5.0)
    assert open_files() <= files


def test_an_engine_that_is_dropped_leaves_no_process() -> None:
    """Its idle workers end with it."""
    flow = flow_of(steps.where_am_i).with_options(engine=Engine())
    group = flow.run().value["group"]
    assert not is_empty(group)
    del flow
    gc.collect()
    wait_until(lambda: is_empty(group), 2.0)
