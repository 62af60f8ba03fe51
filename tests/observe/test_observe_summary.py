"""`observe/summary.py`: the lines at a run's end."""

from __future__ import annotations

from stretto.core.forecast.hops import Hop
from stretto.core.forecast.timing import Timing
from stretto.observe.summary import Spending, Summary, summary_lines

NOTHING = Spending(0, 0, 0, 0.0)


def timing(makespan: float = 4.0, hops: tuple[Hop, ...] = (), people: float = 0.0) -> Timing:
    """10 s of work, bound 3 s."""
    return Timing(10.0, 3.0, 3.0, makespan, 3.0 / makespan if makespan else None, hops, people)


def lines(**given: object) -> list[str]:
    """The summary of a run that succeeded, but for what is given."""
    known: dict[str, object] = {
        "status": "succeeded",
        "timing": timing(),
        "has_value": True,
        "spending": NOTHING,
    }
    return summary_lines(Summary(**{**known, **given}))  # type: ignore[arg-type]


def test_three_labelled_figures() -> None:
    """An estimate says that it is one; the bound efficiency and the speedup stand at the actual time."""
    assert lines()[2:5] == [
        "  one by one     10.00 s   estimate: all attempts' times added up",
        "  lower bound     3.00 s   no schedule of these attempts ends earlier",
        "  actual          4.00 s   bound efficiency 75.0%, speedup 2.5x (estimate)",
    ]


def test_a_measured_one_by_one_is_no_estimate() -> None:
    """The word estimate goes when the figure was measured."""
    text = "\n".join(lines(one_by_one=12.0))
    assert "one by one     12.00 s   measured" in text
    assert "speedup 3.0x" in text
    assert "estimate" not in text


def test_a_run_without_a_value_shows_no_speedup() -> None:
    """Failed and cancelled runs claim nothing."""
    text = "\n".join(lines(has_value=False, status="failed"))
    assert "speedup" not in text
    assert text.startswith("failed in 4.00 s")


def test_a_run_of_no_length_divides_by_nothing() -> None:
    """Neither efficiency nor speedup exist for it."""
    text = "\n".join(lines(timing=timing(makespan=0.0)))
    assert "speedup" not in text
    assert "efficiency" not in text


def test_people_stand_apart() -> None:
    """Waiting for people has its own figure, only where there was any."""
    assert "people" not in "\n".join(lines())
    assert "  people          1.50 s   of it, spent waiting for people alone" in lines(
        timing=timing(people=1.5)
    )


def test_the_path_says_what_each_hop_waited_for() -> None:
    """Share, length, and whether a result, a permit or a backoff was waited for."""
    hops = (
        Hop("a", 0.0, 1.0, "start", 0.0, 0.25),
        Hop("b", 1.0, 2.0, "dependency", 0.0, 0.25),
        Hop("b", 2.5, 3.0, "backoff", 0.5, 0.125),
        Hop("c", 3.0, 4.0, "permit", 0.0, 0.25),
    )
    found = lines(timing=timing(hops=hops))
    assert found[found.index("where the time went (the critical path)") + 1 :] == [
        "  a    1.00 s   25%   at the start",
        "  b    1.00 s   25%   after a",
        "  b    0.50 s   12%   waited for its next attempt (+0.50 s)",
        "  c    1.00 s   25%   waited for a permit",
    ]


def test_a_long_path_keeps_its_longest_hops_in_order() -> None:
    """Twelve hops are shown, and how many are not."""
    hops = tuple(
        Hop(f"s{n}", n, n + 1, "dependency", 0.0, 0.01 if n in (3, 7, 9) else 0.1) for n in range(15)
    )
    found = lines(timing=timing(hops=hops))
    shown = [line.split()[0] for line in found if line.startswith("  s")]
    assert shown == [f"s{n}" for n in range(15) if n not in (3, 7, 9)]
    assert found[-1] == "  … and 3 shorter ones between them"
    assert lines(timing=timing(hops=hops[:13]))[-1] == "  … and 1 shorter one between them"


def test_tokens_and_cost() -> None:
    """Only where a model was asked; an unknown price is said to be unknown."""
    assert "models" not in "\n".join(lines())
    assert lines(spending=Spending(3, 1200, 40, 0.0123))[-1] == (
        "models: 3 calls, 1,200 tokens in, 40 out, $0.0123"
    )
    assert lines(spending=Spending(1, 5, 4, None))[-1].endswith("cost unknown")


def test_lost_optional_work_is_named() -> None:
    """A partial run says what it went without."""
    assert lines(status="partial", lost=("wine: no luck",))[-2:] == ["optional work lost", "  wine: no luck"]


def test_attempts_that_did_not_stop_are_not_called_optional() -> None:
    """Required work that ignored its end stands under a heading of its own."""
    found = lines(lost=("wine: no luck",), ignored=("cook: was abandoned",))
    assert found[-5:] == [
        "optional work lost",
        "  wine: no luck",
        "",
        "did not stop",
        "  cook: was abandoned",
    ]


def test_no_line_is_wider_than_a_terminal() -> None:
    """Long names and reasons are cut."""
    hops = tuple(Hop("x" * 70 + str(n), n, n + 1.0, "dependency", 0.5, 0.1) for n in range(3))
    found = lines(timing=timing(hops=hops, makespan=0.5), spending=Spending(10**6, 10**10, 10**9, 1234.5))
    assert max(map(len, found)) <= 80
