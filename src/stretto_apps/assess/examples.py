"""The example request that ships with the package, for the demo and for plans without inputs."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING

from stretto_apps.assess.validate import parse_request

if TYPE_CHECKING:
    from stretto_apps.assess.types import AssessmentRequest

__all__ = ["example_request"]


def example_request() -> AssessmentRequest:
    """A health-technology start-up on AWS; the same file lies in the repository's `examples/assess`."""
    name = "health-startup.yaml"
    text = files("stretto_apps.assess.data").joinpath("examples", name).read_text(encoding="utf-8")
    return parse_request(text, name)
