"""The worker process: runs one call after the other, and ends with its engine.

It stands in a session and process group of its own, so that a kill reaches whatever its calls have started, and a
Ctrl-C in the terminal reaches none of it.
"""

from __future__ import annotations

import logging
import os
import queue
import signal
import socket
import sys
import threading
import traceback
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn

from stretto.context import attempt_scope
from stretto.core.policy import failure_of
from stretto.core.values.decoding import decode_json
from stretto.core.values.encoding import encode_json
from stretto.errors import PermanentError, ValueEncodingError
from stretto.runtime.executors.wire import (
    Names,
    TrustedClasses,
    known_as,
    module_called,
    receive,
    send,
    within,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

__all__ = ["END_OF_CALL", "IDLE_SECONDS", "main"]

IDLE_SECONDS: Final = 30.0
"""How long a worker waits for another call before it goes."""

END_OF_CALL: Final = b"\x1e\x1estretto: end of call\x1e\x1e\n"
"""Stands on the worker's output behind what a call has printed."""

_SET_CHILD_SUBREAPER: Final = 36  # prctl(2), Linux


class _Attempt:
    """The attempt a step sees through `current()` in a worker."""

    def __init__(self, about: dict[str, Any], tell: Callable[..., None]) -> None:
        self.run_id: str = about["run_id"]
        self.path: str = about["path"]
        self.attempt: int = about["attempt"]
        self.deadline: float | None = about["deadline"]
        self.idempotency_key: str = about["key"]
        self.is_stopped = False  # one that is stopped is killed
        self.has_budget: bool = about["has_budget"]
        self._tell = tell

    def reserve(self, *, tokens: int = 0, cost: float | None = 0.0) -> AbstractContextManager[object]:
        """Nothing to set aside without a budget; what others spend meanwhile cannot be seen from here."""
        del tokens, cost
        if self.has_budget:
            raise PermanentError(
                f"{self.path!r} runs in a process of its own, where nothing can be set aside of the run's budget. "
                "Call the model from a step on the loop or on a thread."
            )
        return nullcontext()

    @property
    def logger(self) -> _Logger:
        """Its records become the run's `log` events."""
        return _Logger({"run": self.run_id, "step": self.path, "attempt": self.attempt}, self._tell)

    def progress(self, done: float, total: float | None = None, note: str = "") -> None:
        """Say how far the attempt is."""
        self._tell("step.progress", done=done, total=total, note=note)

    def output(self, text: str) -> None:
        """Stream a piece of text."""
        self._tell("step.output", text=text)

    def usage(
        self, *, input_tokens: int = 0, output_tokens: int = 0, cost: float | None = None, model: str = ""
    ) -> None:
        """Add tokens and cost."""
        self._tell("usage", input_tokens=input_tokens, output_tokens=output_tokens, cost=cost, model=model)


class _Logger(logging.LoggerAdapter[logging.Logger]):
    """Sends what is logged to the engine, which has the handlers."""

    def __init__(self, extra: dict[str, object], tell: Callable[..., None]) -> None:
        super().__init__(logging.getLogger("stretto.step"), extra)
        self._tell = tell

    def log(self, level: int, msg: object, *args: object, **_: Any) -> None:
        """Send one record, whatever this process's own level is: the engine decides."""
        self._tell(
            "log", level=logging.getLevelName(level).lower(), text=str(msg) % args if args else str(msg)
        )

    def isEnabledFor(self, level: int) -> bool:  # noqa: N802  # logging's own spelling
        """Every level: the engine decides."""
        return level > 0


def main(descriptor: int) -> NoReturn:
    """Serve calls on the socket `descriptor` until it closes or nothing comes for a while."""
    line = socket.socket(fileno=descriptor)
    os.set_inheritable(descriptor, False)  # what a call starts must not hold the line open
    if sys.platform == "linux":
        _become_subreaper()
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # text streams, as Python opens them
    lock = threading.Lock()
    calls: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(line, calls), daemon=True).start()
    while True:
        try:
            call = calls.get(timeout=IDLE_SECONDS)
        except queue.Empty:
            os._exit(0)
        _say(line, lock, {"is": "begun"})
        answer = _run(call, partial(_tell, line, lock))
        sys.stdout.flush()
        sys.stderr.flush()
        os.write(1, b"\n" + END_OF_CALL)
        _say(line, lock, {"is_dirty": _has_children(), **answer})


def _listen(line: socket.socket, calls: queue.SimpleQueue[dict[str, Any]]) -> None:
    while (call := receive(line)) is not None:
        calls.put(call)
    # The engine is gone, whatever the call is at: nobody will ever ask for its result.
    os.killpg(os.getpgrp(), signal.SIGKILL)


def _tell(line: socket.socket, lock: threading.Lock, kind: str, **data: object) -> None:
    _say(line, lock, {"is": "told", "kind": kind, "data": data})


def _say(line: socket.socket, lock: threading.Lock, message: dict[str, Any]) -> None:
    with lock:
        send(line, message)


def _run(call: dict[str, Any], tell: Callable[..., None]) -> dict[str, Any]:
    try:
        return _value_of(call, tell)
    except ValueEncodingError as error:
        return {"is": "unfit", "problem": error.problem, "where": error.where, "type": error.type_name}
    except MemoryError:
        if call["memory"] is not None:
            return {"is": "out_of_memory", "is_dirty": True}
        return _failed(MemoryError("the worker process got no more memory from the system"))
    except BaseException as error:  # noqa: BLE001  # whatever a call raises is its result, SystemExit too
        return _failed(error)
    finally:
        _limit(None)


def _value_of(call: dict[str, Any], tell: Callable[..., None]) -> dict[str, Any]:
    if str(Path.cwd()) != call["folder"]:
        os.chdir(call["folder"])
    module = module_called(call["module"], call["file"])
    found = within(module, call["function"])
    fn: Any = getattr(found, "fn", found)  # the module holds the step, which holds the function
    if not callable(fn):
        raise PermanentError(
            f"{call['function']} is not there when {call['file'] or call['module']} is loaded in a worker process; "
            'put it at the top of the file, above any `if __name__ == "__main__":`'
        )
    classes = TrustedClasses()
    args: Any = decode_json(call["args"], classes)
    kwargs: Any = decode_json(call["kwargs"], classes)
    attempt_scope.set(_Attempt(call["about"], tell))
    _limit(call["memory"])
    value = fn(*args, **kwargs)
    return {"is": "value", "value": encode_json(value, Names(), keeps_secrets=True)}


def _failed(error: BaseException) -> dict[str, Any]:
    text = "".join(traceback.format_exception(error, limit=-12))
    failure = failure_of(error, traceback=text)
    return {
        "is": "failed",
        "kinds": [known_as(kind) for kind in failure.kinds],
        "message": failure.message,
        "retry_after": failure.retry_after,
        "is_permanent": failure.is_permanent,
        "traceback": text,
    }


def _limit(memory: int | None) -> None:
    """Let the process grow by so many bytes of address space and no more; None lifts the limit."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    if memory is None:
        if soft != _UNLIMITED.get("soft", soft):
            resource.setrlimit(resource.RLIMIT_AS, (_UNLIMITED["soft"], hard))
        return
    if sys.platform != "linux":
        raise PermanentError("memory= is kept on Linux only: this system does not bound a process's memory")
    _UNLIMITED["soft"] = soft
    pages = Path("/proc/self/statm").read_text(encoding="ascii")
    used = int(pages.split()[0]) * os.sysconf("SC_PAGE_SIZE")
    resource.setrlimit(resource.RLIMIT_AS, (used + memory, hard))


_UNLIMITED: dict[str, int] = {}


def _become_subreaper() -> None:
    """Whatever calls leave behind becomes this process's child, and is seen."""
    import ctypes

    ctypes.CDLL(None).prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _has_children() -> bool:
    """Whether anything that calls have started is still there."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return False
    return True
