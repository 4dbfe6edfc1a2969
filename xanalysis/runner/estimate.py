"""What a plan costs before it runs: tokens, time on the device at hand, disk, and what is shared.

Tokens are real ones (no padding). Times follow the rule that a training step costs 6 and a forward
pass 2 floating-point operations per encoder parameter and token (Kaplan et al. 2020,
arXiv:2001.08361, section 2.1; attention's own term is left out, small at these lengths). They are
divided by the rate that this store's finished stages reached on the device, or, in an empty store,
by the device's measured matrix-multiplication rate times ``UTILISATION``: rough, and said to be so.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Set
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any

from xanalysis.errors import InputError
from xanalysis.runner import models
from xanalysis.runner.plan import Plan, Stage
from xanalysis.runner.spec import DataSpec, EvalSpec, TrainSpec
from xanalysis.runner.store import Store

if TYPE_CHECKING:
    from xanalysis.tasks.data import Data

# Share of the measured matrix-multiplication rate that a training reaches, as a first guess.
UTILISATION = 0.35
# Characters per XLM-R token in running English text (measured on the CLDR and MNLI examples).
CHARACTERS_PER_TOKEN = 3.6
_SAMPLE = 64
_OVERHEAD = 1.0  # seconds a stage spends on loading and writing


@dataclass(frozen=True)
class Size:
    """Examples of one task in one language and split, and their mean length in tokens."""

    examples: int | None
    tokens: float | None


@dataclass
class Estimate:
    """What remains of a plan and what all of it would have cost.

    Attributes:
        stages: Kind to number of stages by state: ``done``, ``to_do``, ``not_needed`` (a checkpoint
            that has served) and ``lacking_data``.
        naive: Kind to number of stages if nothing were shared.
        trainings: Trainings with equal work merged.
        naive_trainings: Trainings if every cell were run on its own.
        tokens: Real tokens still to be trained on or read.
        flops: Floating-point operations still to be done.
        seconds: Estimated device time of what is known; None when nothing is.
        naive_seconds: The same for the whole grid without sharing, nothing done.
        disk: Bytes that will lie in the store at the end.
        peak_disk: Bytes if no checkpoint were dropped.
        rate: Operations per second the estimate assumes.
        basis: Where ``rate`` comes from.
        unknown: What could not be known, one line each.
    """

    stages: dict[str, dict[str, int]]
    naive: dict[str, int]
    trainings: int
    naive_trainings: int
    tokens: float
    flops: float
    seconds: float | None
    naive_seconds: float | None
    disk: float
    peak_disk: float
    rate: float
    basis: str
    unknown: list[str] = field(default_factory=list)
    by_stage: dict[str, float] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {k: v for k, v in vars(self).items() if k != "by_stage"}


class Sizes:
    """How large the data are, looked up once per task, language and split."""

    def __init__(self, data: Data | None, tokens_of: Callable[[Any], float] | None = None) -> None:
        self.data = data
        self._tokens_of = tokens_of or example_tokens
        self._known: dict[tuple[str, str, str, bool], Size] = {}
        self.unknown: dict[str, None] = {}

    def of(self, task: str, language: str, split: str, *, count: bool) -> Size:
        """Number of examples (only if ``count``: it reads them all) and their mean length."""
        place = (task, language, split, count)
        if place not in self._known:
            self._known[place] = self._look(task, language, split, count)
        return self._known[place]

    def _look(self, task: str, language: str, split: str, count: bool) -> Size:
        if self.data is None:
            return Size(None, None)
        try:
            stream = iter(self.data.iter(task, language, split))
            sample = list(islice(stream, _SAMPLE))
            number = len(sample) + (sum(1 for _ in stream) if count else 0)
        except InputError:
            self.unknown[f"size of {task}, {split}: the data are not here"] = None
            return Size(None, None)
        if not sample:
            return Size(0, 0.0)
        mean = sum(self._tokens_of(example) for example in sample) / len(sample)
        return Size(number if count else None, mean)


def example_tokens(example: Mapping[str, Any]) -> float:
    """Roughly how many tokens an example has."""
    characters = sum(_characters(value) for name, value in example.items() if name != "id")
    return 3 + characters / CHARACTERS_PER_TOKEN


def _characters(value: Any) -> int:
    if isinstance(value, str):
        return len(value)
    if isinstance(value, list):
        return sum(_characters(item) + 1 for item in value if isinstance(item, str))
    return 0


def steps(spec: TrainSpec, sizes: Sizes) -> int | None:
    """Optimiser steps of a training; None when that hangs on data that are not there."""
    if spec.epochs is None:
        return spec.max_steps
    total = 0
    for part in spec.data:
        number = part.size or sizes.of(part.task, part.language, part.split, count=True).examples
        if number is None:
            return spec.max_steps
        total += number
    found = -(-int(total * spec.epochs) // spec.batch_size)
    return found if spec.max_steps is None else min(found, spec.max_steps)


def tokens(stage: Stage, sizes: Sizes) -> float | None:
    """Real tokens a stage reads; None when unknown."""
    spec = stage.spec
    if isinstance(spec, EvalSpec):
        parts: list[float] = []
        for language in spec.languages:
            size = sizes.of(spec.task, language, spec.split, count=spec.limit is None)
            number = spec.limit if size.examples is None else size.examples
            if number is None or size.tokens is None:
                return None
            parts.append(number * min(size.tokens, spec.max_length))
        return sum(parts)
    many = steps(spec, sizes)
    if many is None:
        return None
    if not spec.data:
        return float(many * spec.batch_size * spec.max_length)
    mean = _mean_tokens(spec.data, spec.max_length, sizes)
    return None if mean is None else many * spec.batch_size * mean


def _mean_tokens(parts: Iterable[DataSpec], limit: int, sizes: Sizes) -> float | None:
    found = [sizes.of(part.task, part.language, part.split, count=False).tokens for part in parts]
    known = [min(value, limit) for value in found if value is not None]
    return sum(known) / len(known) if known and len(known) == len(found) else None


def estimate(
    plan: Plan,
    store: Store,
    sizes: Sizes,
    *,
    device: str,
    done: Set[str],
    todo: Iterable[str],
) -> Estimate:
    """What it costs to run what is left of a plan.

    Args:
        plan: The plan.
        store: Has the manifests of what was done here.
        sizes: How large the data are.
        device: ``cpu`` or a torch device.
        done: Keys of the stages that are done.
        todo: Keys of the stages that must run.
    """
    todo = set(todo)
    rate, basis = _rate(plan, store, done, sizes, device)
    unknown: dict[str, None] = {}
    cost: dict[str, float | None] = {}
    read: dict[str, float | None] = {}
    for key, stage in plan.stages.items():
        read[key] = tokens(stage, sizes)
        work = flops(stage, read[key])
        cost[key] = work
        if work is None:
            unknown[f"cost of {stage.kind} stages on {_names(stage)}"] = None
    unknown.update(sizes.unknown)
    left = [cost[key] for key in todo]
    known = [value for value in left if value is not None]
    seconds = sum(known) / rate + _OVERHEAD * len(known) if known or not left else None
    kinds = list(plan.naive)
    stages = {
        kind: {
            "done": len(keys & (done - todo)),
            "to_do": len(keys & todo),
            "not_needed": len(keys - done - todo - plan.blocked),
            "lacking_data": len(keys & plan.blocked - done),
        }
        for kind in kinds
        for keys in [{key for key, stage in plan.stages.items() if stage.kind == kind}]
    }
    disk, peak = _disk(plan)
    return Estimate(
        stages=stages,
        naive=dict(plan.naive),
        trainings=plan.count("adapt", "intermediate", "target"),
        naive_trainings=sum(n for kind, n in plan.naive.items() if kind != "evaluate"),
        tokens=sum(read[key] or 0.0 for key in todo),
        flops=sum(value or 0.0 for value in left),
        seconds=seconds,
        naive_seconds=_naive_seconds(plan, cost, rate),
        disk=disk,
        peak_disk=peak,
        rate=rate,
        basis=basis,
        unknown=list(unknown),
        by_stage={k: (cost[k] or 0.0) / rate + _OVERHEAD for k in plan.stages},
    )


def flops(stage: Stage, read: float | None) -> float | None:
    """Floating-point operations of a stage that reads so many tokens; None when unknown."""
    shape = models.shape(stage.model)
    if read is None or shape is None:
        return None
    layers, _ = models.parameters(shape)
    return (2.0 if isinstance(stage.spec, EvalSpec) else 6.0) * layers * read


def _naive_seconds(plan: Plan, cost: Mapping[str, float | None], rate: float) -> float | None:
    """Every cell on its own: its evaluation and every stage that leads to it."""
    total = 0.0
    memo: dict[str, float | None] = {}

    def line(key: str) -> float | None:
        if key not in memo:
            parts = [cost[key], *(line(parent) for parent in plan.stages[key].needs)]
            known = [part for part in parts if part is not None]
            memo[key] = sum(known) if len(known) == len(parts) else None
        return memo[key]

    for cell in plan.cells:
        whole = line(cell.key)
        if whole is None:
            return None
        total += whole
    return total / rate


def _disk(plan: Plan) -> tuple[float, float]:
    """Bytes of float32 checkpoints that stay, and of all of them."""
    stay = peak = 0.0
    for stage in plan.stages.values():
        shape = models.shape(stage.model)
        if stage.kind == "evaluate" or shape is None:
            continue
        size = 4.0 * sum(models.parameters(shape))
        peak += size
        keep = plan.recipe.keep
        if keep == "all" or (keep == "intermediate" and stage.kind in ("adapt", "intermediate")):
            stay += size
    return stay, peak


def _rate(
    plan: Plan, store: Store, done: Iterable[str], sizes: Sizes, device: str
) -> tuple[float, str]:
    """Operations per second, from finished trainings of this plan or from the device."""
    work = seconds = 0.0
    number = 0
    for key in islice((k for k in done if plan.stages[k].kind != "evaluate"), 20):
        facts = store.manifest(key).facts
        operations = flops(plan.stages[key], tokens(plan.stages[key], sizes))
        if facts.get("device") == device and operations is not None:
            work += operations
            seconds += float(facts.get("seconds", 0.0))
            number += 1
    if seconds > 0 and work > 0:
        return work / seconds, f"{number} finished trainings of this store"
    return UTILISATION * matmul_rate(device), (
        f"{UTILISATION:.0%} of the device's matrix-multiplication rate, measured now (rough)"
    )


def matmul_rate(device: str) -> float:
    """Floating-point operations per second of a matrix product, the best of a few."""
    if device.startswith("cuda"):
        return _cuda_rate(device)
    import numpy as np

    n = 768
    a = np.ones((n, n), dtype=np.float32)
    best = min(_timed(lambda: a @ a) for _ in range(4))
    return 2.0 * n**3 / best


def _cuda_rate(device: str) -> float:
    import torch

    n = 4096
    a = torch.ones((n, n), dtype=torch.bfloat16, device=device)

    def product() -> None:
        _ = a @ a
        torch.cuda.synchronize(device)

    return 2.0 * n**3 / min(_timed(product) for _ in range(5))


def _timed(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def _names(stage: Stage) -> str:
    spec = stage.spec
    if isinstance(spec, EvalSpec):
        return spec.task
    return " + ".join(dict.fromkeys(part.task for part in spec.data)) or "running text"
