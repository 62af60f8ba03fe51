"""`Engine`: what runs share – limits, resources, estimates, observers, defaults."""

from __future__ import annotations

from contextlib import asynccontextmanager, contextmanager
from threading import Lock
from typing import TYPE_CHECKING

from stretto.api.admission import Admission
from stretto.api.binding import Binder
from stretto.api.ids import new_run_id
from stretto.api.learning import learn
from stretto.api.options import budget_of, grace_of, permits_of, policy_of, within_of
from stretto.api.ways import Ways
from stretto.core.forecast.estimates import Estimates
from stretto.core.journal.facts import Created, RunOptions
from stretto.core.limits import Pools
from stretto.core.policy import OnFailure
from stretto.errors import ConfigError, StrettoError

if TYPE_CHECKING:
    import asyncio
    import random
    from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence

    from stretto.api.durable import DurableRuns
    from stretto.api.keeper import Keeper
    from stretto.api.result import RunResult
    from stretto.api.workflow import Workflow
    from stretto.authoring import Definition
    from stretto.authoring.workflow import Traced
    from stretto.core.graph import StepSpec
    from stretto.core.limits import Budget
    from stretto.ports import Clock, Code, Journals, Observer, Store
    from stretto.runtime.engine.driver import RunDriver
    from stretto.runtime.engine.permits import Permits
    from stretto.runtime.engine.recovery import Recovered, Reuse
    from stretto.runtime.executors.process import ProcessExecutor
    from stretto.runtime.executors.thread import ThreadExecutor

__all__ = ["DEFAULT_PERMITS", "Engine"]

DEFAULT_PERMITS = 1024
"""The run-wide cap when none is given: more attempts at once cost more than they bring (garbage
collector)."""


class Engine:
    """Runs workflows.

    `limits` are named permits shared by all runs of the engine, e.g. ``{"openai": 8}``. `resources` are the
    live objects that steps ask for by `from_engine()`. `max_concurrency` caps the attempts of one run at
    once; `max_runs` the runs of the engine at work at once, of all workflows: the others wait in the order they
    came. `grace` (seconds) is how long a cancelled coroutine may take to end. `observers` are told what
    happens, after it was committed. `seed` makes the jitter of retries repeatable.

    `budget` is what each run may spend: it stops before it would spend more.

    `store` is where runs are journaled, so that they survive this process: a URL (``sqlite:///runs.db``,
    ``postgresql://…``) or an open store. Without one, nothing outlives a run but its result; `journals` then takes
    its decisions.

    One engine may be used from several event loops, one after another. At the same time, from several
    threads, only without `limits` and `max_runs`; a workflow's `max_runs` counts the runs of one loop.
    """

    def __init__(
        self,
        *,
        limits: Mapping[str, int] | None = None,
        resources: Mapping[str, object] | None = None,
        max_concurrency: int = DEFAULT_PERMITS,
        max_runs: int | None = None,
        budget: Budget | None = None,
        on_failure: OnFailure | str = OnFailure.DRAIN,
        grace: float = 5.0,
        observers: Sequence[Observer] = (),
        store: Store | str | None = None,
        journals: Journals | None = None,
        clock: Clock | None = None,
        seed: int | None = None,
    ) -> None:
        Pools(limits or {})  # a wrong limit is told where it was written
        self.limits = dict(limits or {})
        self.resources = dict(resources or {})
        self.max_concurrency = permits_of(max_concurrency)
        self._admission = Admission(max_runs)
        self.budget = budget_of(budget)
        self.on_failure = policy_of(on_failure)
        self.grace = grace_of(grace)
        self.observers = list(observers)
        self.estimates = Estimates()
        self._journals = journals
        self._store = store
        self._runs: DurableRuns | None = None
        self._clock = clock
        self._seed = seed
        self._dice: random.Random | None = None
        self._binder = Binder(self.limits, self.resources)
        self._permits: tuple[object, Permits] | None = None
        self._threads: tuple[object, ThreadExecutor] | None = None
        self._processes: tuple[object, ProcessExecutor] | None = None
        self._at_work: dict[asyncio.AbstractEventLoop, int] = {}
        self._lock = Lock()

    async def arun(
        self,
        definition: Definition,
        inputs: Mapping[str, object],
        *,
        within: float | None = None,
        on_failure: OnFailure | str | None = None,
        max_concurrency: int | None = None,
        max_runs: int | None = None,
        budget: Budget | None = None,
        is_sequential: bool = False,
        suspend_groups: bool = False,
        run_id: str | None = None,
        key: str | None = None,
        observers: Sequence[Observer] = (),
        started: Callable[[RunDriver], None] | None = None,
        leaves_waiting: bool = False,
    ) -> RunResult[object]:
        """Run a workflow to its end and give the result, whatever its status. Raises only what stops a start.

        With a store, `key` makes the start idempotent: a second run of the same key is the first one. With
        `leaves_waiting`, a run that only people or events can move is left in the store, and its result says
        "waiting".

        At most `max_runs` runs of one workflow are under way at once; the others wait in the order they came,
        and their deadlines begin when they start. `started` gets the driver as soon as it exists: its `cancel`
        ends the run gracefully.
        """
        traced = definition.trace(inputs)
        if suspend_groups:
            for group in traced.graph.groups:
                group.within = None
        options = self._options(
            within, on_failure, max_concurrency, is_sequential, budget_of(budget) or self.budget
        )
        version = "" if self._store is None else definition.version or ""
        created = Created(
            definition.name, traced.graph, options, dict(self.estimates.known), traced.inputs, version
        )
        ways = Ways(observers, started, leaves_waiting)
        if self._store is not None:
            return await self.runs.arun(definition, traced, created, ways, run_id, key, max_runs)
        code = self.code_of(traced)
        async with self.admitted(definition.name, max_runs):
            driver = self.driver_of(run_id or new_run_id(), created, code, ways, self._open_journals())
            await driver.execute()
        return self.ended(driver)

    async def aresume(
        self,
        definition: Definition,
        run_id: str,
        *,
        adopt: bool = False,
        release: bool = False,
        observers: Sequence[Observer] = (),
        started: Callable[[RunDriver], None] | None = None,
        leaves_waiting: bool = False,
    ) -> RunResult[object]:
        """Go on with a run whose process has ended, and give its result; one that has ended gives what it had.

        `adopt` takes today's code where it differs from what the run was begun with: what is unchanged is kept, the
        rest runs again. `release` goes on with a run in quarantine.

        Raises NotFoundError, RunOwnedError, CodeChangedError, QuarantinedError, RecoveryError, StoreError.
        """
        ways = Ways(observers, started, leaves_waiting)
        return await self.runs.aresume(definition, run_id, ways, adopt=adopt, is_released=release)

    async def afork(
        self,
        definition: Definition,
        run_id: str,
        *,
        start: str | None = None,
        changes: Mapping[str, object] | None = None,
        new_id: str | None = None,
        observers: Sequence[Observer] = (),
        started: Callable[[RunDriver], None] | None = None,
        leaves_waiting: bool = False,
    ) -> RunResult[object]:
        """Run a workflow again on what another run of it has done; that one stays as it is.

        Steps of the same path, code and inputs take their results from there. From the step at path `start` on
        everything runs again. `changes` replaces inputs by name.

        Raises NotFoundError, InputError, StoreError.
        """
        ways = Ways(observers, started, leaves_waiting)
        return await self.runs.afork(definition, run_id, ways, start=start, changes=changes, new_id=new_id)

    def keep(self, workflows: Iterable[Workflow[..., object]]) -> Keeper:
        """Take up runs of these workflows whose process has died, here or elsewhere, inside ``async with``.

        Raises ConfigError if the engine has no store.
        """
        from stretto.api.keeper import Keeper

        return Keeper(self.runs, workflows)

    @property
    def runs(self) -> DurableRuns:
        """The runs in this engine's store. Raises ConfigError if it has none."""
        if self._runs is None:
            from stretto.api.durable import DurableRuns
            from stretto.runtime.stores import open_store

            if self._store is None:
                raise ConfigError(
                    "This engine has no store: its runs end with the process. Give it one: Engine(store='sqlite:///runs.db')."
                )
            store = open_store(self._store) if isinstance(self._store, str) else self._store
            self._runs = DurableRuns(self, store)
        return self._runs

    @property
    def store(self) -> Store | None:
        """Where its runs are journaled, opened by now; None where they end with the process."""
        return None if self._store is None else self.runs.store

    # ---------------------------------------------------------------- parts

    def _options(
        self,
        within: float | None,
        on_failure: OnFailure | str | None,
        max_concurrency: int | None,
        is_sequential: bool,
        budget: Budget | None,
    ) -> RunOptions:
        permits = permits_of(self.max_concurrency if max_concurrency is None else max_concurrency)
        return RunOptions(
            on_failure=self.on_failure if on_failure is None else policy_of(on_failure),
            within=within_of(within),
            permits=1 if is_sequential else permits,
            is_sequential=is_sequential,
            grace=self.grace,
            max_tokens=None if budget is None else budget.tokens,
            max_cost=None if budget is None else budget.cost,
        )

    def driver_of(
        self,
        run_id: str,
        created: Created,
        code: Mapping[StepSpec, Code],
        ways: Ways,
        journals: Journals,
        recovered: Recovered | None = None,
        reuse: Reuse | None = None,
    ) -> RunDriver:
        """A driver with this engine's parts; `ways.started` has heard of it."""
        from stretto.runtime.engine.driver import RunDriver

        driver = RunDriver(
            run_id,
            created,
            code,
            store=journals,
            permits=self._shared_permits(),
            executor=self._executor(),
            processes=self._process_executor,
            observers=(*self.observers, *ways.observers),
            clock=self.now(),
            dice=self._thrown(),
            recovered=recovered,
            reuse=reuse,
            leaves_waiting=ways.leaves_waiting,
        )
        if ways.started is not None:
            ways.started(driver)
        return driver

    def ended(self, driver: RunDriver) -> RunResult[object]:
        """The result of a run that was driven here."""
        if not driver.is_left:
            learn(self.estimates, driver.info.graph, driver.facts)
        from stretto.api.outcome import result_of

        return result_of(driver)

    def ended_of(self, run_id: str, recovered: Recovered) -> RunResult[object]:
        """The result of a run as its journal leaves it."""
        from stretto.api.outcome import result_of_journal

        return result_of_journal(run_id, recovered)

    @asynccontextmanager
    async def admitted(self, workflow: str, limit: int | None) -> AsyncIterator[bool]:
        """A place among the runs at work; gives whether it had to be waited for. Raises StrettoError where a second
        loop would double the limits."""
        async with self._admission.place(workflow, limit) as has_waited:
            with self._counted():
                yield has_waited

    @property
    def max_runs(self) -> int | None:
        """How many runs may be at work at once; None for any number."""
        return self._admission.max_runs

    @contextmanager
    def _counted(self) -> Iterator[None]:
        """A run under way. Raises StrettoError where a second loop would make each limit hold twice."""
        import asyncio

        loop = asyncio.get_running_loop()
        with self._lock:
            has_limits = self.limits or self.max_runs is not None
            if has_limits and any(other is not loop and other.is_running() for other in self._at_work):
                raise StrettoError(
                    "This engine has limits, and is running workflows on another event loop at this moment: "
                    "the limits would hold once a loop. Give each thread an Engine of its own, or start all "
                    "runs on one loop with `await x.arun(…)`."
                )
            self._at_work[loop] = self._at_work.get(loop, 0) + 1
        try:
            yield
        finally:
            with self._lock:
                self._at_work[loop] -= 1
                if not self._at_work[loop]:
                    del self._at_work[loop]

    def code_of(self, traced: Traced, classes: dict[str, type] | None = None) -> dict[StepSpec, Code]:
        """The code behind a run's steps; `classes`, if it is journaled, gets those its steps are known to use."""
        return self._binder.code_of(traced, classes)

    def _open_journals(self) -> Journals:
        from stretto.runtime.stores.journals import MemoryJournals

        if self._journals is None:
            self._journals = MemoryJournals()
        return self._journals

    def _shared_permits(self) -> Permits:
        import asyncio

        from stretto.runtime.engine.permits import Permits

        loop = asyncio.get_running_loop()
        found = self._permits  # one reading: another thread may set it at any moment
        if found is None or found[0] is not loop:
            found = self._permits = (loop, Permits(self.limits))
        return found[1]

    def _executor(self) -> ThreadExecutor:
        import asyncio

        from stretto.runtime.executors.thread import ThreadExecutor

        loop = asyncio.get_running_loop()
        found = self._threads  # as above
        if found is None or found[0] is not loop:
            if found is not None:
                found[1].close()
            found = self._threads = (loop, ThreadExecutor(self.now()))
        return found[1]

    def _process_executor(self) -> ProcessExecutor:
        import asyncio

        from stretto.runtime.executors.process import ProcessExecutor

        loop = asyncio.get_running_loop()
        found = self._processes  # as above
        if found is None or found[0] is not loop:
            if found is not None:
                found[1].close()
            found = self._processes = (loop, ProcessExecutor(self.now(), loop))
        return found[1]

    def now(self) -> Clock:
        """The clock of the runs on the running loop."""
        return self._clock or _loop_clock()

    def _thrown(self) -> random.Random:
        import random

        if self._dice is None:
            self._dice = random.Random(self._seed)  # noqa: S311  # jitter, not secrets
        return self._dice


def _loop_clock() -> Clock:
    """Seconds since the epoch that never step back: the loop's clock, set to the wall once.

    A virtual loop says itself which instant its zero is.
    """
    import asyncio
    import time

    loop = asyncio.get_running_loop()
    epoch: float | None = getattr(loop, "epoch", None)
    offset = time.time() - loop.time() if epoch is None else epoch
    # asyncio's own loops read this clock; asking it directly saves a call, three times a step
    tick = time.monotonic if type(loop).time is asyncio.BaseEventLoop.time else loop.time
    return lambda: tick() + offset
