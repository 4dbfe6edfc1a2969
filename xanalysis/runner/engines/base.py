"""What every engine does: keep its slots busy with ready stages until none is left."""

from __future__ import annotations

import contextlib
import math
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Literal, Protocol

from xanalysis.errors import InputError
from xanalysis.runner.plan import Plan, Stage
from xanalysis.runner.schedule import Schedule
from xanalysis.runner.stages import Job
from xanalysis.runner.store import Store

# A stage whose worker died (not: whose code failed) is given to another so often.
MAX_DEATHS = 3
# Seconds until a stage that another process works on is looked at again.
BUSY_WAIT = 0.5


@dataclass(frozen=True)
class Event:
    """What an engine's slot reports.

    Attributes:
        key: The stage.
        what: ``step`` (progress), or how it ended: ``done`` here, ``already`` there, ``busy``
            elsewhere, ``died`` with its worker, ``failed`` in its code, ``refused`` by bad input,
            ``halted`` by what stops every stage: a store that cannot be written, a missing package.
        done: Steps done, for ``step``.
        total: Steps in all, for ``step``.
        text: Message, or the traceback of ``failed``.
        seconds: How long it took.
        error: For ``refused`` and ``halted``.
    """

    key: str
    what: Literal["step", "done", "already", "busy", "died", "failed", "refused", "halted"]
    done: int = 0
    total: int = 0
    text: str = ""
    seconds: float = 0.0
    error: InputError | None = None


class Reporter(Protocol):
    """Who is told about events; the terminal, or nobody."""

    def started(self, stage: Stage) -> None:
        """A slot took a stage; may be told again while it runs."""

    def event(self, stage: Stage, event: Event) -> None:
        """Something happened to a stage."""


class Silent:
    """A reporter that says nothing."""

    def started(self, stage: Stage) -> None:
        """Say nothing."""

    def event(self, stage: Stage, event: Event) -> None:
        """Say nothing."""


@dataclass
class Run:
    """How a run ended.

    Attributes:
        done: Keys done here.
        already: Keys another process did meanwhile.
        failed: Key to traceback.
        refused: Key to what was wrong with the stage's input, or with its workers.
        skipped: Keys that could not run because of a failed or refused one.
        stopped: Whether its time was up before everything was done.
    """

    done: list[str] = field(default_factory=list)
    already: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    refused: dict[str, InputError] = field(default_factory=dict)
    skipped: list[str] = field(default_factory=list)
    stopped: bool = False


class TimeIsUp(BaseException):
    """The run's time is up; like Ctrl-C it passes through whatever a stage catches."""


class Engine(ABC):
    """Runs ready stages. Durability lives in the store, so an engine may die at any moment.

    Args:
        job: What every worker is told.
        workers: Number of slots; 0 lets the engine choose.
        devices: Devices the slots share, as torch names them (``cpu``, ``cuda:0``).
        address: Of a cluster, for engines that have one.
    """

    name: ClassVar[str]
    local_devices: ClassVar[bool] = True

    def __init__(
        self, job: Job, *, workers: int = 0, devices: Sequence[str] = ("cpu",), address: str = ""
    ) -> None:
        self.job = job
        self.workers = workers
        self.devices = tuple(devices)
        self.address = address
        self.report: Callable[[Event], None] = lambda event: None

    @abstractmethod
    def free(self) -> int:
        """How many slots are free."""

    @abstractmethod
    def submit(self, stages: Sequence[Stage]) -> None:
        """Start stages in a free slot, one after another; each ends with an event of its own."""

    @abstractmethod
    def wait(self, seconds: float) -> list[Event]:
        """Events since the last call, waiting at most so long for the first."""

    @abstractmethod
    def close(self) -> None:
        """Stop all slots at once; stages under way stay resumable."""

    def run(
        self,
        plan: Plan,
        todo: Sequence[str],
        store: Store,
        reporter: Reporter | None = None,
        *,
        seconds: float | None = None,
        later: Collection[str] = (),
    ) -> Run:
        """Run stages until none is left that can run.

        Args:
            plan: The plan.
            todo: Keys that must run; everything else they need is done.
            store: Where finished stages are published.
            reporter: Who is told.
            seconds: Stop after so long; stages under way stay resumable.
            later: Keys that must run another time; the checkpoints they need are kept.

        Raises:
            InputError: No stage can be finished, whichever it is.
        """
        reporter = reporter or Silent()
        until = math.inf if seconds is None else time.monotonic() + seconds
        result = Run()
        schedule = Schedule(plan, todo, self.workers)
        waste = _Waste(plan, store, schedule, later)

        def report(event: Event) -> None:
            if event.what == "step":
                reporter.started(plan.stages[event.key])
            reporter.event(plan.stages[event.key], event)
            if event.what == "step" and time.monotonic() >= until:
                raise TimeIsUp

        self.report = report
        try:
            self._run(schedule, waste, reporter, result, until)
        except TimeIsUp:
            result.stopped = True
        finally:
            self.close()
            with contextlib.suppress(OSError):
                store.sweep()  # what workers that were stopped had begun to write
        return result

    def _run(
        self, schedule: Schedule, waste: _Waste, reporter: Reporter, result: Run, until: float
    ) -> None:
        plan = schedule.plan
        deaths: dict[str, int] = {}
        busy: list[tuple[float, str]] = []
        running = 0
        while schedule.left:
            now = time.monotonic()
            if now >= until:
                raise TimeIsUp
            for moment, key in [entry for entry in busy if entry[0] <= now]:
                busy.remove((moment, key))
                schedule.put_back(key)
            while self.free() and (ready := schedule.pop()) is not None:
                # Evaluations of one model stay together: it is opened once for all of them.
                group = [plan.stages[key] for key in (ready, *schedule.along(ready))]
                reporter.started(group[0])
                self.submit(group)
                running += len(group)
            if not running:
                time.sleep(BUSY_WAIT / 5)
            for event in self.wait(BUSY_WAIT / 5) if running else ():
                key = event.key
                self.report(event)
                if event.what == "step":
                    continue
                running -= 1
                if event.what == "halted":
                    assert event.error is not None
                    raise event.error
                if event.what == "busy":
                    busy.append((time.monotonic() + BUSY_WAIT, key))
                elif event.what == "died":
                    deaths[key] = deaths.get(key, 0) + 1
                    if deaths[key] < MAX_DEATHS:
                        schedule.put_back(key)
                        continue
                    result.refused[key] = InputError(
                        f"the worker died {MAX_DEATHS} times in stage "
                        f"'{plan.stages[key].title}' (killed, or out of memory)",
                        expected="more memory, or fewer --workers",
                    )
                    result.skipped += schedule.fail(key)
                elif event.what == "refused":
                    assert event.error is not None
                    result.refused[key] = event.error
                    result.skipped += schedule.fail(key)
                elif event.what == "failed":
                    result.failed[key] = event.text
                    result.skipped += schedule.fail(key)
                else:
                    (result.done if event.what == "done" else result.already).append(key)
                    schedule.finish(key)
                    waste.drop(key)


class _Waste:
    """Drops checkpoints that have served, as the recipe's ``keep`` says."""

    def __init__(
        self, plan: Plan, store: Store, schedule: Schedule, later: Collection[str]
    ) -> None:
        self.plan, self.store, self.schedule = plan, store, schedule
        self.keep = plan.recipe.keep
        self.children = {} if self.keep == "all" else plan.children()
        # Done before the run began, here or elsewhere, or not needed any more.
        self.settled = set(plan.stages) - schedule.left - plan.blocked - set(later)

    def drop(self, key: str) -> None:
        """Drop the parents of a finished stage that no stage of the plan needs any more."""
        if self.keep == "all":
            return
        for parent in self.plan.stages[key].needs:
            kind = self.plan.stages[parent].kind
            if self.keep == "intermediate" and kind in ("adapt", "intermediate"):
                continue
            served = all(
                child in self.settled or (child not in self.schedule.left and self.store.has(child))
                for child in self.children[parent]
            )
            if served and self.store.complete(parent):
                self.store.drop_weights(parent)
