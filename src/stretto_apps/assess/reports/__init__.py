"""The three reports of an assessment, each as Markdown and as a page that needs nothing else.

The page about a run is apart, in `for_run`: its times are no part of the workflow's value.
"""

from __future__ import annotations

from stretto_apps.assess.reports.for_engineers import technical
from stretto_apps.assess.reports.for_executives import executive
from stretto_apps.assess.reports.for_stakeholders import stakeholder

__all__ = ["executive", "stakeholder", "technical"]
