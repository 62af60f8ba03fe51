"""The same scheduler on virtual time: what would this run take, and in what order would its steps start?"""

from stretto.runtime.simulate.outcome import Outcome, OutcomeOf
from stretto.runtime.simulate.simulated import Simulated
from stretto.runtime.simulate.virtual import simulate

__all__ = ["Outcome", "OutcomeOf", "Simulated", "simulate"]
