"""Who gets the run's permits, and how named permits come in."""

from __future__ import annotations

from core.schedule_cases import Case, add_map, drawn
from stretto.core.journal import facts as kinds
from stretto.core.policy import Retry
from stretto.core.schedule.ready import ReadyQueue

LIMITED: dict[str, object] = {"limits": ("openai",)}


def test_the_cap_is_never_passed() -> None:
    """With two permits a third step waits, and says that it is ready."""
    case = Case(drawn("a", "b", "c"), permits=2)
    case.begin()
    assert case.started == ["a#1", "b#1"]
    assert case.state("c") == "READY"
    case.post(case.done("a"))
    assert case.started == ["a#1", "b#1", "c#1"]


def test_the_longest_remaining_path_goes_first() -> None:
    """Of three that compete, the head of the longest chain gets the permit."""
    case = Case(drawn("short", "long", "middle", "l2: long", "l3: l2", "m2: middle"), permits=1)
    case.begin()
    while not case.scheduler.finished:
        case.post(case.done(case.started[-1].partition("#")[0]))
    assert case.started == ["long#1", "middle#1", "l2#1", "short#1", "l3#1", "m2#1"]


def test_estimates_make_paths_long() -> None:
    """A single step of 9 s goes before a chain of three short ones."""
    case = Case(drawn("a", "b: a", "c: b", "big"), permits=1, estimates={"big": 9.0, "a": 1, "b": 1, "c": 1})
    case.begin()
    assert case.started == ["big#1"]


def test_a_sequential_run_goes_in_author_order() -> None:
    """One permit and author order: priorities do not matter."""
    case = Case(drawn("a", "big", "c: a"), permits=1, is_sequential=True, estimates={"big": 9.0})
    case.begin()
    for name in ("a", "big", "c"):
        case.post(case.done(name))
    assert case.started == ["a#1", "big#1", "c#1"]


def test_a_sequential_run_waits_for_a_retry() -> None:
    """One by one means one by one: nothing starts in the pause between two attempts."""
    rule = Retry(attempts=2, first_wait=1.0, jitter=False)
    case = Case(drawn("a", "b", a={"retry": rule}), permits=1, is_sequential=True)
    case.begin()
    case.post(case.failed("a"))
    assert case.started == ["a#1"]
    case.tick(1.0)
    case.post(case.done("a", attempt=2))
    assert case.started == ["a#1", "a#2", "b#1"]


def test_a_parallel_run_lends_the_permit_during_a_pause() -> None:
    """No permit is held across backoff."""
    rule = Retry(attempts=2, first_wait=1.0, jitter=False)
    case = Case(drawn("a", "b", a={"retry": rule}), permits=1)
    case.begin()
    case.post(case.failed("a"))
    assert case.started == ["a#1", "b#1"]


def test_children_of_a_map_stand_where_their_anchor_stands() -> None:
    """In a sequential run a map's children go before steps written behind the map."""
    graph = drawn("xs", "other")
    add_map(graph, "m", 0)
    graph.add(drawn("last").specs[0], "last", (), None, (1,))
    case = Case(graph, permits=1, is_sequential=True)
    case.begin()
    case.post(case.done("xs", [0, 1]))
    case.post(case.grew("m", 2))
    for name in ("other", "m[0]", "m[1]", "last"):
        case.post(case.done(name))
    assert case.end() == kinds.RUN_SUCCEEDED
    assert case.started == ["xs#1", "m#1", "other#1", "m[0]#1", "m[1]#1", "last#1"]


def test_a_limited_step_asks_first() -> None:
    """A step with a named limit asks for it, and starts with the grant."""
    case = Case(drawn("a", a=LIMITED))
    case.begin()
    assert (case.asked, case.started) == (["a#1"], [])
    case.post(case.granted("a"))
    assert case.started == ["a#1"]
    case.post(case.done("a"))
    assert case.returned == ["a#1"]


def test_waiting_for_a_limit_holds_no_permit_of_the_run() -> None:
    """A step that queues for a provider blocks nobody in its run."""
    case = Case(drawn("limited", "plain", limited=LIMITED), permits=1)
    case.begin()
    assert case.started == ["plain#1"]
    assert case.asked == ["limited#1"]


def test_a_grant_in_a_full_run_is_given_back_and_its_place_kept() -> None:
    """A grant that comes while the run is full is returned; the step is the next to get the run's permit."""
    case = Case(drawn("limited", "plain", "end: limited", "later: plain", limited=LIMITED), permits=1)
    case.begin()
    assert (case.asked, case.started) == (["limited#1"], ["plain#1"])
    case.post(case.granted("limited"))
    assert case.returned == ["limited#1"]
    case.post(case.done("plain"))
    assert case.asked == ["limited#1", "limited#1"]
    case.post(case.granted("limited"))
    assert case.started[:2] == ["plain#1", "limited#1"]


def test_a_lost_run_withdraws_its_requests() -> None:
    """What was asked for and not granted is withdrawn when the run is lost."""
    case = Case(drawn("a", "bad", a=LIMITED))
    case.begin()
    case.post(case.failed("bad"))
    assert case.returned == ["a#1"]
    assert case.state("a") == "CANCELLED"


def test_a_grant_that_crossed_the_withdrawal_is_ignored() -> None:
    """The withdrawal gave it back already; nothing starts."""
    case = Case(drawn("a", "bad", "slow", a=LIMITED))
    case.begin()
    case.post(case.failed("bad"))
    assert case.post(case.granted("a")) == ([], [])


def test_all_permits_come_back() -> None:
    """After any mix of successes, failures and retries no permit is out."""
    rules = {"a": {"retry": Retry(attempts=2, first_wait=0.0)}, "b": {"optional": True}, "c": LIMITED}
    case = Case(drawn("a", "b", "c", "d: a b c", **rules), permits=2)
    case.begin()
    case.post(case.failed("a"), case.failed("b"))
    case.tick(0.0)
    case.post(case.granted("c"))
    case.post(case.done("a", attempt=2), case.done("c"))
    case.post(case.done("d"))
    assert case.end() == kinds.RUN_PARTIAL
    assert case.scheduler.used == 0


def test_equal_paths_go_in_author_order() -> None:
    """Ties are broken by the order in which steps were written."""
    queue = ReadyQueue(drawn("a", "b", "c"), {}, is_sequential=False)
    queue.extend([2, 0, 1])
    assert [queue.pop() for _ in range(3)] == [0, 1, 2]


def test_a_few_added_to_many_keep_the_order() -> None:
    """Pushing single steps into a long queue sorts as rebuilding it would."""
    names = [f"s{number}" for number in range(40)]
    queue = ReadyQueue(
        drawn(*names), {name: float(number) for number, name in enumerate(names)}, is_sequential=False
    )
    queue.extend(list(range(0, 40, 2)))
    queue.extend([1])
    queue.extend([39, 3])
    assert [queue.pop() for _ in range(4)] == [39, 38, 36, 34]
    assert len(queue) == 19


def test_a_cleared_queue_is_empty() -> None:
    """A run that starts nothing more forgets who waited."""
    queue = ReadyQueue(drawn("a"), {}, is_sequential=True)
    queue.push(0)
    queue.clear()
    assert len(queue) == 0


def test_grown_steps_carry_the_path_behind_their_anchor() -> None:
    """A child's remaining path goes on behind its map."""
    graph = drawn("xs")
    anchor = add_map(graph, "m", 0)
    graph.add(drawn("end").specs[0], "end", (), None, (anchor,))
    queue = ReadyQueue(graph, {"m": 2.0, "end": 5.0}, is_sequential=False)
    assert queue.level(anchor) == 7.0
    case = Case(graph)
    case.begin()
    case.post(case.done("xs", [0]))
    case.post(case.grew("m", 1))
    assert queue.level(case.index("m[0]")) == 7.0
