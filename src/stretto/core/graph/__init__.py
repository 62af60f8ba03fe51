"""Steps, edges, groups and fragments as dense columns; where a value comes from."""

from stretto.core.graph.fragment import (
    Choice,
    Fragment,
    GroupSpec,
    Loop,
    MapSpec,
    Node,
    map_fragment,
)
from stretto.core.graph.graph import Body, Graph
from stretto.core.graph.rebase import round_of
from stretto.core.graph.source import Source
from stretto.core.graph.spec import ANCHORS, Role, StepSpec, WaitRule, Where
from stretto.core.graph.template import fill, is_projected, narrowed, project, sources_in

__all__ = [
    "ANCHORS",
    "Body",
    "Choice",
    "Fragment",
    "Graph",
    "GroupSpec",
    "Loop",
    "MapSpec",
    "Node",
    "Role",
    "Source",
    "StepSpec",
    "WaitRule",
    "Where",
    "fill",
    "is_projected",
    "map_fragment",
    "narrowed",
    "project",
    "round_of",
    "sources_in",
]
