"""Follows a run: told its events in their order, it works out which state every step must be in.

Written apart from the engine, of which nothing is imported. Where the engine keeps counters, queues and edges, this
looks at every step again until nothing follows any more.
"""

from __future__ import annotations

from math import inf

from property.filling import BadInputError
from property.records import Attempt, MismatchError, Record, Records
from property.shapes import Block, Out, default_of, step_id, value_of

__all__ = ["Follower"]


class Follower(Records):
    """Feed it whole decisions, `decide(stimuli, starts)`, then compare `states()`."""

    # ---------------------------------------------------------------- one decision

    def decide(
        self, stimuli: list[tuple[str, str, int, float, object]], starts: list[tuple[str, int]]
    ) -> None:
        """`stimuli` are (what, path, attempt, at, data) in order; `starts` the attempts the run then issued."""
        before = self.states()
        self.starts = list(starts)
        for what, path, attempt, at, data in stimuli:
            self.now = max(self.now, at)
            getattr(self, f"_{what}")(path, attempt, data)
            self._settle()
        if self.halted is not None:
            self._forget_ready(before)
        if self.must_stop:
            self._stop_all()
        free = [(path, len(r.attempts)) for path, r in self.records.items() if r.is_free and r.attempts]
        for path, attempt in self.starts:
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
            raise MismatchError(
                f"{path} started (attempt {attempt}) though it was {record.state}, halted: {self.halted}"
            )
        self._issue(record)

    def _issue(self, record: Record) -> None:
        record.state = "running"
        record.attempts.append(Attempt(self.now))
        record.is_due = False
        record.until = inf
        if record.kind != "anchor":
            try:
                record.saw = self._inputs(record)
            except BadInputError:
                record.saw = None

    # ---------------------------------------------------------------- looking at everything again

    def _settle(self) -> None:
        while self._look_at_all(gates=False) or self._look_at_all(gates=True):
            pass

    def _look_at_all(self, *, gates: bool) -> bool:
        return any(
            self._look(record) for record in list(self.records.values()) if (record.kind == "gate") is gates
        )

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
        lost = [
            child for child in children if child.state in ("failed", "skipped") and not child.is_delivered
        ]
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
            raise MismatchError(f"{record.path} returned {data}, not {due}")

    def _hand_on(self, record: Record, value: object) -> None:
        record.state, record.value, record.is_delivered = "succeeded", value, True

    def _require_script(self, record: Record, number: int, *ends: str) -> None:
        play = record.node.play(record.place, number).ends  # type: ignore[union-attr]
        play = "value" if play == "stubborn" else play
        if record.saw is None:
            play = "bad input"
        if play not in ends:
            raise MismatchError(
                f"attempt {number} of {record.path} ended with {ends}, its script says {play}"
            )

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
            raise MismatchError(f"attempt {number} of {path} ended without being told to")
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
            (attempt.until, 1, number, place + 1)
            for place, attempt in enumerate(record.attempts)
            if attempt.is_awaited
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
                record.state, record.is_delivered = (
                    "succeeded",
                    True,
                )  # optional ones: defaults stand in their places
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
        consumers = [
            r for r in self.records.values() if not self._is_grown(r) and path in self._feeds_from(r)
        ]
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
        if (anchor is not None and anchor.block is not None) or (
            record.kind == "anchor" and record.deps == ()
        ):
            return 0.0
        return dict(self.flow.estimates).get(step_id(node), 0.0)

    # ---------------------------------------------------------------- the run's end

    def _cancel(self, *_: object) -> None:
        self._halt("cancelled")

    def _granted(self, path: str, *_: object) -> None:
        """A grant starts its step there and then, before whatever else was decided with it."""
        start = (path, len(self.records[path].attempts) + 1)
        if start in self.starts:
            self.starts.remove(start)
            self._start(*start)

    def _close(self) -> None:
        if self.status is not None:
            return
        running = [record for record in self.records.values() if record.state == "running"]
        is_open = any(record.is_open for record in self.records.values())
        is_gluing = any(record.is_free for record in running)
        if self.is_expired and self.halted in (None, "failed") and is_open and not is_gluing:
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
        while any(self._close_below_a_loss(record) for record in self.records.values() if record.is_open):
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
