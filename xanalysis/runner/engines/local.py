"""This machine: stages in this process, or one worker process per slot.

Worker processes are started once and keep their libraries loaded. They hold the leases of what
they do, report through a pipe, and end by themselves when the process that started them is gone.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import multiprocessing as mp
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import TYPE_CHECKING, Any

from xanalysis.errors import InputError, MissingExtraError
from xanalysis.runner.engines.base import Engine, Event
from xanalysis.runner.files import UnwritableError, full_disk
from xanalysis.runner.lease import LeaseLost
from xanalysis.runner.plan import Stage
from xanalysis.runner.stages import Job, execute
from xanalysis.runner.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable

    from xanalysis.tasks.data import Data

# At most so many progress events a second from each stage.
_EVENTS_PER_SECOND = 8
_LAST_SECONDS = 10.0  # for an idle worker to end by itself


class LocalEngine(Engine):
    """Stages on this machine's devices.

    One slot runs in this process. Several slots are worker processes, spread evenly over the
    devices: two slots per GPU run two small jobs on it side by side.
    """

    name = "local"

    def __init__(
        self, job: Job, *, workers: int = 0, devices: Sequence[str] = ("cpu",), address: str = ""
    ) -> None:
        super().__init__(job, workers=workers, devices=devices, address=address)
        if address:
            raise InputError("engine 'local' has no --address", expected="--engine ray")
        self.workers = workers or len(self.devices)
        self._ended: list[Event] = []
        self._slots: list[_Slot] = []
        self._here: tuple[Store, Data] | None = None
        self._cores = max(1, available_cores() // self.workers)

    def free(self) -> int:
        """How many slots are free."""
        if self.workers == 1:
            return 0 if self._ended else 1
        return self.workers - sum(bool(slot.stages) for slot in self._slots)

    def submit(self, stages: Sequence[Stage]) -> None:
        """Start stages; in the one-slot case, run them to their end."""
        if self.workers == 1:
            self._run_here(stages)
            return
        slot = next((slot for slot in self._slots if not slot.stages), None)
        if slot is None:
            device = self.devices[len(self._slots) % len(self.devices)]
            slot = _Slot.start(self.job, device, self._cores)
            self._slots.append(slot)
        slot.stages = [stage.key for stage in stages]
        slot.pipe.send(list(stages))

    def wait(self, seconds: float) -> list[Event]:
        """Events of the workers, and of workers that died."""
        if self.workers == 1:
            ended, self._ended = self._ended, []
            return ended
        events: list[Event] = []
        pipes: list[Any] = [slot.pipe for slot in self._slots]
        for ready in wait(pipes, seconds):
            slot = next(slot for slot in self._slots if slot.pipe is ready)
            try:
                event: Event = slot.pipe.recv()
            except (EOFError, OSError):
                self._slots.remove(slot)
                slot.end()
                # It was at the first; the others were not begun, and are ready again.
                events += [Event(key, "busy" if i else "died") for i, key in enumerate(slot.stages)]
                continue
            if event.what != "step":
                slot.stages.remove(event.key)
            events.append(event)
        return events

    def close(self) -> None:
        """End the workers, busy ones at once; their stages stay resumable."""
        for slot in self._slots:
            slot.let_go()
        for slot in self._slots:
            slot.end()
        self._slots.clear()

    def _run_here(self, stages: Sequence[Stage]) -> None:
        if self._here is None:
            self._here = Store(self.job.store, self.job.ttl), self.job.open_data()
        store, data = self._here
        self._ended += attempt(stages, store, data, self.job, self.devices[0], self.report)


@dataclass
class _Slot:
    """One worker process."""

    process: BaseProcess
    pipe: Connection
    lifeline: Connection
    stages: list[str] = field(default_factory=list)

    @classmethod
    def start(cls, job: Job, device: str, cores: int) -> _Slot:
        context = mp.get_context("spawn")
        # glibc otherwise keeps up to eight heaps per core, hundreds of megabytes each.
        os.environ.setdefault("MALLOC_ARENA_MAX", "2")
        # Of sequences of ever new lengths, oneDNN would keep the last thousand kernels.
        os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "128")
        ours, theirs = context.Pipe()
        hears, lifeline = context.Pipe(duplex=False)
        process = context.Process(
            target=_work, args=(theirs, hears, job, device, cores), name="xanalysis worker"
        )
        process.start()
        theirs.close()
        hears.close()
        return cls(process, ours, lifeline)

    def let_go(self) -> None:
        """Kill a busy worker; an idle one ends by itself, with its libraries' semaphores."""
        if self.stages:
            self.process.kill()
        else:
            self.pipe.close()

    def end(self) -> None:
        """Let go of the worker, and wait until it is gone."""
        self.let_go()
        self.process.join(_LAST_SECONDS)
        self.process.kill()
        self.process.join()
        self.pipe.close()
        self.lifeline.close()


def _work(pipe: Connection, lifeline: Connection, job: Job, device: str, cores: int) -> None:
    """A worker process: do the stages it is given until there is nobody to give any."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle

    def follow() -> None:
        try:
            lifeline.recv()
        except (EOFError, OSError):
            os._exit(1)

    threading.Thread(target=follow, daemon=True).start()
    limit_threads(cores)
    store, data = Store(job.store, job.ttl), job.open_data()
    while True:
        try:
            stages: list[Stage] = pipe.recv()
        except (EOFError, OSError):
            return
        for event in attempt(stages, store, data, job, device, pipe.send):
            pipe.send(event)


def attempt(
    stages: Sequence[Stage],
    store: Store,
    data: Data,
    job: Job,
    device: str,
    send: Callable[[Event], None],
) -> Iterator[Event]:
    """Execute stages and say how each ended, whatever happened (but a KeyboardInterrupt)."""
    try:
        for stage in stages:
            yield _attempt(stage, store, data, job, device, send)
    finally:
        give_back_memory()


def _attempt(
    stage: Stage,
    store: Store,
    data: Data,
    job: Job,
    device: str,
    send: Callable[[Event], None],
) -> Event:
    started = time.monotonic()
    last = 0.0

    def progress(done: int, total: int, text: str = "") -> None:
        nonlocal last
        now = time.monotonic()
        if done >= total or now - last >= 1 / _EVENTS_PER_SECOND:
            last = now
            send(Event(stage.key, "step", done, total, text))

    try:
        how = execute(stage, store, data, device=device, progress=progress, perform=job.work())
    except LeaseLost:
        return Event(stage.key, "busy", seconds=time.monotonic() - started)
    except (UnwritableError, MissingExtraError) as error:
        return Event(stage.key, "halted", error=error, seconds=time.monotonic() - started)
    except InputError as error:
        return Event(stage.key, "refused", error=error, seconds=time.monotonic() - started)
    except Exception as failure:
        text = traceback.format_exc()
        if "No space left on device" in str(failure):  # as safetensors says it
            full = full_disk(store.root)
            return Event(stage.key, "halted", error=full, seconds=time.monotonic() - started)
        return Event(stage.key, "failed", text=text, seconds=time.monotonic() - started)
    return Event(stage.key, how, seconds=time.monotonic() - started)


def give_back_memory() -> None:
    """Let go of models, and hand freed memory back to the system where the C library can."""
    evaluation = sys.modules.get("xanalysis.runner.training.evaluate")
    if evaluation is not None:
        evaluation.forget()
    gc.collect()
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


def available_cores() -> int:
    """Cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def limit_threads(cores: int) -> None:
    """Share the machine's cores between workers; call it before torch is imported."""
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = str(cores)
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(cores)
