"""What a workflow that grows gives, by plain recursion over its description.

Written apart from the engine, of which nothing is imported. States are told where the order of events cannot change
them; `vague` holds the beginnings of paths where it can.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from property.shapes import Const, digest
from property.worlds import Block, Body, Call, Each, Inner, Pick, Plan, Rounds, Spread, touched

if TYPE_CHECKING:
    from property.worlds import Given, Item, Planned, World

__all__ = ["DEFAULT", "Reference", "grown_value", "label_of"]

DEFAULT = {"of": "default", "n": -1, "items": []}


class _LostError(Exception):
    """An input will never be there."""


class Handed(NamedTuple):
    """What an item hands on; `parts` where consumers look through it at the steps inside. `is_plain` says that it
    is a value already when the body around it is wired, as a nested workflow's parameters are."""

    is_there: bool
    value: object = None
    parts: dict[str, Handed] | None = None
    is_plain: bool = False


LOST = Handed(False)


def grown_value(path: str, inputs: object, size: int = 2) -> dict[str, object]:
    """What a step returns: another value for another path or other inputs."""
    number = digest((path, inputs))
    return {"of": path, "n": number, "items": [number + extra for extra in range(size)]}


def label_of(path: str, given: object, labels: int) -> str:
    """What a selector says."""
    return f"b{digest((path, given)) % labels}"


class _Order:
    """Who waits for whom because both touch the same thing."""

    def __init__(self) -> None:
        self._writer: dict[str, Handed] = {}
        self._readers: dict[str, list[Handed]] = {}

    def before(self, reads: tuple[str, ...], writes: tuple[str, ...]) -> list[Handed]:
        found = [self._writer[name] for name in (*reads, *writes) if name in self._writer]
        return found + [reader for name in writes for reader in self._readers.get(name, [])]

    def keep(self, handed: Handed, reads: tuple[str, ...], writes: tuple[str, ...]) -> None:
        for name in writes:
            self._writer[name] = handed
            self._readers[name] = []
        for name in set(reads) - set(writes):
            self._readers.setdefault(name, []).append(handed)


class Reference:
    """States, inputs and values by recursion."""

    def __init__(self, world: World) -> None:
        self.states: dict[str, str] = {}
        self.inputs: dict[str, object] = {}
        self.vague: set[str] = set()
        self.unchosen: set[str] = set()
        self.is_partial = False
        env: dict[str, Handed] = {}
        self.is_lost = self._body(world.body, "", env)
        self.value = None if self.is_lost else self._outputs_of(world.body, env)

    @property
    def status(self) -> str:
        """The run's status."""
        return "failed" if self.is_lost else "partial" if self.is_partial else "succeeded"

    # ---------------------------------------------------------------- bodies

    def _body(self, body: Body, prefix: str, env: dict[str, Handed]) -> bool:
        """Fill `env` with what the body's items hand on; whether required work was lost."""
        order = _Order()
        is_lost = False
        for item in body.items:
            if isinstance(item, Block):
                self._block(item, prefix, env, order)
            else:
                env[item.name] = self._ordered(item, prefix, env, order)
                is_lost = is_lost or not env[item.name].is_there or self._is_inside_lost(env[item.name])
        return is_lost

    def _is_inside_lost(self, handed: Handed) -> bool:
        return handed.value is _FAILED

    def _block(self, block: Block, prefix: str, env: dict[str, Handed], order: _Order) -> None:
        for item in block.items:
            handed = self._ordered(item, prefix, env, order, is_member=True)
            path = prefix + item.name
            if not handed.is_there or handed.value is _FAILED:
                self.is_partial = True
                self.vague.update((f"{path}/", f"{path}#", f"{path}["))
                handed = Handed(True, {"missing": path})
            env[item.name] = handed._replace(parts=None)
        self.states[prefix + block.name] = "succeeded"

    def _ordered(
        self, item: Item, prefix: str, env: dict[str, Handed], order: _Order, *, is_member: bool = False
    ) -> Handed:
        reads, writes = touched(Body((item,), ()))
        before = order.before(reads, writes)
        is_blocked = not all(each.is_there for each in before)
        if isinstance(item, Call):
            handed = self._call(item, prefix, env, is_blocked)
        elif isinstance(item, (Each, Spread)):
            handed = self._each(item, prefix, env, is_blocked)
        elif is_blocked:
            self._skip(item, prefix, env)
            handed = LOST
        elif isinstance(item, Inner):
            handed = self._inner(item, prefix, env, is_known=not before and not is_member)
        elif isinstance(item, Pick):
            handed = self._pick(item, prefix, env)
        elif isinstance(item, Rounds):
            handed = self._rounds(item, prefix, env)
        else:
            assert isinstance(item, Plan)
            handed = self._plan(item, prefix, env)
        settled = Handed(handed.is_there and handed.value is not _FAILED)
        if is_member:
            settled = Handed(True)
        order.keep(settled, reads, writes)
        return handed

    def _skip(self, item: Item, prefix: str, env: dict[str, Handed]) -> None:
        """Something that anchors wait for is lost: they never start, the steps beside them may."""
        if isinstance(item, Pick):
            self._label(item, prefix, env)
        if isinstance(item, Plan):
            self._make(item, prefix)
        self.states[prefix + item.name] = "skipped"

    # ---------------------------------------------------------------- inputs

    def _given(self, given: Given, env: dict[str, Handed]) -> object:
        if isinstance(given, Const):
            return given.value
        handed = env[given.of]
        if handed.parts is not None:
            if given.key is not None:
                return self._there(handed.parts[given.key])
            return {key: self._there(part) for key, part in handed.parts.items()}
        value = self._there(handed)
        if given.key is None:
            return value
        assert isinstance(value, dict)
        return value[given.key]

    def _there(self, handed: Handed) -> object:
        if not handed.is_there:
            raise _LostError
        return handed.value

    # ---------------------------------------------------------------- steps

    def _call(self, call: Call, prefix: str, env: dict[str, Handed], is_blocked: bool) -> Handed:
        path = prefix + call.name
        try:
            inputs = [self._given(given, env) for given in call.inputs]
            if is_blocked:
                raise _LostError
        except _LostError:
            return self._lost(path, "skipped", call)
        self.inputs[path] = inputs
        if call.fails >= call.attempts:
            return self._lost(path, "failed", call)
        self.states[path] = "succeeded"
        return Handed(True, grown_value(path, inputs, call.size))

    def _lost(self, path: str, state: str, call: Call) -> Handed:
        self.states[path] = state
        if not call.optional:
            return LOST
        self.is_partial = True
        return Handed(True, DEFAULT)

    def _each(self, each: Each | Spread, prefix: str, env: dict[str, Handed], is_blocked: bool) -> Handed:
        path = prefix + each.name
        if isinstance(each.items, tuple):
            items: list[Given] = list(each.items)
            if not items and is_blocked:  # without a use that waits its turn the map itself has to
                self.states[path] = "skipped"
                return LOST
        else:
            try:
                found = self._given(each.items, env)
                if is_blocked:
                    raise _LostError
            except _LostError:
                self.states[path] = "skipped"
                return LOST
            assert isinstance(found, list)
            items = [Const(item) for item in found]
        values = [
            self._use(each, f"{path}[{place}]", place, item, env, is_blocked)
            for place, item in enumerate(items)
        ]
        return self._settled(path, values)

    def _use(
        self,
        each: Each | Spread,
        path: str,
        place: int,
        item: Given,
        env: dict[str, Handed],
        is_blocked: bool,
    ) -> Handed:
        before = path.rpartition("[")[0] + f"[{place - 1}]"
        is_behind_a_loss = (
            bool(touched(Body((each,), ()))[1]) and place > 0 and self.states[before] != "succeeded"
        )
        try:
            given = self._given(item, env)
            if is_blocked or is_behind_a_loss:
                raise _LostError
        except _LostError:
            self.states[path] = "skipped"
            return LOST
        if isinstance(each, Spread):
            return self._used(each, path, given)
        self.inputs[path] = [given]
        self.states[path] = "failed" if each.fails_at == place else "succeeded"
        return LOST if each.fails_at == place else Handed(True, grown_value(path, [given]))

    def _used(self, spread: Spread, path: str, given: object) -> Handed:
        inside = {f"{spread.name}_p0": Handed(True, given, is_plain=True)}
        is_lost = self._body(spread.body, f"{path}/", inside)
        self.states[path] = "failed" if is_lost else "succeeded"
        return LOST if is_lost else Handed(True, self._outputs_of(spread.body, inside))

    def _settled(self, path: str, values: list[Handed]) -> Handed:
        is_whole = all(value.is_there for value in values)
        self.states[path] = "succeeded" if is_whole else "failed"
        return Handed(True, [value.value for value in values]) if is_whole else LOST

    # ---------------------------------------------------------------- what grows

    def _inner(self, inner: Inner, prefix: str, env: dict[str, Handed], *, is_known: bool) -> Handed:
        path = prefix + inner.name
        try:
            params = [self._given(given, env) for given in inner.params]
        except _LostError:
            self.states[path] = "skipped"
            return LOST
        inside = {
            f"{inner.own}_p{number}": Handed(True, value, is_plain=True)
            for number, value in enumerate(params)
        }
        is_lost = self._body(inner.body, f"{path}/", inside)
        self.states[path] = "failed" if is_lost else "succeeded"
        if is_known and all(isinstance(given, Const) or env[given.of].is_plain for given in inner.params):
            parts = {name: _flat(inside[name]) for name in inner.body.output}
            return Handed(True, _FAILED if is_lost else None, parts)
        return LOST if is_lost else Handed(True, self._outputs_of(inner.body, inside))

    def _outputs_of(self, body: Body, env: dict[str, Handed]) -> dict[str, object]:
        return {name: self._there(_flat(env[name])) for name in body.output}

    def _label(self, pick: Pick, prefix: str, env: dict[str, Handed]) -> str | None:
        path = f"{prefix}{pick.name}_by"
        try:
            given = self._given(pick.by, env)
        except _LostError:
            self.states[path] = "skipped"
            return None
        self.inputs[path] = [given]
        self.states[path] = "succeeded"
        return label_of(path, given, pick.labels)

    def _pick(self, pick: Pick, prefix: str, env: dict[str, Handed]) -> Handed:
        path = prefix + pick.name
        label = self._label(pick, prefix, env)
        branches = {f"b{number}": branch for number, branch in enumerate(pick.branches)}
        if pick.otherwise is not None:
            branches["otherwise"] = pick.otherwise
            label = label if label is None or label in branches else "otherwise"
        if label is None or label not in branches:
            self.states[path] = "skipped" if label is None else "failed"
            return LOST
        self.unchosen.update(f"{path}/{other}/" for other in branches if other != label)
        inside = dict(env)
        is_lost = self._body(branches[label], f"{path}/{label}/", inside)
        self.states[path] = "failed" if is_lost else "succeeded"
        return LOST if is_lost else Handed(True, self._outputs_of(branches[label], inside))

    def _rounds(self, loop: Rounds, prefix: str, env: dict[str, Handed]) -> Handed:
        path = prefix + loop.name
        try:
            state = Handed(True, self._given(loop.start, env))
        except _LostError:
            state = LOST
        for number in range(1, loop.max_rounds + 1):
            inside = {**env, f"{loop.name}_state": state}
            is_lost = self._body(loop.body, f"{path}#{number}/", inside)
            outputs = [_flat(inside[name]) for name in loop.body.output]
            if not all(each.is_there for each in outputs):
                self.states[f"{path}#{number}/verdict"] = "skipped"
                is_lost = True
            if is_lost:
                self.vague.add(f"{path}#")  # how far the other rounds came depends on when this was lost
                self.states[path] = "failed"
                return LOST
            value = self._outputs_of(loop.body, inside)
            self.inputs[f"{path}#{number}/verdict"] = [value]
            self.states[f"{path}#{number}/verdict"] = "succeeded"
            state = Handed(True, value)
            if number >= loop.done_at:
                break
        is_done = loop.done_at <= loop.max_rounds or loop.keeps_last
        self.states[path] = "succeeded" if is_done else "failed"
        return state if is_done else LOST

    def _make(self, plan: Plan, prefix: str) -> None:
        path = f"{prefix}{plan.name}_make"
        self.inputs[path] = []
        self.states[path] = "succeeded"

    def _plan(self, plan: Plan, prefix: str, env: dict[str, Handed]) -> Handed:
        del env
        path = prefix + plan.name
        self._make(plan, prefix)
        if not plan.is_wrong:
            found = self._round(plan.steps, f"{path}#1/")
            if found is not None or plan.second is None:
                self.states[path] = "failed" if found is None else "succeeded"
                return LOST if found is None else Handed(True, found)
            self.vague.add(f"{path}#1/")
        assert plan.second is not None
        self.states[f"{path}#2/replan"] = "succeeded"
        found = self._round(plan.second, f"{path}#2/")
        self.states[path] = "failed" if found is None else "succeeded"
        return LOST if found is None else Handed(True, found)

    def _round(self, steps: tuple[Planned, ...], prefix: str) -> dict[str, object] | None:
        values: dict[str, object] = {}
        for step in steps:
            path = prefix + step.key
            if not all(key in values for key in step.needs):
                self.states[path] = "skipped"
                continue
            self.inputs[path] = [[values[key] for key in step.needs]]
            self.states[path] = "failed" if step.fails else "succeeded"
            if not step.fails:
                values[step.key] = grown_value(path, self.inputs[path])
        return values if len(values) == len(steps) else None


_FAILED = object()


def _flat(handed: Handed) -> Handed:
    """What an item hands on as one value."""
    if handed.parts is None:
        return handed
    if not all(part.is_there for part in handed.parts.values()):
        return LOST
    return Handed(True, {key: part.value for key, part in handed.parts.items()})
