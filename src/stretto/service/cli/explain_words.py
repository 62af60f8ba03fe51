"""What `explain` knows, in words: lines of at most 80 columns but for what steps themselves say."""

from __future__ import annotations

import itertools
from datetime import datetime
from typing import TYPE_CHECKING, Final

from stretto.core.journal.story import story_lines
from stretto.core.policy import describe
from stretto.service.cli.explain_data import waited_by_cause
from stretto.service.cli.explain_losses import kept_steps, losses_of, unfinished_steps

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from stretto.core.forecast.hops import Hop
    from stretto.core.journal.view import StepView
    from stretto.proof import Proposal, Wait
    from stretto.service.cli.explain import Explained
    from stretto.service.cli.explain_losses import Loss

__all__ = ["run_lines", "step_lines"]

_WIDTH: Final = 80
_LABEL: Final = 28
_WHAT: Final = 48
_SHOWN_STEPS: Final = 40
_SHOWN_HOPS: Final = 20
_SHOWN_NAMES: Final = 12
_SHOWN_PROPOSALS: Final = 8
_NOTABLE: Final = 0.001
_FAITHFUL: Final = 0.05


def run_lines(found: Explained) -> Iterator[str]:
    """A whole run."""
    yield from _head(found)
    yield from _losses(found)
    yield from _path(found)
    yield from _times(found)
    if found.has_value:
        yield from _proposals(found, found.proposals)
    yield from _table(found)


def step_lines(found: Explained, index: int) -> Iterator[str]:
    """One step of it."""
    graph, step = found.recorded.graph, found.view.step(index)
    path = graph.path(index)
    yield from _head(found)
    yield ""
    ran = sum((each.ended_at or found.last) - each.started_at for each in step.attempts)
    tries = f", {len(step.attempts)} attempts" if len(step.attempts) > 1 else ""
    yield f"{path}  {step.state}" + (f", ran {_seconds(found, ran)}{tries}" if step.attempts else "")
    if step.failure is not None or step.reason:
        yield f"  {step.reason or (describe(step.failure) if step.failure else '')}"
    yield from _wrapped("  needs ", [graph.path(dep) for dep in graph.deps[index]] or ["nothing"])
    yield from _wrapped(
        "  needed by ", [graph.path(each) for each in graph.consumers_of(index)] or ["no step"]
    )
    is_critical = any(hop.step == path for hop in found.timing.critical_path)
    yield f"  {'is' if is_critical else 'is not'} on the critical path"
    yield ""
    yield "why it waited"
    waits = found.waits.get(index, ())
    yield from (f"  {_at(found, each.since)}  {_wait(found, each)}" for each in waits)
    asked = list(_asked(found, step))
    yield from (f"  {_at(found, step.attempts[-1].started_at)}  {each}" for each in asked)
    if not waits and not asked:
        yield "  it did not: it started with the run"
    yield ""
    yield "what happened"
    yield from (f"  {line.strip()}" for line in story_lines(found.recorded.facts, index))
    about = [each for each in found.proposals if path in each.about]
    if about:
        yield from _proposals(found, about)


# -------------------------------------------------------------------- the run


def _head(found: Explained) -> Iterator[str]:
    recorded, view = found.recorded, found.view
    when = datetime.fromtimestamp(found.began).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    name = f"{recorded.created.workflow}  run {recorded.run_id}"
    if view.ended_at is None:
        yield f"{name}  {when}"
        if recorded.standing:
            yield f"{view.status}: {recorded.standing}"
            return
        length = _seconds(found, found.last - found.began)
        yield f"not over: its file stops after {length}; it still runs, or was killed"
        return
    why = f" ({view.cause})" if view.cause is not None else f": {view.reason}" if view.reason else ""
    yield f"{name}  {when}"
    order = ", one by one" if recorded.created.options.is_sequential else ""
    yield f"{view.status}{why} in {_seconds(found, found.timing.makespan)}{order}"


def _losses(found: Explained) -> Iterator[str]:
    losses = losses_of(found)
    if losses:
        yield ""
        yield "what failed"
        for loss in losses:
            yield from _loss(loss)
    if found.has_value:
        return
    for state, paths in unfinished_steps(found).items():
        yield ""
        words = {
            "running": "was running",
            "waiting": "was waiting",
            "ready": "was waiting for a permit",
            "pending": "had not begun",
            "cancelled": "cancelled with the run",
        }
        yield words[state]
        yield from _wrapped("  ", paths)
    kept = kept_steps(found)
    yield ""
    yield f"kept: {len(kept)} of {len(found.recorded.graph)} steps had finished"
    if kept:
        yield from _wrapped("  ", kept)


def _loss(loss: Loss) -> Iterator[str]:
    tries = f" (after {loss.attempts} attempts)" if loss.attempts > 1 else ""
    yield f"  {loss.path}: {loss.why}{tries}"
    if loss.is_defaulted:
        yield "    optional: its consumers got its default"
    elif loss.blocked:
        yield from _wrapped("    blocked ", loss.blocked)
    else:
        yield "    nothing else needed it"


def _path(found: Explained) -> Iterator[str]:
    hops = found.timing.critical_path
    if not hops:
        return
    shown = frozenset(map(id, sorted(hops, key=lambda hop: -hop.share)[:_SHOWN_HOPS]))
    width = min(_LABEL, max(len(hop.step) for hop in hops if id(hop) in shown))
    yield ""
    yield "critical path" if found.view.ended_at is not None else "critical path so far"
    for before, hop in zip([None, *hops], hops, strict=False):
        if id(hop) in shown:
            yield _fit(f"  {_at(found, hop.started_at)}  {_hop(found, before, hop, width)}")
    if len(shown) < len(hops):
        yield f"  … and {len(hops) - len(shown)} shorter ones between them"


def _hop(found: Explained, before: Hop | None, hop: Hop, width: int) -> str:
    length = _seconds(found, hop.ended_at - hop.started_at)
    return f"{_short(hop.step, width):<{width}} {length:>10}{hop.share:>6.0%}   {_reason(found, before, hop)}"


def _reason(found: Explained, before: Hop | None, hop: Hop) -> str:
    """What the hop waited for: the hop before it, and whatever filled the gap between the two."""
    gap = f" (+{_seconds(found, hop.waited)})" if hop.waited >= _NOTABLE else ""
    wait = _wait_before(found, hop)
    if before is None and not gap:
        return "at the start"
    if wait is not None and gap:
        return f"{_cause(found, wait)}{gap}"
    if found.recorded.created.options.is_sequential and before is not None:
        return f"its turn, after {before.step}{gap}"
    if hop.waited_for == "permit" and before is not None:
        return f"for the permit that {before.step} gave back{gap}"
    if hop.waited_for == "backoff":
        return f"its next attempt{gap}"
    return (f"after {before.step}" if before is not None else "after the start") + gap


def _wait_before(found: Explained, hop: Hop) -> Wait | None:
    index = found.recorded.graph.index_of(hop.step)
    waits = [] if index is None else found.waits.get(index, [])
    return next((each for each in waits if each.until == hop.started_at and each.cause != "dependency"), None)


def _times(found: Explained) -> Iterator[str]:
    timing = found.timing
    running = sum(hop.ended_at - hop.started_at for hop in timing.critical_path)
    waiting = max(0.0, timing.makespan - running)
    yield ""
    yield "where the time went"
    if timing.makespan > 0:
        yield (
            f"  critical path   ran {_seconds(found, running)} ({running / timing.makespan:.0%}), "
            f"waited {_seconds(found, waiting)} ({waiting / timing.makespan:.0%})"
        )
    yield f"  all steps       ran {_seconds(found, timing.work)}; waited, besides for what they need:"
    causes = sorted(waited_by_cause(found).items(), key=lambda each: -each[1])
    notable = [(cause, seconds) for cause, seconds in causes if seconds >= _NOTABLE]
    for cause, seconds in notable:
        yield f"    {_seconds(found, seconds):>10}  {_cause_in_all(found, cause)}"
    if not notable:
        yield "    nothing"
    if timing.waiting_for_people:
        yield f"  people          {_seconds(found, timing.waiting_for_people)}, when nothing else ran"
    if found.has_value and timing.bound_efficiency is not None:
        bound = _seconds(found, timing.lower_bound)
        yield f"  lower bound     {bound}; bound efficiency {timing.bound_efficiency:.1%}"


def _cause_in_all(found: Explained, cause: str) -> str:
    permits = found.recorded.created.options.permits
    words = {
        "permit": f"for a permit of the run (at most {permits} at once)",
        "turn": "for their turn, one by one",
        "backoff": "between a failed attempt and the next",
        "ending": "for an earlier attempt to end",
    }
    return words.get(cause, f"for permits of the {cause}")


def _proposals(found: Explained, proposals: Sequence[Proposal]) -> Iterator[str]:
    yield ""
    yield "what would help most (estimate: this run simulated on its recorded times)"
    if not proposals:
        yield "  nothing alone would take half a percent off"
    shown = proposals[:_SHOWN_PROPOSALS]
    width = min(_WHAT, max((len(each.what) for each in shown), default=0))
    for each in shown:
        what = each.what if len(each.what) <= width else f"{each.what[: width - 1]}…"
        figures = f"{_seconds(found, each.before)} → {_seconds(found, each.after)}"
        yield f"  {what:<{width}}  {figures}  {-each.gain:.0%}"
    if len(proposals) > len(shown):
        yield f"  … and {len(proposals) - len(shown)} more; --json lists all"
    people = found.timing.waiting_for_people
    replayed, measured = found.replayed or 0.0, found.timing.makespan - people
    if people:
        yield f"  {_seconds(found, people)} of waiting for people are left out of it"
    if abs(replayed - measured) > _FAITHFUL * measured and measured >= _NOTABLE:
        yield f"  take care: unchanged, the simulation gives {_seconds(found, replayed)}, not"
        yield f"  {_seconds(found, measured)}; what steps do to each other is not in it"


def _table(found: Explained) -> Iterator[str]:
    graph = found.recorded.graph
    order = sorted(range(len(graph)), key=graph.author_order)
    shown = order[:_SHOWN_STEPS]
    width = min(_LABEL, max((len(graph.path(index)) for index in shown), default=0))
    yield ""
    yield "why each step waited"
    for index in shown:
        yield _fit(f"  {_short(graph.path(index), width):<{width}}  {_waited(found, index)}")
    if len(order) > len(shown):
        yield f"  … and {len(order) - len(shown)} more; --json lists all"


def _waited(found: Explained, index: int) -> str:
    step = found.view.step(index)
    if step.state == "skipped" and step.failure is not None:
        return f"never began: {describe(step.failure)}"
    all_waits = found.waits.get(index, ())
    waits = [each for each in all_waits if each.cause == "dependency" or each.seconds >= _NOTABLE]
    said = "; ".join([*(_wait(found, each) for each in waits), *_asked(found, step)])
    return said or ("did not wait" if step.attempts else step.state)


# -------------------------------------------------------------------- words


def _asked(found: Explained, step: StepView) -> Iterator[str]:
    """What a step that has no work of its own waited for: people, an event, an instant."""
    wait = step.wait
    if wait is None or not step.attempts:
        return
    words = {"event": f"the event {wait.text!r}", "sleep": "its instant"}
    by = f" ({step.answer.by})" if step.answer is not None and step.answer.by else ""
    what = f"for {words.get(wait.kind, 'a person')}{by}"
    if step.ended_at is None:
        yield f"{what} so far"
    else:
        yield f"{what} {_seconds(found, step.ended_at - step.attempts[-1].started_at)}"


def _wait(found: Explained, wait: Wait) -> str:
    never = "so far" if found.view.ended_at is None else "in vain"
    ended = f"until {_at(found, wait.until).strip()}" if wait.is_over else never
    if wait.cause == "dependency":  # all of them began with the run: how long says no more
        return f"{_cause(found, wait)} {ended}"
    return f"{_cause(found, wait)} {_seconds(found, wait.seconds)}, {ended}"


def _cause(found: Explained, wait: Wait) -> str:
    permits = found.recorded.created.options.permits
    words = {
        "dependency": f"for {wait.on}",
        "permit": f"for one of {permits} permits of the run",
        "limit": f"for limit {wait.on}",
        "turn": "for its turn",
        "backoff": f"before attempt {wait.attempt}",
        "ending": f"for attempt {wait.attempt - 1} to end",
    }
    return words[str(wait.cause)]


def _at(found: Explained, instant: float) -> str:
    return f"{instant - found.began:8.{_digits(found)}f} s"


def _seconds(found: Explained, seconds: float) -> str:
    return f"{seconds:.{_digits(found)}f} s"


def _digits(found: Explained) -> int:
    if found.timing.makespan < 0.01:
        return 6
    return 3 if found.timing.makespan < 1 else 2


def _short(text: str, width: int) -> str:
    return text if len(text) <= width else f"…{text[1 - width :]}"


def _fit(line: str) -> str:
    return line if len(line) <= _WIDTH else f"{line[: _WIDTH - 1]}…"


def _wrapped(lead: str, names: Iterable[str]) -> list[str]:
    from textwrap import wrap

    found = iter(names)
    listed = list(itertools.islice(found, _SHOWN_NAMES))
    rest = sum(1 for _ in found)
    text = ", ".join(listed) + (f" … and {rest} more" if rest else "")
    return wrap(lead + text, _WIDTH, subsequent_indent=" " * (len(lead) - len(lead.lstrip()) + 2))
