"""What authors write: steps, workflows, groups. Running a workflow's body once builds its graph."""

from stretto.authoring.declare import step
from stretto.authoring.group import Group, group
from stretto.authoring.ref import Ref
from stretto.authoring.resource import from_engine
from stretto.authoring.step import Step
from stretto.authoring.workflow import Definition

__all__ = ["Definition", "Group", "Ref", "Step", "from_engine", "group", "step"]
