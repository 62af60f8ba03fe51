"""Steps in worker processes, which can be killed."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import weakref
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from stretto.core.values.decoding import decode_json
from stretto.core.values.encoding import encode_json
from stretto.errors import MemoryLimitError, ProcessLostError, RemoteError, ValueEncodingError
from stretto.runtime.executors.wire import Names, TrustedClasses, receive, send
from stretto.runtime.executors.worker import END_OF_CALL

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from stretto.ports import Clock, Job, ThreadEnd

__all__ = ["ProcessExecutor"]

_BOOT: Final = (
    "import sys, json; sys.path[:] = json.loads(sys.argv[1]); "
    "from stretto.runtime.executors.worker import main; main(int(sys.argv[2]))"
)
_LONGEST_LINE: Final = 8_192
_MOST_LINES: Final = 10_000
_MOST_TRIES: Final = 3  # idle workers may go at the very moment they are needed
_LAST_WORDS: Final = 1.0  # seconds for what was printed to arrive behind the result


class _Worker:
    """One worker process, as its engine sees it."""

    def __init__(self) -> None:
        self.line, theirs = socket.socketpair()
        with theirs:
            self.process = subprocess.Popen(  # noqa: S603  # this very Python and a text of ours
                [sys.executable, "-c", _BOOT, json.dumps(sys.path), str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        self.tell: Callable[..., None] | None = None
        self.printed = threading.Event()
        self._lock = threading.Lock()
        self._is_reaped = False
        self._pump = threading.Thread(target=self._listen, name="stretto-printed", daemon=True)
        self._pump.start()

    def kill(self) -> None:
        """End the process and everything in its group."""
        with self._lock:
            if not self._is_reaped:
                with suppress(ProcessLookupError, PermissionError):  # macOS: EPERM for a group of zombies
                    os.killpg(self.process.pid, signal.SIGKILL)

    def bury(self) -> int:
        """Kill what is left, wait for the end, close what was open; gives the exit code, negative for a signal."""
        self.kill()
        code = self.process.wait()
        if threading.current_thread() is not self._pump:
            self._pump.join(_LAST_WORDS)  # it closes the worker's output
        with self._lock:
            self._is_reaped = True
        self.line.close()
        return code

    def _listen(self) -> None:
        """Pass on what is printed, line by line, as long as a call is there to take it."""
        output = self.process.stdout
        assert output is not None  # noqa: S101  # asked for above
        count = 0
        with output:
            while part := output.readline(_LONGEST_LINE):
                if part == END_OF_CALL:
                    count = 0
                    self.printed.set()
                    continue
                text = part.decode(errors="replace").rstrip("\n")
                count += bool(text)
                if text and self.tell is not None and count <= _MOST_LINES:
                    self.tell("printed", text=text)
                elif self.tell is not None and count == _MOST_LINES + 1:
                    self.tell("printed", text=f"(more than {_MOST_LINES} lines; the rest is dropped)")
        self.printed.set()


class _Call:
    """A call under way; `kill` ends it wherever it is."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._worker: _Worker | None = None
        self._is_killed = False

    @property
    def is_killed(self) -> bool:
        """Whether somebody wants it no more."""
        return self._is_killed

    def taken_by(self, worker: _Worker | None) -> None:
        """The worker that runs it now."""
        with self._lock:
            self._worker = worker
            is_killed = self._is_killed
        if is_killed and worker is not None:
            worker.kill()

    def kill(self) -> None:
        """End the worker with everything in its process group; the call's end follows."""
        with self._lock:
            self._is_killed = True
            worker = self._worker
        if worker is not None:
            worker.kill()


class ProcessExecutor:
    """As many worker processes as there are attempts at once; clean ones are used again.

    The run's permits bound them, as they bound threads. Each call has a thread of its own here, which waits for
    the worker.
    """

    def __init__(self, clock: Clock, loop: asyncio.AbstractEventLoop) -> None:
        self._clock = clock
        self._loop = loop
        # A virtual clock has to stand still while a process is at work; a real loop knows nothing of this.
        self._begins: Callable[[ThreadEnd], ThreadEnd] | None = getattr(loop, "thread_begins", None)
        self._idle: list[_Worker] = []
        self._lock = threading.Lock()
        self._is_closed = False
        self._most_idle = os.cpu_count() or 1
        weakref.finalize(self, _bury_all, self._idle)  # an engine that is dropped leaves no process behind

    def submit(self, job: Job, ended: ThreadEnd) -> _Call:
        """Run `job` in a worker; `ended` follows on the loop unless it has closed by then."""
        if self._begins is not None:
            ended = self._begins(ended)
        call = _Call()
        threading.Thread(
            target=self._run, args=(job, ended, call), name="stretto-process", daemon=True
        ).start()
        return call

    def close(self) -> None:
        """End the idle workers; busy ones end with their call."""
        with self._lock:
            self._is_closed = True
            idle = self._idle.copy()
            self._idle.clear()
        _bury_all(idle)

    # ---------------------------------------------------------------- one call, on its thread

    def _run(self, job: Job, ended: ThreadEnd, call: _Call) -> None:
        value: object = None
        error: BaseException | None = None
        try:
            value = self._value_of(job, call)
        except BaseException as raised:  # noqa: BLE001  # whatever went wrong is the attempt's failure
            error = raised
        with suppress(RuntimeError):  # the loop has closed: nobody waits any more
            self._loop.call_soon_threadsafe(ended, self._clock(), value, error)

    def _value_of(self, job: Job, call: _Call) -> object:
        message = _message(job)
        for _ in range(_MOST_TRIES):
            worker = self._worker()
            worker.tell = job.tell
            worker.printed.clear()
            call.taken_by(worker)
            answer = self._ask(worker, message, job, call)
            if answer is not None:
                return _value_in(answer, job)
            if call.is_killed:
                break
        raise ProcessLostError(job.path, -signal.SIGKILL)

    def _ask(self, worker: _Worker, message: dict[str, Any], job: Job, call: _Call) -> dict[str, Any] | None:
        """The worker's answer; None when it had gone before it began, and another may be asked."""
        has_begun = False
        answer: dict[str, Any] | None = None
        with suppress(OSError):
            send(worker.line, message)
            while (frame := receive(worker.line)) is not None:
                if frame["is"] == "begun":
                    has_begun = True
                elif frame["is"] == "told":
                    job.tell(frame["kind"], **frame["data"])
                else:
                    answer = frame
                    break
        if answer is not None:
            worker.printed.wait(_LAST_WORDS)
        call.taken_by(None)  # from here on a kill would hit another call's worker
        self._let_go(worker, is_clean=answer is not None and not answer["is_dirty"])
        if answer is None and has_begun:
            raise ProcessLostError(job.path, worker.process.returncode)
        if answer is None and worker.process.returncode not in (0, -signal.SIGKILL):
            raise ProcessLostError(job.path, worker.process.returncode)  # it cannot even start
        return answer

    def _worker(self) -> _Worker:
        with self._lock:
            if self._idle:
                return self._idle.pop()
        return _Worker()

    def _let_go(self, worker: _Worker, *, is_clean: bool) -> None:
        """Keep a worker for the next call, or end it with whatever it has left behind."""
        worker.tell = None
        with self._lock:
            is_kept = is_clean and not self._is_closed and len(self._idle) < self._most_idle
            if is_kept:
                self._idle.append(worker)
        if not is_kept:
            worker.bury()


def _bury_all(workers: list[_Worker]) -> None:
    while workers:
        workers.pop().bury()


def _message(job: Job) -> dict[str, Any]:
    names = Names()
    return {
        "module": job.address.module,
        "file": job.address.file,
        "function": job.address.function,
        "folder": str(Path.cwd()),
        "args": encode_json(job.args, names, keeps_secrets=True),
        "kwargs": encode_json(job.kwargs, names, keeps_secrets=True),
        "memory": job.memory,
        "about": dict(job.about),
    }


def _value_in(answer: dict[str, Any], job: Job) -> object:
    kind = answer["is"]
    if kind == "value":
        return decode_json(answer["value"], TrustedClasses())
    if kind == "unfit":
        raise ValueEncodingError(answer["problem"], where=answer["where"], type_name=answer["type"])
    if kind == "out_of_memory":
        raise MemoryLimitError(job.path, job.memory or 0)
    raise RemoteError(
        answer["message"],
        kinds=tuple(answer["kinds"]),
        retry_after=answer["retry_after"],
        is_permanent=answer["is_permanent"],
        traceback=answer["traceback"],
    )
