"""For tests of workflows: time that takes no time, values and scripts in place of steps' functions, a recorder
of what happened, the scheduler's invariants.

result = run_virtual(flow.arun(order="gin"))     # asyncio.sleep(3600) inside takes no real time
with override(write, "a text"): ...              # runs in here do not call `write`
result = scripted(flow, {"write": returns("a text", after=2.0)}, inputs={"order": "gin"})
"""

from stretto.testing.clock import StalledError, VirtualLoop, VirtualTime, block, run_virtual, virtual_time
from stretto.testing.invariants import BrokenInvariantError, CheckedScheduler, check_invariants, replay
from stretto.testing.override import override
from stretto.testing.recorder import Recorder
from stretto.testing.scripted import Scripted, calls, fails, returns, scripted

__all__ = [
    "BrokenInvariantError",
    "CheckedScheduler",
    "Recorder",
    "Scripted",
    "StalledError",
    "VirtualLoop",
    "VirtualTime",
    "block",
    "calls",
    "check_invariants",
    "fails",
    "override",
    "replay",
    "returns",
    "run_virtual",
    "scripted",
    "virtual_time",
]
