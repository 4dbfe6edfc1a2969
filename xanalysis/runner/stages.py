"""Doing one stage: lease, run, publish."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from xanalysis import __version__
from xanalysis.errors import MissingExtraError
from xanalysis.runner.files import explained
from xanalysis.runner.lease import LeaseLost
from xanalysis.runner.plan import Stage
from xanalysis.runner.precision import chosen
from xanalysis.runner.spec import EvalSpec, TrainSpec
from xanalysis.runner.store import Store

if TYPE_CHECKING:
    from xanalysis.tasks.data import Data

Outcome = Literal["done", "already", "busy"]
Progress = Callable[[int, int, str], None]
# Runs a stage into a folder and returns facts for the manifest.
Perform = Callable[["Stage", Store, "Data", Path, Path, str, Progress], Mapping[str, Any]]


@dataclass(frozen=True)
class Job:
    """What every worker of a grid is told, besides its stages.

    Attributes:
        store: Folder of the store.
        sources: Names of the sources of examples, in order.
        folder: Where files lie (``--data``).
        ttl: Seconds without a heartbeat after which a lease expires; None is the default.
        perform: What runs a stage; None is the training core.
        splits: Rows that stand for splits, as in the recipe.
        protect: Targets whose test contexts are left out of training data.
        checkpoint_seconds: Time between checkpoints inside a training.
    """

    store: Path
    sources: tuple[str, ...]
    folder: Path | None = None
    ttl: float | None = None
    perform: Perform | None = None
    splits: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    protect: tuple[str, ...] = ()
    checkpoint_seconds: float = 300.0

    def work(self) -> Perform:
        """What runs a stage."""
        if self.perform is not None:
            return self.perform
        return partial(train_or_evaluate, checkpoint_seconds=self.checkpoint_seconds)

    def open_data(self) -> Data:
        """The examples, as this process reads them."""
        from xanalysis.tasks.data import Data

        return Data(self.sources, self.folder, self.splits, self.protect)


def execute(
    stage: Stage,
    store: Store,
    data: Data,
    *,
    device: str,
    progress: Progress,
    perform: Perform,
) -> Outcome:
    """Do a stage unless it is done, or another worker is at it.

    Returns:
        ``done`` when it was done here, ``already`` when it was there, ``busy`` when another live
        worker holds its lease.

    Raises:
        InputError: Data or a checkpoint at fault, or a store that cannot be written.
    """
    with explained(store.root):
        if store.complete(stage.key):
            return "already"
        owner = store.leases.take(stage.key)
        if owner is None:
            return "busy"
        with store.leases.held(stage.key, owner) as lost:
            # Another worker may have published between the look and the lease.
            if store.complete(stage.key):
                return "already"

            def step(done: int, total: int, text: str = "") -> None:
                if lost.is_set():
                    raise LeaseLost(stage.key)
                progress(done, total, text)

            with store.writing(stage.key, owner) as folder:
                started = time.time()
                scratch = store.scratch(stage.key)
                facts = perform(stage, store, data, folder, scratch, device, step)
                published = store.publish(
                    folder,
                    key=stage.key,
                    kind=stage.kind,
                    title=stage.title,
                    needs=stage.needs,
                    facts={
                        "spec": stage.spec.model_dump(mode="json"),
                        "model": stage.model.model_dump(mode="json"),
                        "device": device,
                        "started": started,
                        "seconds": time.time() - started,
                        **facts,
                    },
                )
                return "done" if published else "already"
    raise AssertionError("unreachable")


def train_or_evaluate(
    stage: Stage,
    store: Store,
    data: Data,
    folder: Path,
    scratch: Path,
    device: str,
    progress: Progress,
    checkpoint_seconds: float = 300.0,
) -> Mapping[str, Any]:
    """Run a stage with the training core; see ``execute`` for what is around it."""
    try:
        import torch
        import transformers

        from xanalysis.runner.training import evaluate, train
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("xanalysis"):
            raise
        raise MissingExtraError("run-grid", "train") from None

    transformers.utils.logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    start = stage.model if stage.start is None else store.checkpoint(stage.start)
    adapters = {language: store.checkpoint(key) for language, key in stage.adapters}
    if isinstance(stage.spec, TrainSpec):
        train(
            stage.spec,
            start=start,
            out=folder,
            data=data,
            progress=progress,
            device=device,
            scratch=scratch,
            adapters=adapters,
            checkpoint_seconds=checkpoint_seconds,
        )
    else:
        assert isinstance(stage.spec, EvalSpec)
        evaluate(
            stage.spec,
            checkpoint=start,
            out=folder,
            data=data,
            progress=progress,
            device=device,
            adapters=adapters,
        )
    return {
        "versions": {
            "xanalysis": __version__,
            "torch": torch.__version__,
            "transformers": transformers.__version__,
            "python": platform.python_version(),
        },
        "machine": {
            "hardware": hardware(device),
            "threads": torch.get_num_threads(),
            "precision": chosen(stage.spec.precision, device),
        },
    }


def hardware(device: str) -> str:
    """What a device calls itself: the GPU's name, or the processor's."""
    if device.startswith("cuda"):
        import torch

        return torch.cuda.get_device_name(device)
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
