"""The loop behind `.run()`: nothing that ignores its end holds it open."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from stretto.runtime.engine.loop import run_to_end

SRC = Path(__file__).parents[2] / "src"


def script(body: str) -> subprocess.CompletedProcess[str]:
    """A program of its own, ended after 20 s if it hangs."""
    env = {**os.environ, "PYTHONPATH": str(SRC)}
    words = [sys.executable, "-c", textwrap.dedent(body)]
    return subprocess.run(words, env=env, capture_output=True, text=True, timeout=20, check=False)


def test_the_coroutines_value_comes_back() -> None:
    """What `main` returns is returned, and no loop is left set."""

    async def main() -> int:
        return 7

    assert run_to_end(main()) == 7


def test_the_coroutines_error_comes_back() -> None:
    """What `main` raises is raised."""

    async def main() -> int:
        raise KeyError("x")

    with pytest.raises(KeyError, match="x"):
        run_to_end(main())


@pytest.mark.slow
def test_an_abandoned_coroutine_does_not_hold_the_program() -> None:
    """A step that swallows every cancellation is abandoned; `.run()` returns and the program ends."""
    done = script("""
        import asyncio
        from stretto import Engine, step, workflow

        @step(optional=True, default=0, timeout=0.05)
        async def deaf() -> int:
            while True:
                try:
                    await asyncio.sleep(3600)
                except asyncio.CancelledError:
                    pass

        @workflow(engine=Engine(grace=0.1))
        def flow() -> int:
            return deaf()

        result = flow.run()
        print(result.status, result.value, result.warnings[-1])
    """)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "partial 0 deaf: ignored its cancellation and was abandoned"


@pytest.mark.slow
def test_a_thread_that_never_ends_does_not_hold_the_program() -> None:
    """A blocking step past its timeout runs on unheard; `.run()` returns and the program ends."""
    done = script("""
        import time
        from stretto import step, workflow

        @step(optional=True, default=0, timeout=0.05)
        def stuck() -> int:
            time.sleep(3600)
            return 1

        @workflow
        def flow() -> int:
            return stuck()

        print(flow.run().status)
    """)
    assert (done.returncode, done.stdout.strip()) == (0, "partial"), done.stderr


@pytest.mark.slow
def test_the_first_interrupt_cancels_the_run_and_raises_keyboard_interrupt() -> None:
    """Ctrl-C during `.run()`: steps are cancelled and awaited, then KeyboardInterrupt comes out."""
    done = script(f"""
        import asyncio, os, signal
        from stretto import step, workflow

        @step
        async def long() -> int:
            asyncio.get_running_loop().call_later(0.05, os.kill, os.getpid(), {int(signal.SIGINT)})
            try:
                await asyncio.sleep(3600)
            finally:
                print("cleaned up")

        @workflow
        def flow() -> int:
            return long()

        try:
            flow.run()
        except KeyboardInterrupt:
            print("interrupted")
    """)
    assert (done.returncode, done.stdout.split()) == (0, ["cleaned", "up", "interrupted"]), done.stderr
