"""Steps, edges, groups and fragments as dense columns; where a value comes from."""

from stretto.core.graph.fragment import Fragment, Node
from stretto.core.graph.graph import Graph, GroupSpec
from stretto.core.graph.source import Source
from stretto.core.graph.spec import Role, StepSpec, Where

__all__ = ["Fragment", "Graph", "GroupSpec", "Node", "Role", "Source", "StepSpec", "Where"]
