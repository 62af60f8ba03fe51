"""What a picture says about a step in words: short facts in its box, everything in its tip."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stretto.core.graph import Role, Where

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from stretto.core.graph import GroupSpec, StepSpec
    from stretto.report.parts import Part

__all__ = ["duration", "facts_of", "memory", "tip_of"]

_NAMED = 12

_RUNS = {
    Where.LOOP: "a coroutine on the event loop",
    Where.THREAD: "blocking code on a thread",
    Where.INLINE: "inline glue",
    Where.PROCESS: "a process of its own",
}
_ROLES = {
    Role.GATE: "the gate of a group",
    Role.MAP: "a map: one step an item",
    Role.CHOOSE: "a choice: one of its branches runs",
    Role.REPEAT: "a loop: one round after the other",
    Role.WAIT: "waits for a person, an event or an instant",
    Role.GROW: "grown from within: a nested workflow or a plan",
}


def duration(seconds: float) -> str:
    """``250 ms``, ``30 s``, ``5 min``, ``2 h``: in the largest unit that shows it whole."""
    if 0 < seconds < 1:
        return f"{seconds * 1000:.3g} ms"
    if seconds >= 3600 and seconds % 3600 == 0:
        return f"{seconds / 3600:g} h"
    if seconds >= 120 and seconds % 60 == 0:
        return f"{seconds / 60:g} min"
    return f"{seconds:g} s"


def memory(size: int) -> str:
    """Bytes in the largest unit that shows them whole; decimal where that is so, else binary."""
    for base, units in ((1000, ("B", "kB", "MB", "GB", "TB")), (1024, ("B", "KiB", "MiB", "GiB", "TiB"))):
        power = 0
        while power < len(units) - 1 and size >= base and size % base == 0:
            size, power = size // base, power + 1
        if power:
            return f"{size} {units[power]}"
    return f"{size} B"


def facts_of(part: Part) -> tuple[str, ...]:
    """The rules that make a step differ from a plain one, in few words."""
    if part.group is not None:
        return tuple(_threshold(part.group))
    rules = part.spec if part.target is None else part.target
    found = list(part.notes)
    if rules.optional:
        found.append("optional")
    if rules.timeout is not None:
        found.append(
            f"≤ {duration(rules.timeout)} a try"
            if rules.retry.attempts > 1
            else f"≤ {duration(rules.timeout)}"
        )
    within = part.spec.within if part.spec.within is not None else rules.within
    if within is not None:
        found.append(f"within {duration(within)}")
    if rules.retry.attempts > 1:
        found.append(f"{rules.retry.attempts} tries")
    if rules.limits:
        found.append(f"limit {'+'.join(rules.limits)}")
    if rules.memory is not None:
        found.append(memory(rules.memory))
    return tuple(found)


def _threshold(group: GroupSpec) -> Iterator[str]:
    if group.min_success is not None:
        yield f"≥ {group.min_success} of {len(group.members)}"
    if group.within is not None:
        yield f"within {duration(group.within)}"


def tip_of(part: Part, parts: Mapping[int, Part]) -> str:
    """All that is known about a step, a line each."""
    return "\n".join(_lines(part, parts))


def _lines(part: Part, parts: Mapping[int, Part]) -> Iterator[str]:
    rules = part.spec if part.target is None else part.target
    if part.is_branch:
        yield f"{part.path}: a branch"
        yield from part.notes
        return
    yield part.path
    if part.group is not None:
        yield f"group of {len(part.group.members)}; its gate is a step of this name"
    elif part.spec.role is not Role.STEP:
        yield _ROLES[part.spec.role]
    if part.spec.role is Role.STEP or part.target is not None:
        yield f"runs as {_RUNS[rules.where]}"
    if part.count is not None:
        yield f"{part.count} steps"
    elif part.is_open:
        yield "grows when its inputs exist: how many steps is not known yet"
    if not part.is_certain:
        yield "runs if its branch is chosen"
    yield from facts_of(part)
    if part.is_member:
        yield "member of a group: the run may go on without it"
    yield from _names("needs", [parts[key].path for key, has_data in part.needs.items() if has_data])
    yield from _names("ordered behind", [parts[key].path for key, has in part.needs.items() if not has])
    yield from _resources(rules)


def _names(word: str, names: list[str]) -> Iterator[str]:
    if names:
        more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        yield f"{word} {', '.join(names[:_NAMED])}{more}"


def _resources(rules: StepSpec) -> Iterator[str]:
    yield from _names("reads", list(rules.reads))
    yield from _names("writes", list(rules.writes))
