"""Stories: all that happened to one step, in words."""

from __future__ import annotations

from core.schedule_cases import BROKEN, Case, add_group, add_map, drawn
from stretto.core.policy import Retry


def test_a_story_tells_one_steps_past_in_order() -> None:
    """A line a fact, with seconds since the run began; other steps do not appear."""
    rule = Retry(attempts=2, first_wait=4.0, jitter=False)
    case = Case(drawn("a", "b", a={"retry": rule}))
    case.now = 100.0
    case.begin()
    case.now = 101.5
    case.post(case.failed("a", failure=BROKEN))
    case.tick(105.5)
    case.now = 106.0
    case.post(case.done("a", attempt=2))
    assert case.scheduler.story("a") == (
        "    0.000 s  attempt 1 started",
        "    1.500 s  attempt 1 failed: ValueError: broken",
        "    1.500 s  will be tried again after 4.000 s: ValueError: broken",
        "    5.500 s  attempt 2 started",
        "    6.000 s  attempt 2 succeeded",
    )


def test_an_unknown_step_has_no_story() -> None:
    """The scheduler's own story of nobody is empty; the API raises instead."""
    assert Case(drawn("a")).scheduler.story("nobody") == ()


def test_every_kind_of_fact_has_its_words() -> None:
    """Timeouts, abandonment, grants, skips, defaults, groups, growth, cancels: no fact is told by number."""
    graph = drawn(
        "xs", "slow", "needs: slow", "asks", slow={"timeout": 1.0, "optional": True}, asks={"limits": ("x",)}
    )
    add_map(graph, "m", 0)
    add_group(graph, "g", 4, within=60.0)
    case = Case(graph, grace=2.0)
    case.begin()
    case.post(case.granted("asks"))
    case.tick(1.0)
    case.tick(3.0)
    case.post(case.done("xs", [1]))
    case.post(case.grew("m", 1))
    case.post(case.failed("asks"))
    case.post(case.cancelled("enough"))
    case.post(case.ended("slow"), case.ended("m[0]"), case.ended("needs"))
    told = "\n".join(line for index in range(len(graph)) for line in case.scheduler.story(graph.path(index)))
    assert "fact kind" not in told
    for words in (
        "timed out: attempt 1 gave no result within 1 s",
        "did not stop within its grace and was abandoned",
        "ended after nobody waited for it any more",
        "got its named permits",
        "its consumers get the default",
        "its group opened, 60.000 s to its deadline",
        "grew the graph",
        "cancelled: enough",
    ):
        assert words in told
