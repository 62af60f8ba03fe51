"""What authors write: steps, workflows, groups. Running a workflow's body once builds its graph."""

from stretto.authoring.choose import choose
from stretto.authoring.declare import step
from stretto.authoring.expand import expand
from stretto.authoring.group import Group, group
from stretto.authoring.nested import Nested
from stretto.authoring.plan import PlanProblem, PlanStep, check_plan
from stretto.authoring.ref import Ref
from stretto.authoring.repeat import repeat
from stretto.authoring.resource import from_engine
from stretto.authoring.step import Step
from stretto.authoring.wait import approve, ask, sleep, wait_for
from stretto.authoring.workflow import Definition

__all__ = [
    "Definition",
    "Group",
    "Nested",
    "PlanProblem",
    "PlanStep",
    "Ref",
    "Step",
    "approve",
    "ask",
    "check_plan",
    "choose",
    "expand",
    "from_engine",
    "group",
    "repeat",
    "sleep",
    "step",
    "wait_for",
]
