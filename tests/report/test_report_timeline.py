"""A finished run on a time axis, and notebooks' reprs."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import pytest

from stretto import Retry, RunResult, group, step, workflow
from stretto.report.bars import Bars, Row, bars_of
from stretto.report.timeline import timeline
from stretto.testing import run_virtual

if TYPE_CHECKING:
    from stretto import Workflow

SVG = "{http://www.w3.org/2000/svg}"


@step
async def works(seconds: float, value: object = None) -> object:
    await asyncio.sleep(seconds)
    return value


@step(retry=Retry(attempts=3, first_wait=2.0, factor=1.0, jitter=False))
async def flaky(counts: list[int]) -> int:
    await asyncio.sleep(1)
    from stretto import current

    if current().attempt < 3:
        raise ConnectionError("reset")
    return len(counts)


@step(optional=True, default=None)
async def lost() -> int | None:
    await asyncio.sleep(0.5)
    raise KeyError("gone")


@step
async def breaks(text: str) -> None:
    raise ValueError(text)


@step
async def lengths(count: int) -> list[float]:
    return [1.0 + number for number in range(count)]


@workflow
def good(count: int = 2) -> object:
    first = works.named("first")(1)
    flaky([])
    with group("team", within=5):
        works.named("quick").after(first)(1)
        works.named("slow").after(first)(60)
    return works.named("each").map(lengths(count))


@workflow
def partly() -> object:
    return [works(2), lost()]


@workflow
def bad() -> None:
    works(3)
    works.named("never").after(breaks("no such drink"))(1)


def result_of(flow: Workflow[..., object], **options: int) -> RunResult[object]:
    """A run on virtual time."""
    return run_virtual(flow.with_options(**options).aresult())  # type: ignore[arg-type]  # caps alone


def bars(result: RunResult[object], limit: int = 60) -> Bars:
    """The rows of a run."""
    return bars_of(result._finished.view, result.timing, limit)


def row(found: Bars, path: str) -> Row:
    """The row of that path."""
    (one,) = [each for each in found.rows if each.path == path]
    return one


def drawn(result: RunResult[object], *, has_value: bool = True) -> str:
    """A run as SVG."""
    return timeline(result._finished.view, result.timing, result.workflow, has_value=has_value)


def texts(svg: str) -> list[str]:
    """Everything written in the picture."""
    found = (
        "".join(part for part in each.itertext()) for each in ElementTree.fromstring(svg).iter(f"{SVG}text")
    )
    return list(found)


def shown(svg: str) -> list[str]:
    """What is written, without tips."""
    return [re.sub(r"(?s).*</title>", "", text) for text in re.findall(r"(?s)<text[^>]*>(.*?)</text>", svg)]


# -------------------------------------------------------------------- rows


def test_rows_stand_in_author_order() -> None:
    """A map's children below it."""
    found = bars(result_of(good))
    assert [each.path for each in found.rows] == [
        "first", "flaky", "quick", "slow", "team", "lengths", "each", "each[0]", "each[1]",
    ]  # fmt: skip
    assert found.end == pytest.approx(7.0)


def test_each_attempt_is_a_bar() -> None:
    """Lost ones say so and why; between them the step waits."""
    first, second, third = row(bars(result_of(good)), "flaky").bars
    assert (first.begin, first.end, first.is_lost) == (0.0, 1.0, True)
    assert (second.begin, third.begin, third.end, third.is_lost) == (3.0, 6.0, 7.0, False)
    assert "ConnectionError: reset" in first.words


def test_the_path_the_run_took_is_marked() -> None:
    """Its rows, its bars, and where each hop begins and ends."""
    found = bars(result_of(good))
    assert [each.path for each in found.rows if each.is_critical] == ["flaky"]
    assert [(found.rows[place].path, begin, end) for place, begin, end in found.path] == [
        ("flaky", 0.0, 1.0), ("flaky", 3.0, 4.0), ("flaky", 6.0, 7.0),
    ]  # fmt: skip
    assert all(bar.is_critical for bar in row(found, "flaky").bars)
    assert "waited for its next attempt 2.00 s" in row(found, "flaky").bars[1].words


def test_a_step_cut_at_a_deadline_is_lost() -> None:
    """Its bar ends there; what consumers got is said."""
    one = row(bars(result_of(good)), "slow")
    assert (one.bars[0].end, one.bars[0].is_lost) == (pytest.approx(6.0), True)
    assert one.note == "lost; its default was used"


def test_waiting_for_a_permit_begins_when_the_step_is_ready() -> None:
    """Ready is not started."""
    one = row(bars(result_of(good, max_concurrency=1)), "lengths")
    assert one.ready == 0.0
    assert one.bars[0].begin > 0.5


def test_what_never_ran_says_why() -> None:
    """It has no bar."""
    found = bars(result_of(bad))
    assert row(found, "breaks").note == "failed: ValueError: no such drink"
    one = row(found, "never")
    assert one.bars == ()
    assert one.note


def test_maps_are_folded_when_rows_are_many() -> None:
    """One row with the time in which any child ran, and their number."""
    result = run_virtual(good.arun(count=4))
    found = bars(result, limit=8)
    one = row(found, "each")
    assert one.folded == 4
    assert [(bar.begin, bar.end) for bar in one.bars if not bar.is_critical] == [(0.0, 4.0)]
    assert not any("[" in each.path for each in found.rows)


def test_the_least_telling_rows_are_counted() -> None:
    """The path the run took and what was lost stay, then what ran longest."""

    @workflow
    def wide() -> None:
        for number in range(20):
            works.named(f"w{number}")(1 + number / 100)
        breaks("x")

    found = bars(result_of(wide, max_concurrency=99), limit=5)
    assert [each.path for each in found.rows] == ["w17", "w18", "w19", "breaks"]
    assert found.more == 17


# -------------------------------------------------------------------- the picture


def test_the_head_has_the_measured_figures() -> None:
    """Status, length, work, the bound and how near the run came to it."""
    svg = drawn(result_of(partly))
    assert shown(svg)[:2] == [
        "partly: partial in 2.00 s",
        "all attempts added up 2.50 s · lower bound 2.00 s · 100% of what was possible",
    ]


def test_no_bound_is_compared_with_a_run_without_value() -> None:
    """Nothing is claimed for it; its losses are said."""
    svg = drawn(result_of(bad), has_value=False)
    assert "lower bound" not in svg
    assert "possible" not in svg
    assert "0 s · failed: ValueError: no such drink" in shown(svg)


def test_the_picture_needs_nothing_else_and_is_well_formed() -> None:
    """No script, no address, no ids; every text is escaped."""

    @workflow
    def odd() -> None:
        breaks("<script>alert('&')</script> \x00")

    svg = drawn(result_of(odd), has_value=False)
    assert not re.search(r"<script|href|@import|url\(|\sid=", svg)
    assert any("<script>alert('&')" in text for text in texts(svg))


def test_every_mark_in_use_is_in_the_legend() -> None:
    """And none that is not."""
    found = shown(drawn(result_of(good, max_concurrency=2)))
    assert {"ran", "critical path, as it was", "attempt failed or cut", "waited"} <= set(found)
    assert "at least one of many ran" not in found
    assert "waited" not in shown(drawn(result_of(partly)))


def test_texts_stay_inside_the_picture() -> None:
    """Words stand behind their bar, in it, or before it, wherever there is room."""

    @workflow
    def late() -> None:
        first = works.named("a_very_long_name_of_a_step_that_nobody_would_give_willingly_to_anything")(10)
        breaks.after(first)("a very long reason " * 20)

    root = ElementTree.fromstring(drawn(result_of(late), has_value=False))
    for each in root.iter(f"{SVG}text"):
        x, width = float(each.get("x", "0")), 0.0
        words = (each[0].tail if len(each) else each.text) or ""
        width = len(words) * 5.0
        low = x - width if each.get("text-anchor") == "end" else x
        assert low >= 0
        assert x <= 980


def test_bars_keep_to_their_axis() -> None:
    """They begin behind the labels and end before the margin, in the order of their times."""
    root = ElementTree.fromstring(drawn(result_of(good)))
    rects = [
        each for each in root.iter(f"{SVG}rect") if (each.get("class") or "").startswith(("ran", "lost"))
    ]
    spans = [
        (float(each.get("x", "0")), float(each.get("width", "0"))) for each in rects if each.get("y") != "-6"
    ]
    assert len(spans) == 9
    assert min(x for x, _ in spans) > 60
    assert max(x + width for x, width in spans) < 980


def test_folded_rows_are_drawn() -> None:
    """With their number, and what went wrong in them."""
    result = run_virtual(good.arun(count=80))
    svg = drawn(result)
    assert "each ×80" in shown(svg)
    assert "at least one of many ran" in shown(svg)


def test_a_run_that_took_no_time_is_a_picture_too() -> None:
    """An axis of one instant, rows without length."""

    @workflow
    def nothing() -> None:
        """No steps."""

    assert "nothing: succeeded in 0 s" in shown(drawn(result_of(nothing)))


def test_axes_have_round_instants() -> None:
    """In milliseconds, seconds or minutes, whatever the run's length is."""

    @workflow
    def lasting(seconds: float) -> None:
        works(seconds)

    def axis(seconds: float) -> list[str]:
        svg = drawn(run_virtual(lasting.arun(seconds)))
        return re.findall(r'text-anchor="middle"[^>]*>([^<]*)<', svg)

    assert axis(0.35) == ["0 s", "50 ms", "100 ms", "150 ms", "200 ms", "250 ms", "300 ms", "350 ms"]
    assert axis(6) == ["0 s", "1 s", "2 s", "3 s", "4 s", "5 s", "6 s"]
    assert axis(3600)[0] == "0 min"


# -------------------------------------------------------------------- notebooks


def test_a_results_repr_is_its_timeline() -> None:
    """In a frame that scrolls, for runs with and without a value."""
    html = result_of(good)._repr_html_()
    assert html.startswith("<div style=")
    assert 'class="stretto-timeline"' in html
    assert "lower bound" in html
    assert "lower bound" not in result_of(bad)._repr_html_()


def test_a_workflows_repr_is_its_graph() -> None:
    """Traced with the example, or with the defaults where nothing more is needed."""

    @workflow(example={"seconds": 1.0})
    def shown_by_example(seconds: float) -> object:
        return works(seconds)

    for flow in (shown_by_example, good):
        assert 'class="stretto-graph"' in flow._repr_html_()


def test_a_workflow_that_needs_inputs_says_which() -> None:
    """Nothing is traced with inputs made up."""

    @workflow
    def needing(first: int, second: int = 1, *rest: int, **more: int) -> object:
        return works(first)

    html = needing._repr_html_()
    assert "needs inputs before its graph can be drawn: first." in html
    assert "@workflow(example={…})" in html


def test_a_body_that_raises_is_told_in_its_place() -> None:
    """A notebook shows what was raised, escaped, and no traceback of its own."""

    @workflow
    def broken() -> object:
        raise LookupError("<nobody>")

    html = broken._repr_html_()
    assert "LookupError: &lt;nobody&gt;" in html
    assert "cannot be drawn" in html


def test_after_a_run_the_graph_marks_the_longest_path() -> None:
    """The engine's estimates are known by then, and are called estimates."""

    @workflow
    def plain() -> object:
        return works(2)

    assert "critical path" not in plain._repr_html_()
    run_virtual(plain.arun())
    assert "critical path (estimate)" in plain._repr_html_()
