"""Several machines through Ray Core: a stage is one task, the store is the shared memory.

Ray places tasks and notices dead machines; it keeps nothing. The store must lie on a file system
that all machines see under the same path.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from xanalysis.errors import InputError, MissingExtraError
from xanalysis.runner.engines.base import Engine, Event
from xanalysis.runner.engines.local import attempt, limit_threads
from xanalysis.runner.plan import Stage
from xanalysis.runner.stages import Job
from xanalysis.runner.store import Store

if TYPE_CHECKING:
    from xanalysis.tasks.data import Data

# What a Ray worker process keeps from one stage to the next: its job's store and data.
_OPEN: list[tuple[Job, Store, Data]] = []


class RayEngine(Engine):
    """Stages as Ray tasks, on a cluster or, without an address, on a Ray started for the run.

    A stage takes a GPU where the cluster has some (a part of one when there are more ``workers``
    than GPUs), else its share of the CPU cores.
    """

    name = "ray"
    local_devices = False

    def __init__(
        self, job: Job, *, workers: int = 0, devices: Sequence[str] = (), address: str = ""
    ) -> None:
        super().__init__(job, workers=workers, devices=devices or ("cpu",), address=address)
        try:
            import ray
        except ModuleNotFoundError:
            raise MissingExtraError("engine 'ray'", "ray") from None
        self._ray: Any = ray
        self._running: dict[Any, list[str]] = {}
        self._mine = not self._ray.is_initialized()
        if self._mine:
            self._connect()
        resources = self._ray.cluster_resources()
        gpus, cpus = int(resources.get("GPU", 0)), max(1, int(resources.get("CPU", 1)))
        wants_gpu = bool(devices) and devices[0] != "cpu"
        if wants_gpu and not gpus:
            raise InputError("the Ray cluster has no GPU", expected="--devices cpu")
        use_gpu = gpus > 0 and (wants_gpu or not devices)
        nodes = sum(bool(node["Alive"]) for node in self._ray.nodes())
        self.workers = workers or (gpus if use_gpu else nodes)
        self.devices = ("cuda:0" if use_gpu else "cpu",)
        self._cores = max(1, cpus // self.workers)
        per_gpu = -(-self.workers // gpus) if use_gpu else 0
        options = {"num_gpus": 1 / per_gpu, "num_cpus": 0} if use_gpu else {"num_cpus": self._cores}
        # Retries are the engine's own, so that a lease is never waited for inside a task.
        self._task = self._ray.remote(_run).options(max_retries=0, **options)

    def free(self) -> int:
        """How many slots are free."""
        return self.workers - len(self._running)

    def submit(self, stages: Sequence[Stage]) -> None:
        """Hand stages to Ray as one task."""
        task = self._task.remote(self.job, list(stages), self.devices[0], self._cores)
        self._running[task] = [stage.key for stage in stages]

    def wait(self, seconds: float) -> list[Event]:
        """Stages that ended, and stages whose machine or process died."""
        ended, _ = self._ray.wait(list(self._running), num_returns=1, timeout=seconds)
        events = []
        for task in ended:
            keys = self._running.pop(task)
            try:
                events += self._ray.get(task)
            except self._ray.exceptions.RayTaskError as error:
                events += [Event(key, "failed", text=str(error)) for key in keys]
            except self._ray.exceptions.RayError as error:
                events += [Event(key, "died", text=str(error)) for key in keys]
        return events

    def close(self) -> None:
        """Cancel what runs; stages under way stay resumable."""
        for task in self._running:
            self._ray.cancel(task, force=True)
        self._running.clear()
        if self._mine:
            self._ray.shutdown()

    def _connect(self) -> None:
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        host, _, port = self.address.rpartition(":")
        if host and port.isdigit() and "/" not in host and not _listens(host, int(port)):
            raise InputError(
                f"no Ray cluster at '{self.address}' (nobody listens there)",
                expected="--address auto on a machine of the cluster, or HOST:6379",
            )
        local = {} if self.address else {"include_dashboard": False}
        try:
            self._ray.init(
                address=self.address or None, log_to_driver=False, logging_level="ERROR", **local
            )
        except (ConnectionError, RuntimeError, ValueError, OSError) as error:
            raise InputError(
                f"no Ray cluster at '{self.address}' ({str(error).splitlines()[0]})",
                expected="--address auto on a machine of the cluster, or HOST:6379",
            ) from None


def _run(job: Job, stages: list[Stage], device: str, cores: int) -> list[Event]:
    if not _OPEN or _OPEN[0][0] != job:
        limit_threads(cores)
        _OPEN[:] = [(job, Store(job.store, job.ttl), job.open_data())]
    _, store, data = _OPEN[0]
    return list(attempt(stages, store, data, job, device, lambda event: None))


def _listens(host: str, port: int) -> bool:
    """Whether anybody answers; Ray itself would try for minutes."""
    try:
        with socket.create_connection((host, port), timeout=5):
            return True
    except OSError:
        return False
