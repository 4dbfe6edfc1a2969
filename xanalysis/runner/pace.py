"""How fast a device trains: what the store's trainings reached, or a guess from a probe."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any

from xanalysis.runner import models
from xanalysis.runner.precision import chosen, has_bfloat16
from xanalysis.runner.spec import ModelSpec
from xanalysis.runner.store import Manifest, Store

# Share of the matrix-multiplication rate that a training reaches, as a first guess, on CPUs by
# precision. Medians of a four-layer model's trainings on two cores: 78 of 400 GFLOP/s in bfloat16
# (110 trainings, an earlier state of the code), 77 of 175 GFLOP/s in float32 (20 trainings).
UTILISATION = {"bf16": 0.2, "fp32": 0.4, "cuda": 0.35}
# Floating-point operations of a training step and of a forward pass per encoder parameter and token
# (Kaplan et al. 2020, arXiv:2001.08361, section 2.1; attention's own term is left out).
TRAINING, READING = 6.0, 2.0
_TRAININGS = 20  # of the store that are looked at
_OVERHEAD = 1.0  # seconds a stage spends on loading and writing, until some were measured


@dataclass(frozen=True)
class Pace:
    """What an estimate of time rests on.

    Attributes:
        rate: Floating-point operations per second of a whole device (a GPU, or all free cores).
        overhead: Seconds a stage spends on loading and writing.
        basis: Where they come from.
    """

    rate: float
    overhead: float
    basis: str


def pace(store: Store, device: str, cores: int) -> Pace:
    """The pace of this store's trainings on the device, or, in an empty store, a rough guess.

    Args:
        store: Its manifests say what trainings took.
        device: ``cpu`` or a torch device.
        cores: Cores at hand, for the CPU.
    """
    found = list(islice(_measured(store, device, cores), _TRAININGS))
    if found:
        rates, overheads = zip(*found, strict=True)
        return Pace(
            median(rates), median(overheads), f"median of {len(found)} trainings in this store"
        )
    if device.startswith("cuda"):
        return _guess(UTILISATION["cuda"], _cuda_rate(device), "its")
    return _guess(UTILISATION[chosen("auto", "cpu")], cpu_rate(cores), "the idle cores'")


def _guess(share: float, rate: float, whose: str) -> Pace:
    basis = f"{share:.0%} of {whose} matrix-multiplication rate, measured now (rough)"
    return Pace(share * rate, _OVERHEAD, basis)


def _measured(store: Store, device: str, cores: int) -> Iterator[tuple[float, float]]:
    """Rate and overhead of trainings on the device, in no particular order (that of hashes)."""
    for key in store.published():
        manifest = store.manifest(key)
        facts = manifest.facts
        same = str(facts.get("device", "")).partition(":")[0] == device.partition(":")[0]
        if manifest.kind == "evaluate" or not same:
            continue
        run = _run(store.path(key), manifest)
        if run is not None:
            rate, overhead = run
            threads = facts.get("machine", {}).get("threads", cores) if device == "cpu" else cores
            yield rate * cores / max(1, threads), overhead


def _run(folder: Path, manifest: Manifest) -> tuple[float, float] | None:
    """Operations per second of a training's loop, and the seconds around it."""
    shape = models.shape(ModelSpec.model_validate(manifest.facts.get("model", {})))
    try:
        tokens = json.loads((folder / "training.json").read_text())["tokens"]
        seconds = float(json.loads((folder / "timing.json").read_text())["seconds"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if shape is None or seconds <= 0:
        return None
    layers, _ = models.parameters(shape)
    around = max(0.0, float(manifest.facts.get("seconds", 0.0)) - seconds)
    return TRAINING * layers * tokens / seconds, around


def cpu_rate(cores: int) -> float:
    """Operations per second of matrix products on idle cores, in bfloat16 where they have it.

    One thread's processor time is measured, not the clock: what else the machine is doing, or
    threads that wait for each other, would make the guess several times too slow.
    """
    import numpy as np

    n = 768
    a = np.ones((n, n), dtype=np.float32)
    with _one_thread():
        best = min(_timed(lambda: a @ a, time.thread_time) for _ in range(6))
    return 2.0 * n**3 / best * cores * (2 if has_bfloat16("cpu") else 1)


def _one_thread() -> AbstractContextManager[Any]:
    try:
        from threadpoolctl import threadpool_limits
    except ModuleNotFoundError:
        return nullcontext()
    found: AbstractContextManager[Any] = threadpool_limits(1)
    return found


def _cuda_rate(device: str) -> float:
    import torch

    n = 4096
    a = torch.ones((n, n), dtype=torch.bfloat16, device=device)

    def product() -> None:
        _ = a @ a
        torch.cuda.synchronize(device)

    return 2.0 * n**3 / min(_timed(product, time.perf_counter) for _ in range(5))


def _timed(call: Callable[[], object], clock: Callable[[], float]) -> float:
    start = clock()
    call()
    return max(clock() - start, 1e-9)
