"""`SealedStore`: a store whose values only those with the key can read.

Sealed are the bodies of entries, large values, the bodies of letters and the options of runs, which hold their inputs.
Readable stay what the index and its questions need: ids, names of workflows, targets, keys of submits, statuses,
instants, and the texts of waits.

A large value is known outside by the SHA-256 of its sealed bytes, which is what a store can check; entries name it so.
The same value is sealed to the same bytes, so that runs go on sharing it.

Which key a store was sealed with, each run's row says: a fingerprint stands before its options.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from typing import TYPE_CHECKING, Final

from stretto.errors import StoreDamagedError, StoreError
from stretto.runtime.stores.sealing import Sealer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from stretto.ports import Collected, Entry, Mail, NewRun, OpenWait, RunRow, Store, Told

__all__ = ["UNREADABLE", "SealedStore", "check_open"]

_MARK: Final = "sealed:"
_BLOB: Final = "a large value"
_NAMED: Final = b'{"$":"blob","hash":"%s"'
"""How an entry names a large value; quotes within texts are escaped, so no text looks like it."""

UNREADABLE: Final = "refused: it was not sealed with this store's key"
"""The outcome of a letter that somebody without the key has put there."""


def check_open(store: Store, key_env: str) -> None:
    """Raises StoreError if a store that is to be used without a key was sealed with one; `key_env` is the variable in
    which the key was looked for."""
    if any(row.options.startswith(_MARK) for row in store.runs(limit=1)):
        raise StoreError(
            f"The store {store.url} is sealed, and no key was given. Set the environment variable {key_env} to the key "
            "it was made with, or name another variable in the setting `key_env`."
        )


class SealedStore:
    """`store`, sealed with `key`, 32 bytes; an empty one takes any key.

    Raises StoreError for a store whose runs were sealed with another key or with none, ConfigError for what is no
    key and where `cryptography` is not installed. Reading raises StoreDamagedError for what was not sealed with
    this key.
    """

    def __init__(self, store: Store, key: bytes) -> None:
        self._store = store
        self._sealer = Sealer(key)
        self.url = store.url
        self.is_quick = store.is_quick
        self.keeps_secrets = True
        for row in store.runs(limit=1):
            self._row(row)

    def __repr__(self) -> str:
        return f"SealedStore({self._store!r})"

    # ---------------------------------------------------------------- journals

    def acquire(self, run_id: str) -> int:
        """Become the run's owner. Raises RunOwnedError, NotFoundError."""
        return self._store.acquire(run_id)

    def release(self, run_id: str, epoch: int) -> None:
        """Be its owner no longer."""
        self._store.release(run_id, epoch)

    def append(self, run_id: str, epoch: int, entry: Entry, told: Told, *, may_wait: bool = False) -> bool:
        """Seal an entry and commit it; see `JournalStore`."""
        body, blobs = self._with_blobs(entry.body, entry.blobs) if entry.blobs else (entry.body, {})
        sealed = entry._replace(body=self._sealer.seal(body, _entry(run_id)), blobs=blobs)
        return self._store.append(run_id, epoch, sealed, told, may_wait=may_wait)

    def _with_blobs(self, body: bytes, blobs: Mapping[str, bytes]) -> tuple[bytes, dict[str, bytes]]:
        """An entry's body that names its large values as they are named outside, and these by that name."""
        outside: dict[str, bytes] = {}
        for digest, value in blobs.items():
            sealed = self._sealer.seal_same(value, _BLOB)
            name = hashlib.sha256(sealed).hexdigest()
            outside[name] = sealed
            body = body.replace(_NAMED % digest.encode(), _NAMED % name.encode())
        return body, outside

    def entries(self, run_id: str, after: int = 0) -> list[bytes]:
        """The bodies in order, without the first `after` ones. Raises NotFoundError, StoreDamagedError."""
        place = _entry(run_id)
        return [self._sealer.open(body, place) for body in self._store.entries(run_id, after)]

    def close(self) -> None:
        """Commit what was appended, give up what is owned, end what was started."""
        self._store.close()

    # ---------------------------------------------------------------- blobs

    def blob(self, digest: str) -> bytes:
        """A large value, by the name that an entry has for it. Raises StoreDamagedError."""
        return self._sealer.open(self._store.blob(digest), _BLOB)

    # ---------------------------------------------------------------- the index

    def create(self, new: NewRun) -> RunRow:
        """Note a new run, or give the one of its key. Raises StrettoError if the id is taken."""
        options = base64.b64encode(self._sealer.seal(new.options.encode(), _options(new.run_id))).decode()
        sealed = new._replace(options=f"{_MARK}{self._sealer.fingerprint}:{options}")
        return self._row(self._store.create(sealed))

    def run(self, run_id: str) -> RunRow:
        """One run. Raises NotFoundError."""
        return self._row(self._store.run(run_id))

    def runs(
        self,
        *,
        prefix: str = "",
        statuses: Sequence[str] = (),
        workflow: str | None = None,
        since: float | None = None,
        limit: int | None = None,
    ) -> list[RunRow]:
        """The newest first."""
        found = self._store.runs(
            prefix=prefix, statuses=statuses, workflow=workflow, since=since, limit=limit
        )
        return [self._row(row) for row in found]

    def orphans(self) -> list[RunRow]:
        """Runs to be gone on with that nobody owns; the oldest first."""
        return [self._row(row) for row in self._store.orphans()]

    def set_status(self, run_id: str, status: str) -> None:
        """Set the status of a run that nobody owns. Raises RunOwnedError, NotFoundError."""
        self._store.set_status(run_id, status)

    def waits(self, run_id: str | None = None) -> list[OpenWait]:
        """What a run, or any run, waits for; the oldest first."""
        return self._store.waits(run_id)

    def collect(self, before: float, batch: int = 100) -> Collected:
        """Delete up to `batch` runs that ended before an instant, and blobs that no run needs any more."""
        return self._store.collect(before, batch)

    def _row(self, row: RunRow) -> RunRow:
        mark, _, rest = row.options.partition(":")
        fingerprint, _, sealed = rest.partition(":")
        if f"{mark}:" != _MARK:
            raise StoreError(
                f"The store {self.url} holds runs that were written without a key, such as {row.run_id}. Use a new "
                "store for sealed runs, or take the key away."
            )
        if fingerprint != self._sealer.fingerprint:
            raise StoreError(
                f"The store {self.url} was sealed with another key than the one given. Give it the key it was made "
                "with; nothing was changed."
            )
        return row._replace(
            options=self._sealer.open(_bytes(sealed, row.run_id), _options(row.run_id)).decode()
        )

    # ---------------------------------------------------------------- letters

    def send(self, run_id: str, kind: str, body: bytes, at: float) -> int:
        """Leave a letter; gives its number. Raises NotFoundError."""
        return self._store.send(run_id, kind, self._sealer.seal(body, _letter(run_id, kind)), at)

    def letters(self, after: int = 0) -> list[Mail]:
        """Those that nobody has dealt with, numbered above `after`, in order. One that was not sealed with the key is
        refused here: it must not stand in the way of the others."""
        found: list[Mail] = []
        for mail in self._store.letters(after):
            try:
                found.append(self._mail(mail))
            except StoreDamagedError:
                self._store.settle(mail.number, UNREADABLE)
        return found

    def letter(self, number: int) -> Mail:
        """One letter. Raises NotFoundError, StoreDamagedError."""
        return self._mail(self._store.letter(number))

    def settle(self, number: int, outcome: str) -> None:
        """Say what became of a letter; one that has an outcome keeps it."""
        self._store.settle(number, outcome)

    def watch(self, wake: Callable[[], None]) -> Callable[[], None]:
        """Have `wake` called whenever there may be letters or orphans; what it gives ends that."""
        return self._store.watch(wake)

    def _mail(self, mail: Mail) -> Mail:
        return mail._replace(body=self._sealer.open(mail.body, _letter(mail.run_id, mail.kind)))


def _bytes(text: str, run_id: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise StoreDamagedError(
            f"The options of run {run_id} were changed in the store. Restore it from a backup."
        ) from None


def _entry(run_id: str) -> str:
    return f"an entry of run {run_id}"


def _options(run_id: str) -> str:
    return f"the options of run {run_id}"


def _letter(run_id: str, kind: str) -> str:
    return f"a letter to run {run_id}, {kind}"
