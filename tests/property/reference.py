"""What a described workflow means, written apart from the engine: plain recursion, and plain recounting.

Two readers. `Expected` gives values and final states by recursion over the description, for runs that nothing
cuts. `Follower` is told the events of a run in their order (attempts that started and ended, the clock, a cancel)
and works out, by looking at every step again until nothing changes, the state each must be in. Neither has
counters, queues, columns or edges, and neither imports anything of Stretto.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf
from typing import NamedTuple

from property.shapes import Block, Const, Flow, Many, Node, Out, Part, Play, default_of, outs_in, step_id, value_of

RETRYABLE = ("error", "timeout")


class BadInput(Exception):
    """An input that cannot be made: the step has nothing by that name."""


def filled(part: Part, value_of_name: object) -> object:
    """A part with every reference replaced."""
    if isinstance(part, Const):
        return part.value
    if isinstance(part, Out):
        value = value_of_name(part.of)  # type: ignore[operator]  # a function of a name
        if part.key is None:
            return value
        if not isinstance(value, dict) or part.key not in value:
            raise BadInput(part.key)
        return value[part.key]
    parts = [filled(each, value_of_name) for each in part.parts]
    if part.kind == "dict":
        return {f"k{number}": each for number, each in enumerate(parts)}
    return tuple(parts) if part.kind == "tuple" else parts


def inputs_of(node: Node, item: object, value_of_name: object) -> tuple[tuple[object, ...], dict[str, object]]:
    """(args, kwargs) as the step sees them; `item` is the mapped one, or NO_ITEM."""
    args = tuple(filled(part, value_of_name) for part in node.inputs)
    kwargs = {key: filled(part, value_of_name) for key, part in node.named}
    return ((item,) if item is not NO_ITEM else args), kwargs


NO_ITEM = object()


# ==================================================================== 1. recursion


class Unpredictable(Exception):
    """The outcome depends on when things happen."""


class Outcome(NamedTuple):
    """How one step ends: state, what it hands on (None when nothing), how many attempts, what they saw.

    `attempts` and `inputs` are None where they depend on the order of events though the outcome does not.
    """

    state: str
    value: object
    attempts: int | None
    inputs: object


class Expected:
    """Values and states by recursion. Raises Unpredictable from `__init__` where time decides."""

    def __init__(self, flow: Flow) -> None:
        if flow.is_cut:
            raise Unpredictable
        self.flow = flow
        self.nodes = {node.name: node for node in flow.nodes}
        self.steps: dict[str, Outcome] = {}
        self.is_lost = False
        self.is_partial = False
        for item in flow.items:
            for node in item.nodes if isinstance(item, Block) else (item,):
                if not self.is_lost:
                    self._settle(node)
            if isinstance(item, Block) and not self.is_lost:
                self._judge(item)
        self.value = None if self.is_lost else [self._handed_on(name) for name in flow.output]

    @property
    def status(self) -> str:
        """The run's status."""
        return "failed" if self.is_lost else "partial" if self.is_partial else "succeeded"

    def _handed_on(self, name: str) -> object:
        return self.steps[name].value

    def _settle(self, node: Node) -> None:
        if node.items is None:
            self.steps[node.name] = self._outcome(node, node.name, 0, None, node.name in self.flow.group_of)
        else:
            self._settle_map(node)

    def _settle_map(self, node: Node) -> None:
        name = node.name
        is_member = name in self.flow.group_of
        try:
            items = self._items(node)
        except BadInput:
            self.steps[name] = self._lost(name, node, None, is_member, 1)
            return
        found = {
            f"{name}[{number}]": self._outcome(node, f"{name}[{number}]", number, item, False, is_absorbed=is_member)
            for number, item in enumerate(items)
        }
        if all(outcome.value is not None for outcome in found.values()):
            self.steps.update(found)
            self.steps[name] = Outcome("succeeded", [outcome.value for outcome in found.values()], None, None)
        elif is_member:  # which of its children still ran depends on when the first was lost
            self.is_partial = True
            self.steps[name] = Outcome("failed", {"missing": name}, None, None)

    def _items(self, node: Node) -> list[Part]:
        """The items as parts: one that cannot be made is its own child's affair."""
        part = node.items
        assert part is not None
        if isinstance(part, Many):
            return list(part.parts)
        value = filled(part, self._handed_on)
        if not isinstance(value, (list, tuple)):
            raise BadInput
        return [Const(each) for each in value]

    def _outcome(
        self, node: Node, path: str, number: int, item: Part | None, is_member: bool, *, is_absorbed: bool = False
    ) -> Outcome:
        try:
            made = NO_ITEM if item is None else filled(item, self._handed_on)
            inputs = inputs_of(node, made, self._handed_on)
        except BadInput:
            return self._lost(path, node, None, is_member, 1, is_absorbed=is_absorbed)
        for attempt in range(1, node.attempts + 1):
            ends, took = _ends(node, node.play(number, attempt))
            if node.within is not None and attempt > 1:
                raise Unpredictable  # how long it waited for permits in between counts
            if node.within is not None and took > node.within:
                break
            if ends == "value":
                return Outcome("succeeded", value_of(node, path, attempt, inputs), attempt, inputs)
            if ends == "timeout" and node.where == "thread" and attempt < node.attempts:
                raise Unpredictable  # its late result may be adopted
            if ends not in RETRYABLE:
                break
        return self._lost(path, node, inputs, is_member, attempt, is_absorbed=is_absorbed)

    def _lost(
        self, path: str, node: Node, inputs: object, is_member: bool, attempts: int, *, is_absorbed: bool = False
    ) -> Outcome:
        is_map = node.items is not None and "[" not in path
        if is_member or (node.optional and not is_map):
            self.is_partial = True
            has_default = node.optional and node.default and not is_map
            value: object = default_of(node) if has_default else {"missing": path}
            return Outcome("failed", value, attempts, inputs)
        if not is_absorbed:
            self.is_lost = True
        return Outcome("failed", None, attempts, inputs)

    def _judge(self, block: Block) -> None:
        good = sum(self.steps[node.name].state == "succeeded" for node in block.nodes)
        if block.min_success is not None and good < block.min_success:
            self.is_lost = True
            self.steps[block.name] = Outcome("failed", None, None, None)
        else:
            self.steps[block.name] = Outcome("succeeded", good, None, None)


def _ends(node: Node, play: Play) -> tuple[str, float]:
    """(how, after how many seconds) an attempt that is left alone ends."""
    ends = "value" if play.ends == "stubborn" else play.ends
    length = inf if ends == "hang" else 0.0 if node.where == "inline" else play.latency
    if node.timeout is not None and length > node.timeout and node.where != "inline":
        return "timeout", node.timeout
    if length == inf and node.within is None:
        raise Unpredictable
    return ends, length


# ==================================================================== 2. the same order of events


@dataclass
class Attempt:
    """One attempt. `told` is why it was taken from its step: "run" (stop all), "verdict" (a deadline), "newer"."""

    began: float
    told: str | None = None
    until: float = inf
    is_abandoned: bool = False
    has_ended: bool = False

    @property
    def is_awaited(self) -> bool:
        """Whether the run waits for its end though it was told to stop."""
        return self.told is not None and self.until < inf and not (self.has_ended or self.is_abandoned)


@dataclass
class Record:
    """One step as it stands."""

    path: str
    number: int
    node: Node | None
    block: Block | None
    deps: tuple[str, ...]
    kind: str
    item: object = NO_ITEM
    place: int = 0
    anchor: str | None = None
    state: str = "pending"
    attempts: list[Attempt] = field(default_factory=list)
    value: object = None
    is_delivered: bool = False
    until: float = inf
    is_due: bool = False
    children: list[str] | None = None
    is_doomed: bool = False
    saw: object = None

    @property
    def is_open(self) -> bool:
        return self.state in ("pending", "ready", "running", "waiting")

    @property
    def is_free(self) -> bool:
        """Whether it needs no permit."""
        return self.kind == "anchor" or (self.node is not None and self.node.where == "inline")


class Mismatch(AssertionError):
    """The run did something that the description does not allow."""


class Follower:
    """Follows one run. Feed it whole decisions: `decide(stimuli, starts)`; then compare `states()`."""

    def __init__(self, flow: Flow) -> None:
        self.flow = flow
        self.records: dict[str, Record] = {}
        self.opened: dict[str, float] = {}
        self.cut_blocks: set[str] = set()
        self.now = 0.0
        self.began = 0.0
        self.halted: str | None = None
        self.must_stop = False
        self.is_expired = False
        self.is_partial = False
        self.status: str | None = None
        for item in flow.items:
            for node in item.nodes if isinstance(item, Block) else (item,):
                self._declare(node)
            if isinstance(item, Block):
                deps = tuple(node.name for node in item.nodes)
                self._add(Record(item.name, 0, None, item, deps, "gate"))

    def states(self) -> dict[str, str]:
        """Every step's state by path."""
        return {path: record.state for path, record in self.records.items()}

    # ---------------------------------------------------------------- the graph

    def _add(self, record: Record) -> None:
        record.number = len(self.records)
        self.records[record.path] = record

    def _declare(self, node: Node) -> None:
        block = self.flow.group_of.get(node.name)
        fixed = (*(out.of for out in outs_in(node.parts)), *node.after)
        if node.items is None:
            self._add(Record(node.name, 0, node, block, fixed, "call"))
            return
        known = self._known_items(node)
        if known is None:
            deps = tuple(out.of for out in outs_in((node.items,)))
            self._add(Record(node.name, 0, node, block, deps, "anchor"))
        else:
            self._add(Record(node.name, 0, node, block, (), "anchor", state="waiting"))
            self._add_children(node, known)

    def _known_items(self, node: Node) -> list[Part] | None:
        """A map's items where the body itself shows how many there are."""
        if isinstance(node.items, Many):
            return list(node.items.parts)
        if isinstance(node.items, Out) and node.items.key is None:
            upstream = self.records[node.items.of]
            if upstream.children is not None:
                return [Out(path) for path in upstream.children]
        return None

    def _add_children(self, node: Node, items: list[Part]) -> None:
        fixed = (*(out.of for out in outs_in(node.parts)), *node.after)
        anchor = self.records[node.name]
        anchor.children = [f"{node.name}[{place}]" for place in range(len(items))]
        for place, item in enumerate(items):
            deps = (*(out.of for out in outs_in((item,))), *fixed)
            path = anchor.children[place]
            self._add(Record(path, 0, node, None, deps, "child", item, place, node.name))

    def _grown_items(self, record: Record) -> list[Part]:
        part = record.node.items  # type: ignore[union-attr]  # an anchor has a node
        assert isinstance(part, Out)
        if part.key is None:
            return [Out(path) for path in self.records[part.of].children or ()]
        value = filled(part, self._value)
        if not isinstance(value, (list, tuple)):
            raise BadInput
        return [Const(each) for each in value]

    # ---------------------------------------------------------------- values

    def _value(self, name: str) -> object:
        record = self.records[name]
        if record.kind == "anchor" and record.state == "succeeded":
            return [self._value(child) for child in record.children or ()]
        return record.value

    def _inputs(self, record: Record) -> tuple[tuple[object, ...], dict[str, object]]:
        item = record.item
        if isinstance(item, (Const, Out, Many)):
            item = filled(item, self._value)
        return inputs_of(record.node, item, self._value)  # type: ignore[arg-type]  # not a gate

    def output(self) -> object:
        """The run's value."""
        return [self._value(name) for name in self.flow.output]

    # ---------------------------------------------------------------- one decision

    def decide(self, stimuli: list[tuple[str, str, int, float, object]], starts: list[tuple[str, int]]) -> None:
        """`stimuli` are (what, path, attempt, at, data) in order; `starts` the attempts the run then issued."""
        before = self.states()
        for what, path, attempt, at, data in stimuli:
            self.now = max(self.now, at)
            getattr(self, f"_{what}")(path, attempt, data)
            self._settle()
        if self.halted is not None:
            self._forget_ready(before)
        if self.must_stop:
            self._stop_all()
        free = [(path, len(r.attempts)) for path, r in self.records.items() if r.is_free and r.attempts]
        for path, attempt in starts:
            if (path, attempt) not in free:
                self._start(path, attempt)
        self._close()

    def _forget_ready(self, before: dict[str, str]) -> None:
        """What became ready in the decision that halted the run never did."""
        for path, record in self.records.items():
            if record.state == "ready" and before.get(path) != "ready":
                record.state = before.get(path, "pending")

    def _created(self, *_: object) -> None:
        self.began = self.now

    def _start(self, path: str, attempt: int) -> None:
        record = self.records[path]
        if record.state != "ready" or attempt != len(record.attempts) + 1 or self.halted:
            raise Mismatch(f"{path} started (attempt {attempt}) though it was {record.state}, halted: {self.halted}")
        self._issue(record)

    def _issue(self, record: Record) -> None:
        record.state = "running"
        record.attempts.append(Attempt(self.now))
        record.is_due = False
        record.until = inf
        if record.kind != "anchor":
            try:
                record.saw = self._inputs(record)
            except BadInput:
                record.saw = None

    # ---------------------------------------------------------------- looking at everything again

    def _settle(self) -> None:
        while self._look_at_all(gates=False) or self._look_at_all(gates=True):
            pass

    def _look_at_all(self, *, gates: bool) -> bool:
        return any([self._look(record) for record in list(self.records.values()) if (record.kind == "gate") is gates])

    def _look(self, record: Record) -> bool:
        """Whether something followed for this step from what the others are now."""
        if record.kind == "gate":
            return self._look_at_gate(record)
        if record.state == "waiting" and record.children is not None:
            return self._look_at_anchor(record)
        if record.state == "pending" and all(self._is_handed_on(record, dep) for dep in record.deps):
            self._open_block(record)
            if self.halted is None:
                record.state = "ready"
                if record.is_free:
                    self._issue(record)
                return True
        return False

    def _is_handed_on(self, record: Record, dep: str) -> bool:
        upstream = self.records[dep]
        if record.kind == "anchor" and record.node.items == Out(dep) and upstream.kind == "anchor":  # type: ignore[union-attr]
            return upstream.children is not None
        return upstream.is_delivered

    def _open_block(self, record: Record) -> None:
        block = record.block or (self.records[record.anchor].block if record.anchor else None)
        if block is not None and record.kind != "gate":
            self.opened.setdefault(block.name, self.now)

    def _look_at_gate(self, gate: Record) -> bool:
        if gate.state != "pending":
            return False
        members = [self.records[name] for name in gate.deps]
        good = sum(member.state == "succeeded" for member in members)
        still = sum(not member.is_delivered for member in members)
        needed = gate.block.min_success or 0  # type: ignore[union-attr]  # a gate has its block
        if good + still < needed:
            self._lose(gate, "failed")
            return True
        if not still:
            gate.state, gate.value, gate.is_delivered = "succeeded", good, True
            return True
        return False

    def _look_at_anchor(self, anchor: Record) -> bool:
        children = [self.records[path] for path in anchor.children or ()]
        lost = [child for child in children if child.state in ("failed", "skipped") and not child.is_delivered]
        if lost and self._absorbs(anchor) and not anchor.is_doomed:
            anchor.is_doomed = True
            for child in children:
                if child.state in ("pending", "ready", "waiting"):
                    child.state = "skipped"
            return True
        if any(child.is_open or child.state == "cancelled" for child in children):
            return False
        if not lost:
            anchor.state, anchor.is_delivered = "succeeded", True
            return True
        if self.halted is None or anchor.is_doomed:
            self._lose(anchor, "failed")
            return True
        return False

    # ---------------------------------------------------------------- losses

    def _is_optional(self, record: Record) -> bool:
        if record.kind == "gate":
            return False
        is_declared = record.node.optional and record.kind != "anchor"  # type: ignore[union-attr]
        return is_declared or record.block is not None

    def _absorbs(self, anchor: Record) -> bool:
        return anchor.block is not None

    def _lose(self, record: Record, state: str) -> None:
        record.state = state
        if self._is_optional(record):
            node = record.node
            assert node is not None
            has_default = node.optional and node.default and record.kind != "anchor"
            record.value = default_of(node) if has_default else {"missing": record.path}
            record.is_delivered = True
            self.is_partial = True
        elif record.anchor is None or not self._absorbs(self.records[record.anchor]):
            self._halt("failed")

    def _halt(self, why: str) -> None:
        if self.halted == "cancelled":
            return
        if self.halted is None or why != "failed":
            self.halted = why
        if why != "failed" or self.flow.on_failure == "fail_fast":
            self.must_stop = True

    def _stop_all(self) -> None:
        self.must_stop = False
        for record in self.records.values():
            if record.state == "running" and record.attempts[-1].told is None:
                record.attempts[-1].told = "run"
                record.attempts[-1].until = self.now + self.flow.grace

    # ---------------------------------------------------------------- ends of attempts

    def _succeeded(self, path: str, number: int, data: object) -> None:
        record = self.records[path]
        attempt = record.attempts[number - 1]
        if attempt.told is None:
            self._require_script(record, number, "value")
            self._require_value(record, number, data)
            attempt.has_ended = True
            self._hand_on(record, data)
        elif record.node.where == "thread" and record.is_open:  # type: ignore[union-attr]
            attempt.has_ended = True
            if record.state == "running" and number < len(record.attempts):
                record.attempts[-1].told = record.attempts[-1].told or "newer"
            self._require_value(record, number, data)
            self._hand_on(record, data)
        else:
            self._ended(path, number, None)

    def _require_value(self, record: Record, number: int, data: object) -> None:
        due = value_of(record.node, record.path, number, self._inputs(record))  # type: ignore[arg-type]
        if data != due:
            raise Mismatch(f"{record.path} returned {data}, not {due}")

    def _hand_on(self, record: Record, value: object) -> None:
        record.state, record.value, record.is_delivered = "succeeded", value, True

    def _require_script(self, record: Record, number: int, *ends: str) -> None:
        play = record.node.play(record.place, number).ends  # type: ignore[union-attr]
        play = "value" if play == "stubborn" else play
        if record.saw is None:
            play = "bad input"
        if play not in ends:
            raise Mismatch(f"attempt {number} of {record.path} ended with {ends}, its script says {play}")

    def _failed(self, path: str, number: int, draw: object) -> None:
        record = self.records[path]
        attempt = record.attempts[number - 1]
        if attempt.told is not None:
            self._ended(path, number, None)
            return
        attempt.has_ended = True
        if record.kind == "anchor":
            self._lose(record, "failed")
            return
        self._require_script(record, number, "error", "permanent", "cancelled", "bad input")
        is_worth_it = record.saw is not None and record.node.play(record.place, number).ends == "error"  # type: ignore[union-attr]
        self._retry_or_lose(record, number, is_worth_it, draw)

    def _ended(self, path: str, number: int, _: object) -> None:
        record = self.records[path]
        attempt = record.attempts[number - 1]
        if attempt.told is None:
            raise Mismatch(f"attempt {number} of {path} ended without being told to")
        is_closing = attempt.is_awaited
        attempt.has_ended = True
        if is_closing:
            self._nobody_waits(record, number)

    def _nobody_waits(self, record: Record, number: int) -> None:
        if record.state == "running" and number == len(record.attempts):
            record.state = "cancelled"
        elif record.state == "waiting" and record.is_due and self.halted is None:
            record.is_due = False
            record.state = "ready"

    def _grew(self, path: str, number: int, _: object) -> None:
        record = self.records[path]
        attempt = record.attempts[number - 1]
        if attempt.told is not None:
            self._ended(path, number, None)
            return
        attempt.has_ended = True
        record.state = "waiting"
        if self.halted is None:
            self._add_children(record.node, self._grown_items(record))  # type: ignore[arg-type]

    def _retry_or_lose(self, record: Record, number: int, is_worth_it: bool, draw: object) -> None:
        node = record.node
        assert node is not None
        is_doomed = record.anchor is not None and self.records[record.anchor].is_doomed
        if self.halted is None and not is_doomed and is_worth_it and number < node.attempts:
            ceiling = min(4.0, node.wait * 2.0 ** (number - 1))
            until = self.now + (ceiling * float(draw) if node.jitter else ceiling)  # type: ignore[arg-type]
            if node.within is None or until < record.attempts[0].began + node.within:
                record.state, record.until, record.is_due = "waiting", until, False
                return
        self._lose(record, "failed")

    # ---------------------------------------------------------------- time

    def _ticked(self, *_: object) -> None:
        due = sorted(self._due())
        for _at, rank, number, attempt in due:
            if rank == 6:
                self._cut_block(self.flow.blocks[number])
            elif rank == 7:
                self.is_expired = True
            else:
                self._pass(list(self.records.values())[number], rank, attempt)
            self._settle()

    def _due(self) -> list[tuple[float, int, int, int]]:
        """Everything whose instant has come: (instant, rank, step or group, attempt)."""
        found: list[tuple[float, int, int, int]] = []
        for record in self.records.values():
            found.extend(self._due_of(record))
        for number, block in enumerate(self.flow.blocks):
            if block.within is not None and block.name in self.opened and block.name not in self.cut_blocks:
                found.append((self.opened[block.name] + block.within, 6, number, 0))
        if self.flow.within is not None:
            found.append((self.began + self.flow.within, 7, -1, 0))
        return [entry for entry in found if entry[0] <= self.now]

    def _due_of(self, record: Record) -> list[tuple[float, int, int, int]]:
        number, node = record.number, record.node
        found = [
            (attempt.until, 1, number, place + 1) for place, attempt in enumerate(record.attempts) if attempt.is_awaited
        ]
        if record.state == "waiting" and record.children is None and not record.is_due:
            found.append((record.until, 2, number, len(record.attempts)))
        if node is None or record.kind == "anchor" or node.where == "inline":
            pass
        elif record.is_open and record.attempts:
            if node.timeout is not None and record.state == "running":
                found.append((record.attempts[-1].began + node.timeout, 3, number, len(record.attempts)))
            if node.within is not None:
                found.append((record.attempts[0].began + node.within, 4, number, 0))
        if self.flow.within is not None and record.is_open and self._is_optional(record):
            found.append((self.began + self.flow.within - self._behind(record), 5, number, 0))
        return found

    def _pass(self, record: Record, rank: int, number: int) -> None:
        if rank == 1:
            attempt = record.attempts[number - 1]
            if attempt.is_awaited:
                attempt.is_abandoned = True
                self._nobody_waits(record, number)
        elif rank == 2:
            if record.state == "waiting" and number == len(record.attempts):
                self._pause_is_over(record)
        elif rank == 3:
            attempt = record.attempts[-1]
            if record.state == "running" and number == len(record.attempts) and attempt.told is None:
                self._take_away(record)
                self._retry_or_lose(record, number, True, None)
        elif record.is_open:
            self._cut(record)

    def _pause_is_over(self, record: Record) -> None:
        if record.attempts[-1].is_awaited:
            record.is_due = True  # two attempts of one coroutine never run at once
        elif self.halted is None:
            record.state = "ready"
        else:
            record.until = inf

    def _take_away(self, record: Record) -> None:
        """The step gives up its running attempt: a coroutine is told to stop, a thread runs on."""
        attempt = record.attempts[-1]
        if attempt.told is not None:
            return
        attempt.told = "verdict"
        if record.node.where != "thread":  # type: ignore[union-attr]
            attempt.until = self.now + self.flow.grace

    def _cut(self, record: Record) -> None:
        if not record.is_open:
            return
        if record.state == "running":
            self._take_away(record)
        if record.kind == "anchor":
            record.is_doomed = True
            for path in record.children or ():
                self._cut(self.records[path])
            if record.children and all(self.records[path].is_delivered for path in record.children):
                record.state, record.is_delivered = "succeeded", True  # optional ones: defaults stand in their places
        if record.is_open:
            self._lose(record, "failed")

    def _cut_block(self, block: Block) -> None:
        self.cut_blocks.add(block.name)
        for node in reversed(block.nodes):
            self._cut(self.records[node.name])
            self._settle()

    def _behind(self, record: Record) -> float:
        """Seconds of required work, by estimate, behind an optional step as the run's creator knew it."""
        return self._longest_behind(record.anchor if self._is_grown(record) else record.path)

    def _is_grown(self, record: Record) -> bool:
        return record.anchor is not None and self._known_at_start(self.records[record.anchor]) is False

    def _known_at_start(self, anchor: Record) -> bool:
        return not anchor.attempts and anchor.state != "pending" and anchor.deps == ()

    def _longest_behind(self, path: str | None) -> float:
        consumers = [r for r in self.records.values() if not self._is_grown(r) and path in self._feeds_from(r)]
        return max((self._weight(r) + self._longest_behind(r.path) for r in consumers), default=0.0)

    def _feeds_from(self, record: Record) -> tuple[str, ...]:
        if record.kind == "anchor" and record.deps == () and record.children:
            return tuple(record.children)
        return record.deps

    def _weight(self, record: Record) -> float:
        anchor = self.records[record.anchor] if record.anchor else None
        node = record.node
        if node is None or node.where == "inline" or node.optional or record.block is not None:
            return 0.0
        if (anchor is not None and anchor.block is not None) or (record.kind == "anchor" and record.deps == ()):
            return 0.0
        return dict(self.flow.estimates).get(step_id(node), 0.0)

    # ---------------------------------------------------------------- the run's end

    def _cancel(self, *_: object) -> None:
        self._halt("cancelled")

    def _granted(self, *_: object) -> None:
        return

    def _close(self) -> None:
        if self.status is not None:
            return
        running = [record for record in self.records.values() if record.state == "running"]
        is_open = any(record.is_open for record in self.records.values())
        if self.is_expired and self.halted in (None, "failed") and is_open:
            if not any(record.is_free for record in running):
                self._halt("timed_out")
                self._stop_all()
        if running or any(a.is_awaited for record in self.records.values() for a in record.attempts):
            return
        if self.halted is not None:
            self._close_steps()
            self.status = "cancelled" if self.halted == "cancelled" else "failed"
        elif not is_open:
            self.status = "partial" if self.is_partial else "succeeded"

    def _close_steps(self) -> None:
        while any([self._close_below_a_loss(record) for record in self.records.values() if record.is_open]):
            pass
        for record in self.records.values():
            if record.is_open:
                record.state = "cancelled"

    def _close_below_a_loss(self, record: Record) -> bool:
        above = [self.records[path] for path in (*record.deps, *(record.children or ()))]
        if not any(other.state in ("failed", "skipped") and not other.is_delivered for other in above):
            return False
        record.state = "failed" if record.children is not None else "skipped"
        return True
