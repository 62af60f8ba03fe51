"""Steps, edges, groups and fragments as dense columns; where a value comes from."""

from stretto.core.graph.fragment import Fragment, Node, map_fragment
from stretto.core.graph.graph import Graph, GroupSpec, MapSpec
from stretto.core.graph.source import Source
from stretto.core.graph.spec import Role, StepSpec, Where
from stretto.core.graph.template import fill, is_projected, project, sources_in

__all__ = [
    "Fragment",
    "Graph",
    "GroupSpec",
    "MapSpec",
    "Node",
    "Role",
    "Source",
    "StepSpec",
    "Where",
    "fill",
    "is_projected",
    "map_fragment",
    "project",
    "sources_in",
]
