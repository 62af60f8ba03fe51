"""`service/machine.py`: what containers allow, what is suggested, and that measuring measures."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from stretto.service import machine
from stretto.service.machine import container_limits, look, measure, suggested_parallel

if TYPE_CHECKING:
    from pathlib import Path

GIB = 1 << 30


def limits(folder: Path, own: str, **files: str) -> tuple[float | None, int | None]:
    """The limits in a made-up tree: a file ``a.b`` of group ``x/y`` is given as ``x__y__a_b``, root's as ``a_b``."""
    (folder / "own").write_text(own)
    for name, text in files.items():
        *groups, file = name.split("__")
        path = folder.joinpath("groups", *groups)
        path.mkdir(parents=True, exist_ok=True)
        (path / file.replace("_", ".", 1)).write_text(text)
    return container_limits(folder / "groups", folder / "own")


def test_no_groups(tmp_path: Path) -> None:
    """Where there are none, or nothing is limited, there is no limit."""
    assert container_limits(tmp_path / "none", tmp_path / "no file") == (None, None)
    assert limits(tmp_path, "0::/\n", cpu_max="max 100000\n", memory_max="max\n") == (None, None)


def test_the_second_version(tmp_path: Path) -> None:
    """A quota is a fraction of cores, memory is bytes."""
    found = limits(tmp_path, "0::/app\n", app__cpu_max="150000 100000\n", app__memory_max=f"{2 * GIB}\n")
    assert found == (1.5, 2 * GIB)


def test_the_tightest_group_around_counts(tmp_path: Path) -> None:
    """A group cannot have more than those around it."""
    files = {"a__cpu_max": "100000 100000", "a__b__cpu_max": "400000 100000", "memory_max": str(GIB)}
    assert limits(tmp_path, "0::/a/b\n", **files, a__memory_max=str(4 * GIB)) == (1.0, GIB)


def test_a_group_that_is_not_there(tmp_path: Path) -> None:
    """In a container the path of the outer system leads nowhere: the root of what is there counts."""
    assert limits(tmp_path, "0::/outer/id\n", cpu_max="50000 100000") == (0.5, None)


def test_the_first_version(tmp_path: Path) -> None:
    """Each controller has a tree of its own, and "unlimited" is a number near 2⁶³."""
    own = "4:memory:/x\n3:cpu,cpuacct:/x\n"
    quota = {"cpu__x__cpu_cfs_quota_us": "300000\n", "cpu__x__cpu_cfs_period_us": "100000\n"}
    memory = {
        "memory__x__memory_limit_in_bytes": f"{GIB}\n",
        "memory__memory_limit_in_bytes": "9223372036854771712\n",
    }
    assert limits(tmp_path, own, **quota, **memory) == (3.0, GIB)
    (tmp_path / "groups" / "cpu" / "x" / "cpu.cfs_quota_us").write_text("-1\n")
    assert container_limits(tmp_path / "groups", tmp_path / "own") == (None, GIB)


def test_odd_files_are_no_limits(tmp_path: Path) -> None:
    """What cannot be read as a limit is none."""
    assert limits(tmp_path, "0::/\nnonsense\n", cpu_max="many 0\n", memory_max="") == (None, None)
    assert limits(tmp_path, "0::/\n", cpu_max="100000 0") == (None, None)


def test_a_container_bounds_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cores and memory are the smaller of what is there and what is allowed."""
    monkeypatch.setattr(machine, "container_limits", lambda: machine._Limits(0.5, 1 << 20))
    assert (look().cores, look().memory, look().is_contained) == (0.5, 1 << 20, True)
    monkeypatch.setattr(machine, "container_limits", lambda: machine._Limits(1e6, 1 << 62))
    found = look()
    assert 1 <= found.cores < 1e6
    assert found.memory is not None
    assert 1 << 24 < found.memory < 1 << 62


def test_what_the_system_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """The interpreter's own version; a system that does not tell its memory is no error."""
    assert look().python == sys.version_info[:3]

    def refuse(name: str) -> int:
        raise ValueError(name)

    monkeypatch.setattr("os.sysconf", refuse)
    monkeypatch.setattr(machine, "container_limits", lambda: machine._Limits(None, None))
    assert look().memory is None


@pytest.mark.parametrize(
    ("cores", "memory", "cpu_bound", "memory_bound"),
    [(2, 8 * GIB, 2, (2, 3)), (0.5, 8 * GIB, 1, (2, 3)), (16, 2 * GIB, 16, (2, 2)), (3.9, None, 3, (2, 3))],
)
def test_how_many_at_once(
    cores: float, memory: int | None, cpu_bound: int, memory_bound: tuple[int, int]
) -> None:
    """5–10 for waiting, the whole cores for computing, 2–3 for memory; 3 to begin with."""
    assert suggested_parallel(cores, memory) == ((5, 10), cpu_bound, memory_bound, 3)


@pytest.mark.slow
def test_measuring(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process costs more than a thread; a timer never rings early; a thread that is slow is measured so."""
    found = measure()
    assert isinstance(found.process, float)
    assert 0 < found.thread < found.process < 30
    assert 0 <= found.timer_late <= found.timer_worst


def test_no_process_can_be_started(monkeypatch: pytest.MonkeyPatch) -> None:
    """The reason takes the measure's place."""

    def fails(words: list[str], **_: object) -> None:
        raise subprocess.CalledProcessError(1, words[:1])

    monkeypatch.setattr(machine, "_timers", lambda: [0.0])
    monkeypatch.setattr(subprocess, "run", fails)
    assert str(measure().process).startswith("CalledProcessError: Command")
