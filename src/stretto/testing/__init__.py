"""For tests of workflows: time that takes no time, a recorder of what happened, the scheduler's invariants.

result = run_virtual(flow.arun(order="gin"))     # asyncio.sleep(3600) inside takes no real time
"""

from stretto.testing.clock import StalledError, VirtualLoop, VirtualTime, block, run_virtual, virtual_time
from stretto.testing.invariants import BrokenInvariantError, CheckedScheduler, check_invariants, replay
from stretto.testing.recorder import Recorder

__all__ = [
    "BrokenInvariantError",
    "CheckedScheduler",
    "Recorder",
    "StalledError",
    "VirtualLoop",
    "VirtualTime",
    "block",
    "check_invariants",
    "replay",
    "run_virtual",
    "virtual_time",
]
