"""The state machine of one run: ``handle(*events) -> Decision(facts, commands)``."""

from stretto.core.schedule.decision import Command, Decision
from stretto.core.schedule.machine import Scheduler
from stretto.core.schedule.states import LEGAL, State, diagram

__all__ = ["LEGAL", "Command", "Decision", "Scheduler", "State", "diagram"]
