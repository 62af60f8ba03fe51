"""``stretto cancel``: end a run that is at work elsewhere, that waits, or that nobody has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stretto.errors import RunOwnedError, StoreError, StrettoError
from stretto.ports import ENDED
from stretto.service.cli.exits import Exit
from stretto.service.cli.letters import Letter, Post, login_name
from stretto.service.cli.resume import GoingOn, go_on
from stretto.service.cli.stored import code_of, opened_runs, run_in, settings_with
from stretto.service.cli.words import say

if TYPE_CHECKING:
    from stretto.ports import RunRow, Store
    from stretto.service.cli.words import Words
    from stretto.service.settings import Settings

__all__ = ["cancel_run"]


def cancel_run(run: str, why: str, store: str | None, words: Words, *, is_now: bool) -> Exit:
    """Cancel a run: 0 once it is cancelled, or as soon as its owner has been told.

    `is_now` gives running steps no time to end. A run that nobody has is taken over with its code, so that what was
    under way is told in its journal; where the code is gone it is only marked. Raises NotFoundError, InputError for
    a run that has ended, StoreError.
    """
    settings = settings_with(store)
    with opened_runs(settings) as found:
        kept, row = run_in(found, run)
        post = Post(kept, settings, words)
        post.check(row)
        reason = why or f"cancelled by {login_name() or 'a person'}"
        letter = Letter("cancel", {"why": reason, "now": is_now}, f"being cancelled: run {row.run_id}")
        if row.owner is not None:
            return post.carry(row, letter)
        try:
            return _taken_over(row, reason, settings, kept)
        except RunOwnedError:  # somebody was quicker
            return post.carry(kept.run(row.run_id), letter)


def _taken_over(row: RunRow, why: str, settings: Settings, store: Store) -> Exit:
    if not row.epoch:  # it has never begun
        return _marked(row, store, "it had not begun")
    try:
        workflow = code_of(row)
        go_on(workflow, row, GoingOn(cancels=why), settings, store, None)
    except StoreError:
        raise
    except StrettoError as trouble:
        return _marked(row, store, f"its code cannot be gone on with: {trouble}")
    after = store.run(row.run_id)
    if after.status == "cancelled":
        say(f"run {row.run_id} is cancelled")
        return Exit.OK
    say(f"run {row.run_id} was over before it could be cancelled: {after.status}")
    return Exit.OK if after.status in ENDED else Exit.UNEXPECTED


def _marked(row: RunRow, store: Store, reason: str) -> Exit:
    store.set_status(row.run_id, "cancelled")
    say(f"run {row.run_id} is marked as cancelled; {reason}")
    return Exit.OK
