"""Follows a run that grows: told its events in their order, it works out which state every step must be in.

Written apart from the engine, of which nothing is imported. Where the engine keeps counters, queues and edges, this
looks at every step again until nothing follows any more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from property.records import MismatchError
from property.worlds_growth import Growth
from property.worlds_reference import DEFAULT
from property.worlds_spots import Spot, Try

if TYPE_CHECKING:
    from property.worlds import World

__all__ = ["WorldFollower"]

GRACE = 2.0
PAUSE = 0.5
"""Seconds before the second attempt."""


class WorldFollower(Growth):
    """Feed it whole decisions, `decide(stimuli, starts)`, then compare `states()`."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.now = 0.0
        self.began = 0.0
        self.halted: str | None = None
        self.must_stop = False
        self.is_expired = False
        self.is_cutting = False
        self.is_partial = False
        self.is_lost = False
        self.status: str | None = None
        self.saw: dict[tuple[str, int], list[object]] = {}

    def states(self) -> dict[str, str]:
        """Every step's state by path."""
        return {path: spot.state for path, spot in self.spots.items()}

    # ---------------------------------------------------------------- one decision

    def decide(
        self, stimuli: list[tuple[str, str, int, float, object]], starts: list[tuple[str, int]]
    ) -> None:
        """`stimuli` are (what, path, attempt, at, data) in order; `starts` the attempts the run then issued."""
        before = self.states()
        for what, path, attempt, at, data in stimuli:
            self.now = max(self.now, at)
            getattr(self, f"_{what}")(path, attempt, data)
            self._settle()
        if self.halted is None:
            self._replace_rounds()
            self._settle()
        else:
            self._forget_ready(before)
        if self.must_stop:
            self._stop_all()
        self._start(starts)
        self._close()

    def _created(self, *_: object) -> None:
        self.began = self.now
        for spot in self.spots.values():
            if spot.state == "waiting":
                spot.began = self.now

    def _forget_ready(self, before: dict[str, str]) -> None:
        """What became ready in the decision that halted the run never did."""
        for path, spot in self.spots.items():
            if spot.state == "ready" and before.get(path) != "ready":
                spot.state = before.get(path, "pending")

    def _start(self, starts: list[tuple[str, int]]) -> None:
        for path, attempt in starts:
            spot = self.spots[path]
            if spot.lane != "step":
                self._require_issued(spot, attempt)
            elif spot.state != "ready" or attempt != len(spot.tries) + 1 or self.halted:
                raise MismatchError(f"{path} started (attempt {attempt}) though it was {spot.state}")
            else:
                self._issue(spot)

    def _require_issued(self, spot: Spot, attempt: int) -> None:
        if attempt > len(spot.tries):
            raise MismatchError(f"{spot.path} started (attempt {attempt}) though it was {spot.state}")

    def _issue(self, spot: Spot) -> None:
        spot.state = "running"
        spot.tries.append(Try(self.now))
        if spot.began is None:
            spot.began = self.now
        if spot.lane != "anchor":
            self.saw[spot.path, len(spot.tries)] = self.inputs(spot)

    # ---------------------------------------------------------------- looking at everything again

    def _settle(self, *, is_cutting: bool = False) -> None:
        """`is_cutting` while a deadline takes one step after the other: nothing begins in the part it cuts."""
        self.is_cutting = is_cutting
        while any(self._look(spot) for spot in list(self.spots.values()) if spot.is_open):
            pass
        self.is_cutting = False

    def _look(self, spot: Spot) -> bool:
        """Whether something followed for this step from what the others are now."""
        if spot.state == "waiting" and spot.children is not None:
            return self._look_at_anchor(spot)
        if spot.state != "pending":
            return False
        is_due = all(need.is_delivered for need in spot.needs)
        if is_due and spot.lane == "gate":
            spot.state, spot.is_delivered = "succeeded", True
            return True
        if self._is_blocked(spot):
            self._lose(spot, "skipped")
            return True
        if not is_due:
            return False
        return self._enter(spot)

    def _enter(self, spot: Spot) -> bool:
        if self.halted is not None or (self.is_cutting and self._is_below_a_loss(spot)):
            return False
        if spot.lane == "step":
            spot.state = "ready"
        else:
            self._issue(spot)
        return True

    def _is_blocked(self, spot: Spot) -> bool:
        """Whether it will never start although the run goes on."""
        if not self.is_cutting and self._is_below_a_loss(spot):
            return True
        is_renewed = spot.scope is not None and spot.scope.renews
        return self.halted is None and not is_renewed and any(need.is_lost for need in spot.needs)

    def _is_below_a_loss(self, spot: Spot) -> bool:
        return any(anchor.is_doomed for anchor in spot.above())

    def _look_at_anchor(self, anchor: Spot) -> bool:
        children = [child for child in anchor.children or () if not child.is_left_out]
        lost = [child for child in children if child.is_lost]
        if anchor.looks_at is not None and anchor.looks_at.is_delivered and not (lost or anchor.is_doomed):
            return self._enter(anchor)
        if any(child.is_open or child.state == "cancelled" for child in children) or anchor.is_replaced:
            return False
        if lost or (anchor.looks_at is not None and anchor.is_doomed):
            return self._end_with(anchor)
        if anchor.looks_at is None:
            anchor.state, anchor.is_delivered = "succeeded", True
            return True
        return False

    def _end_with(self, anchor: Spot) -> bool:
        if anchor.renews or not (self.halted is None or anchor.is_doomed):
            return False
        self._lose(anchor, "failed")
        return True

    # ---------------------------------------------------------------- losses

    def _lose(self, spot: Spot, state: str) -> None:
        if not spot.is_open:
            return
        spot.state = state
        has_begun = any(child.is_open for child in spot.children or ())
        if has_begun and any(map(self._absorbs, (spot, *spot.above()))):
            self._doom(spot)
        if spot.is_optional or spot.is_member:
            spot.value = DEFAULT if spot.is_optional else {"missing": spot.path}
            spot.is_delivered = self.is_partial = True
            return
        absorber = next((anchor for anchor in spot.above() if self._absorbs(anchor)), None)
        if absorber is None:
            self.is_lost = True
            if self.world.on_failure != "continue":
                self._halt("failed")
        elif absorber.renews:
            absorber.lost = absorber.lost or spot
        else:
            self._doom(absorber)

    def _absorbs(self, anchor: Spot) -> bool:
        return anchor.renews or anchor.is_optional or anchor.is_member

    def _doom(self, anchor: Spot) -> None:
        """It cannot succeed any more: what has not started below it never will."""
        if anchor.is_doomed:
            return
        anchor.is_doomed = True
        anchor.renews = anchor.renews and anchor.is_replaced
        for child in reversed(anchor.children or ()):
            if child.children is not None and child.is_open:
                self._doom(child)
            elif child.state in ("pending", "ready", "waiting"):
                self._lose(child, "skipped")

    def _halt(self, why: str) -> None:
        if self.halted == "cancelled":
            return
        if self.halted is None or why != "failed":
            self.halted = why
        if why != "failed" or self.world.on_failure == "fail_fast":
            self.must_stop = True

    def _stop_all(self) -> None:
        self.must_stop = False
        for spot in self.spots.values():
            if spot.state == "running":
                self._tell(spot, "run")

    def _tell(self, spot: Spot, why: str) -> None:
        attempt = spot.tries[-1]
        if attempt.told is None:
            attempt.told, attempt.until = why, self.now + GRACE

    # ---------------------------------------------------------------- rounds that are replaced

    def _replace_rounds(self) -> None:
        for anchor in list(self.spots.values()):
            if anchor.renews and anchor.lost is not None and not anchor.is_replaced:
                anchor.is_replaced = True
                for child in anchor.children or ():
                    if child.state == "running":
                        self._tell(child, "round")
                    elif child.is_open:
                        child.state = "cancelled"
                self._begin_again(anchor)

    def _begin_again(self, anchor: Spot) -> None:
        children = anchor.children or ()
        if any(child.is_open for child in children):
            return
        anchor.is_replaced = anchor.renews = False
        for child in children:
            child.is_left_out = True
        if anchor.is_doomed:
            self._lose(anchor, "failed")
        else:
            self._enter(anchor)

    # ---------------------------------------------------------------- ends of attempts

    def _succeeded(self, path: str, number: int, data: object) -> None:
        spot = self.spots[path]
        attempt = spot.tries[number - 1]
        if attempt.told is not None:
            self._ended(path, number, None)
            return
        if number <= spot.fails:
            raise MismatchError(f"attempt {number} of {path} succeeded, its script says that it fails")
        if spot.makes is not None and data != (due := spot.makes(self.inputs(spot))):
            raise MismatchError(f"{path} returned {data}, not {due}")
        attempt.has_ended = True
        spot.state, spot.value, spot.is_delivered = "succeeded", data, True

    def _failed(self, path: str, number: int, _: object) -> None:
        spot = self.spots[path]
        attempt = spot.tries[number - 1]
        if attempt.told is not None:
            self._ended(path, number, None)
            return
        attempt.has_ended = True
        if spot.lane == "anchor":
            if self._grow(spot, number):
                raise MismatchError(f"{path} failed, its script says that it grows")
        elif number > spot.fails:
            raise MismatchError(f"attempt {number} of {path} failed, its script says that it succeeds")
        if self.halted is None and not self._is_below_a_loss(spot) and number < spot.attempts:
            spot.state, spot.retries_at = "waiting", self.now + PAUSE
        else:
            self._lose(spot, "failed")

    def _grew(self, path: str, number: int, _: object) -> None:
        spot = self.spots[path]
        attempt = spot.tries[number - 1]
        if attempt.told is not None:
            self._ended(path, number, None)
            return
        attempt.has_ended = True
        spot.state = "waiting"
        if spot.is_doomed or (spot.scope is not None and spot.scope.is_doomed):
            if self.halted is None and not any(child.is_open for child in spot.children or ()):
                self._lose(spot, "failed")
        elif self.halted is None and not self._grow(spot, number):
            raise MismatchError(f"{path} grew, its script says that it fails")

    def _grow(self, anchor: Spot, number: int) -> bool:
        assert anchor.grow is not None
        known = {*self.spots}
        has_grown = anchor.grow(number)
        for path, spot in self.spots.items():
            if path not in known and spot.state == "waiting":
                spot.began = self.now
        return has_grown

    def _ended(self, path: str, number: int, _: object) -> None:
        spot = self.spots[path]
        attempt = spot.tries[number - 1]
        if attempt.told is None:
            raise MismatchError(f"attempt {number} of {path} ended without being told to")
        is_closing = attempt.is_awaited
        attempt.has_ended = True
        if is_closing:
            self._nobody_waits(spot, number)

    def _nobody_waits(self, spot: Spot, number: int) -> None:
        if spot.state == "running" and number == len(spot.tries):
            has_open = any(child.is_open for child in spot.children or ())
            spot.state = "waiting" if has_open else "cancelled"
        if spot.scope is not None and spot.scope.is_replaced:
            self._begin_again(spot.scope)

    # ---------------------------------------------------------------- time

    def _ticked(self, *_: object) -> None:
        for _at, rank, number, attempt in sorted(self._due()):
            if rank == 7:
                self.is_expired = True
            else:
                self._pass(list(self.spots.values())[number], rank, attempt)
            self._settle()

    def _due(self) -> list[tuple[float, int, int, int]]:
        """Everything whose instant has come: (instant, rank, step, attempt)."""
        found: list[tuple[float, int, int, int]] = []
        for spot in self.spots.values():
            found.extend(
                (attempt.until, 1, spot.number, place)
                for place, attempt in enumerate(spot.tries, 1)
                if attempt.is_awaited
            )
            if spot.state == "waiting" and spot.children is None:
                found.append((spot.retries_at, 2, spot.number, len(spot.tries)))
            if spot.is_open and spot.within is not None and spot.began is not None:
                found.append((spot.began + spot.within, 4, spot.number, 0))
            if spot.is_open and self.world.within is not None and (spot.is_optional or spot.is_member):
                found.append((self.began + self.world.within, 5, spot.number, 0))
        if self.world.within is not None:
            found.append((self.began + self.world.within, 7, -1, 0))
        return [entry for entry in found if entry[0] <= self.now]

    def _pass(self, spot: Spot, rank: int, number: int) -> None:
        if rank == 1:
            attempt = spot.tries[number - 1]
            if attempt.is_awaited:
                attempt.is_abandoned = True
                self._nobody_waits(spot, number)
        elif rank == 2:
            if spot.state == "waiting" and self.halted is None:
                spot.state = "ready"
        elif not self._is_over(spot):
            self._cut(spot)

    def _cut(self, spot: Spot) -> None:
        """A deadline has passed: it is lost now, whatever it was at."""
        if spot.state == "running":
            self._tell(spot, "verdict")
        if spot.lane == "anchor":
            spot.is_doomed, spot.renews, spot.is_replaced = True, False, False
            for child in reversed(spot.children or ()):
                if not self._is_over(child):
                    self._cut(child)
                    self._settle(is_cutting=True)
        self._lose(spot, "failed")

    def _is_over(self, spot: Spot) -> bool:
        """Whether it has settled, and all below it: what an anchor that failed by itself has begun may still run."""
        return not spot.is_open and all(map(self._is_over, spot.children or ()))

    # ---------------------------------------------------------------- the run's end

    def _cancel(self, *_: object) -> None:
        self._halt("cancelled")

    def _close(self) -> None:
        if self.status is not None:
            return
        running = [spot for spot in self.spots.values() if spot.state == "running"]
        is_open = any(spot.is_open for spot in self.spots.values())
        is_gluing = any(spot.lane != "step" for spot in running)
        if self.is_expired and self.halted in (None, "failed") and is_open and not is_gluing:
            self._halt("timed_out")
            self._stop_all()
        if running or any(attempt.is_awaited for spot in self.spots.values() for attempt in spot.tries):
            return
        if self.halted is not None:
            self._close_steps()
            self.status = "cancelled" if self.halted == "cancelled" else "failed"
        elif not is_open:
            self.status = "failed" if self.is_lost else "partial" if self.is_partial else "succeeded"

    def _close_steps(self) -> None:
        while any(self._close_below_a_loss(spot) for spot in self.spots.values() if spot.is_open):
            pass
        for spot in self.spots.values():
            if spot.is_open:
                spot.state = "cancelled"

    def _close_below_a_loss(self, spot: Spot) -> bool:
        above = (*spot.needs, *(spot.children or ()))
        is_lost = [other.state in ("failed", "skipped") and other.is_lost for other in above]
        if not any(is_lost):
            return False
        spot.state = "failed" if spot.children is not None else "skipped"
        return True
