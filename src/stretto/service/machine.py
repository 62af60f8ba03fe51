"""What this machine gives a run: processors and memory (as far as the container around us allows), open files,
and what a timer, a thread and a process cost, measured.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["Costs", "Machine", "Parallel", "container_limits", "look", "measure", "suggested_parallel"]

_GROUPS: Final = Path("/sys/fs/cgroup")
_OWN_GROUP: Final = Path("/proc/self/cgroup")
_NO_LIMIT: Final = 1 << 60  # the first version of control groups writes "unlimited" as a number near 2⁶³

_TIMERS, _TIMER_SECONDS = 20, 0.002
_THREADS, _PROCESSES = 40, 3


@dataclass(frozen=True, slots=True)
class Machine:
    """`cores` may be a fraction: a container's share. `memory` is bytes; None where the system does not say.
    `open_files` is the soft limit, None without one.
    """

    system: str
    architecture: str
    python: tuple[int, int, int]
    implementation: str
    cores: float
    memory: int | None
    open_files: int | None
    is_contained: bool


@dataclass(frozen=True, slots=True)
class Costs:
    """Seconds, measured: how much later than asked a timer rings (median, worst), what it takes to start a
    thread and a Python process that imports Stretto and to see it end (medians; the process's is the error's
    text where none could be started).
    """

    timer_late: float
    timer_worst: float
    thread: float
    process: float | str


class Parallel(NamedTuple):
    """How many agents at once, by the kind of their work; `start` is where to begin measuring."""

    io_bound: tuple[int, int]
    cpu_bound: int
    memory_bound: tuple[int, int]
    start: int


def suggested_parallel(cores: float, memory: int | None) -> Parallel:
    """A rule of thumb: 5–10 for work that waits for others, the cores for work that computes, 2–3 for work that
    fills memory – 2 where less than 4 GiB are there – and 3 to begin with.
    """
    small = memory is not None and memory < 4 << 30
    return Parallel((5, 10), max(1, int(cores)), (2, 2 if small else 3), 3)


def look() -> Machine:
    """What the system says of itself. Measures nothing."""
    limits = container_limits()
    memory = _physical_memory()
    if limits.memory is not None:
        memory = limits.memory if memory is None else min(memory, limits.memory)
    usable = float(_usable_cores())
    return Machine(
        system=platform.system(),
        architecture=platform.machine(),
        python=sys.version_info[:3],
        implementation=platform.python_implementation(),
        cores=usable if limits.cores is None else min(usable, limits.cores),
        memory=memory,
        open_files=_open_files(),
        is_contained=limits != (None, None),
    )


def _usable_cores() -> int:
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity is not None else os.cpu_count() or 1


def _physical_memory() -> int | None:
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return None


def _open_files() -> int | None:
    try:
        import resource
    except ImportError:  # a system Stretto does not run on, which is told elsewhere
        return None
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return None if soft == resource.RLIM_INFINITY else soft


# -------------------------------------------------------------------- containers


class _Limits(NamedTuple):
    cores: float | None
    memory: int | None


def container_limits(groups: Path = _GROUPS, own: Path = _OWN_GROUP) -> _Limits:
    """The tightest limits of the control groups (either version) around this process; None without any."""
    cores = [found for folder in _folders(groups, own, "cpu") for found in _quotas(folder)]
    memory = [found for folder in _folders(groups, own, "memory") for found in _memories(folder)]
    return _Limits(min(cores, default=None), min(memory, default=None))


def _folders(groups: Path, own: Path, controller: str) -> Iterator[Path]:
    """The process's own group and those around it, of both versions; in a container the outer ones may not be
    there.
    """
    for line in (_text(own) or "").splitlines():
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if number == "0":
            root = groups
        elif controller in controllers.split(","):
            root = groups / controller
        else:
            continue
        folder = root / path.strip("/")
        yield from (each for each in (folder, *folder.parents) if each.is_relative_to(root))


def _quotas(folder: Path) -> Iterator[float]:
    words = (_text(folder / "cpu.max") or "").split()
    if not words:
        words = [_text(folder / f"cpu.cfs_{name}_us") or "" for name in ("quota", "period")]
    numbers = [int(word) for word in words if word.strip().isdigit()]
    if len(numbers) == 2 and all(numbers):
        yield numbers[0] / numbers[1]


def _memories(folder: Path) -> Iterator[int]:
    for name in ("memory.max", "memory.limit_in_bytes"):
        text = (_text(folder / name) or "").strip()
        if text.isdigit() and int(text) < _NO_LIMIT:
            yield int(text)


def _text(file: Path) -> str | None:
    try:
        return file.read_text(encoding="ascii", errors="replace")
    except OSError:
        return None


# -------------------------------------------------------------------- measured


def measure() -> Costs:
    """Measure for about a quarter of a second, and three processes' starts."""
    late = sorted(_timers())
    return Costs(
        timer_late=median(late),
        timer_worst=late[-1],
        thread=_median_of(_THREADS, _one_thread),
        process=_process_cost(),
    )


def _process_cost() -> float | str:
    try:
        return _median_of(_PROCESSES, _one_process)
    except (OSError, subprocess.SubprocessError) as trouble:
        return f"{type(trouble).__name__}: {trouble}"


def _timers() -> list[float]:
    import asyncio

    async def rings() -> list[float]:
        loop = asyncio.get_running_loop()
        found: list[float] = []
        for _ in range(_TIMERS):
            due = loop.time() + _TIMER_SECONDS
            await asyncio.sleep(_TIMER_SECONDS)
            found.append(max(0.0, loop.time() - due))
        return found

    return asyncio.run(rings())


def _median_of(times: int, act: Callable[[], None]) -> float:
    taken: list[float] = []
    for _ in range(times):
        began = time.perf_counter()
        act()
        taken.append(time.perf_counter() - began)
    return median(taken)


def _one_thread() -> None:
    thread = threading.Thread(target=int)
    thread.start()
    thread.join()


def _one_process() -> None:
    """As a worker of a step's would be started: with the paths by which this process finds Stretto."""
    paths = os.pathsep.join(path for path in sys.path if path)
    subprocess.run(
        [sys.executable, "-c", "import stretto"],
        env={**os.environ, "PYTHONPATH": paths},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        timeout=60,
        check=True,
    )
