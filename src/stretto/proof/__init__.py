"""What can be shown about runs: both ways measured and equal, why steps waited, what would have helped."""

from stretto.proof.comparison import Comparison, Pair, Sample, compare
from stretto.proof.difference import Difference, difference_between
from stretto.proof.modes import Mode, interleaved
from stretto.proof.proposals import Proposal, propose
from stretto.proof.replay import Change, Replay
from stretto.proof.spread import Spread, spread_of
from stretto.proof.waits import Wait, WaitCause, waits_of

__all__ = [
    "Change",
    "Comparison",
    "Difference",
    "Mode",
    "Pair",
    "Proposal",
    "Replay",
    "Sample",
    "Spread",
    "Wait",
    "WaitCause",
    "compare",
    "difference_between",
    "interleaved",
    "propose",
    "spread_of",
    "waits_of",
]
