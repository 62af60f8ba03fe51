"""Gradual rollout: who gets parallel execution at 10, 25, 50 and 100 percent, always alike."""

from __future__ import annotations

from hashlib import sha256

__all__ = ["STAGES", "bucket", "in_rollout", "next_stage", "runs_parallel"]

STAGES = (10, 25, 50, 100)


def bucket(user_id: str) -> int:
    """0 to 99, fixed by the user's id alone."""
    return int.from_bytes(sha256(f"assess/{user_id}".encode()).digest()[:8], "big") % 100


def in_rollout(user_id: str, percent: int) -> bool:
    """Whether the user is among the first `percent`; who is in at one stage stays in at every later one.

    Raises `ValueError` for a percentage outside 0 to 100.
    """
    if not 0 <= percent <= 100:
        raise ValueError(f"a rollout is 0 to 100 percent, not {percent}")
    return bucket(user_id) < percent


def next_stage(percent: int) -> int:
    """The stage after `percent`; 100 stays 100."""
    return next((stage for stage in STAGES if stage > percent), 100)


def runs_parallel(*, use_parallel: bool, user_id: str | None, rollout: int | None) -> bool:
    """The flag, narrowed by the rollout. A caller without an id is only in at 100 percent."""
    if not use_parallel or rollout is None:
        return use_parallel
    if user_id is None:
        return rollout >= 100
    return in_rollout(user_id, rollout)
