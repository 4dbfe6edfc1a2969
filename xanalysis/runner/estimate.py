"""What a plan costs before it runs: tokens, time on the device at hand, disk, and what is shared.

Tokens are real ones (no padding). Times follow the rule that a training step costs 6 and a forward
pass 2 floating-point operations per encoder parameter and token (Kaplan et al. 2020,
arXiv:2001.08361, section 2.1; attention's own term is left out, small at these lengths). They are
divided by the rate of ``runner.pace``: what this store's trainings reached on the device, or, in an
empty store, a share of the device's matrix-multiplication rate: rough, and said to be so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field
from typing import Any

from xanalysis.runner import models
from xanalysis.runner.engines.local import available_cores
from xanalysis.runner.pace import READING, TRAINING, Pace, pace
from xanalysis.runner.plan import Plan, Stage
from xanalysis.runner.sizes import Sizes
from xanalysis.runner.spec import DataSpec, EvalSpec, TrainSpec
from xanalysis.runner.store import Store
from xanalysis.tasks.catalogue import TASKS


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
        elsewhere: Tasks whose sizes are published ones (``xanalysis.tasks.sizes``), not counted.
        lacking_flops: Operations of the stages whose data are not here, and of those only they
            need.
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
    elsewhere: list[str] = field(default_factory=list)
    lacking_flops: float = 0.0
    by_stage: dict[str, float] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {k: v for k, v in vars(self).items() if k != "by_stage"}


def steps(spec: TrainSpec, sizes: Sizes) -> int | None:
    """Optimiser steps of a training; None when that hangs on data of unknown size."""
    if spec.epochs is None:
        return spec.max_steps
    known = [number for number in (_examples(part, sizes) for part in spec.data) if number]
    if not known:
        return spec.max_steps
    found = -(-int(sum(known) * spec.epochs) // spec.batch_size)
    return found if spec.max_steps is None else min(found, spec.max_steps)


def _least(*numbers: int | None) -> float | None:
    """The least of those that are known."""
    return min((n for n in numbers if n is not None), default=None)


def _examples(part: DataSpec, sizes: Sizes) -> int | None:
    """Examples that a training draws from a data set; None when unknown."""
    there = sizes.of(part.task, part.language, part.read_split, count=True).examples
    if there is None and part.size is None:
        sizes.gap(f"number of {part.task}'s {part.read_split} examples", part.language)
    if part.size is None or there is None:
        return part.size or there
    return min(part.size, there)


def tokens(stage: Stage, sizes: Sizes) -> float | None:
    """Real tokens a stage reads, of what is known of its data; None when nothing is."""
    spec = stage.spec
    if isinstance(spec, EvalSpec):
        parts: list[float] = []
        for language in spec.languages:
            # Of retrieval, an example is a query and a candidate: how many there are to search.
            searching = spec.task in TASKS and TASKS[spec.task].kind == "retrieval"
            count = spec.limit is None or (searching and spec.candidates is None)
            size = sizes.of(spec.task, language, spec.split, count=count)
            number = _least(spec.limit, size.examples)
            searched = _least(spec.candidates, size.examples)
            if searching and number is not None and searched is not None:
                number = (number + searched) / 2
            length = size.read(spec.max_length)
            if number is None:
                sizes.gap(f"number of {spec.task}'s {spec.split} examples", language)
            if length is None:
                sizes.gap(f"length of {spec.task}'s examples", language)
            if number is not None and length is not None:
                parts.append(number * length)
        return sum(parts) if parts else None
    many = steps(spec, sizes)
    if many is None:
        return None
    if not spec.data:
        return float(many * spec.batch_size * spec.max_length)
    mean = _mean_tokens(spec, sizes)
    return None if mean is None else many * spec.batch_size * mean


def _mean_tokens(spec: TrainSpec, sizes: Sizes) -> float | None:
    """Mean tokens of the examples a training draws, of those of known length."""
    total = weights = 0.0
    for part in spec.data:
        size = sizes.of(part.task, part.language, part.read_split, count=False)
        length = size.read(spec.max_length)
        if length is None:
            sizes.gap(f"length of {part.task}'s examples", part.language)
        many = _examples(part, sizes) if len(spec.data) > 1 else None
        weight = float(many or 1) if spec.sampling == "proportional" else 1.0
        if length is not None:
            total += weight * length
            weights += weight
    return total / weights if weights else None


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
    found = pace(store, device, available_cores())
    unknown: dict[str, None] = {}
    cost: dict[str, float | None] = {}
    read: dict[str, float | None] = {}
    for key, stage in plan.stages.items():
        read[key] = tokens(stage, sizes)
        work = flops(stage, read[key])
        cost[key] = work
        if work is None:
            unknown[f"cost of {stage.kind} stages on {_names(stage)}"] = None
    unknown |= dict.fromkeys(sizes.unknown)
    lacking = _lacking(plan) - done - todo
    left = [cost[key] for key in todo]
    known = [value for value in left if value is not None]
    seconds = sum(known) / found.rate + found.overhead * len(known) if known or not left else None
    kinds = list(plan.naive)
    stages = {
        kind: {
            "done": len(keys & (done - todo)),
            "to_do": len(keys & todo),
            "not_needed": len(keys - done - todo - lacking),
            "lacking_data": len(keys & lacking),
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
        naive_seconds=_naive_seconds(plan, cost, found),
        disk=disk,
        peak_disk=peak,
        rate=found.rate,
        basis=found.basis,
        unknown=list(unknown),
        elsewhere=list(sizes.elsewhere),
        lacking_flops=sum(cost[key] or 0.0 for key in lacking),
        by_stage={k: (cost[k] or 0.0) / found.rate + found.overhead for k in plan.stages},
    )


def _lacking(plan: Plan) -> set[str]:
    """Keys of the stages that lack data, and of those that only serve such."""
    found = set(plan.blocked)
    for stage in reversed(plan.stages.values()):
        if stage.key in found:
            found.update(stage.needs)
    return found


def flops(stage: Stage, read: float | None) -> float | None:
    """Floating-point operations of a stage that reads so many tokens; None when unknown."""
    shape = models.shape(stage.model)
    if read is None or shape is None:
        return None
    layers, _ = models.parameters(shape)
    return (READING if isinstance(stage.spec, EvalSpec) else TRAINING) * layers * read


def _naive_seconds(plan: Plan, cost: Mapping[str, float | None], found: Pace) -> float | None:
    """Every cell on its own: its evaluation and every stage that leads to it."""
    total = 0.0
    memo: dict[str, float | None] = {}

    def line(key: str) -> float | None:
        if key not in memo:
            work = cost[key]
            own = None if work is None else work / found.rate + found.overhead
            parts = [own, *(line(parent) for parent in plan.stages[key].needs)]
            known = [part for part in parts if part is not None]
            memo[key] = sum(known) if len(known) == len(parts) else None
        return memo[key]

    for cell in plan.cells:
        whole = line(cell.key)
        if whole is None:
            return None
        total += whole
    return total


def _disk(plan: Plan) -> tuple[float, float]:
    """Bytes of float32 checkpoints that stay, and of all of them."""
    stay = peak = 0.0
    for stage in plan.stages.values():
        shape = models.shape(stage.model)
        if stage.kind == "evaluate" or shape is None:
            continue
        layers, words = models.parameters(shape)
        size = 4.0 * (layers if _shares_words(stage) else layers + words)
        peak += size
        keep = plan.recipe.keep
        if keep == "all" or (keep == "intermediate" and stage.kind in ("adapt", "intermediate")):
            stay += size
    return stay, peak


def _shares_words(stage: Stage) -> bool:
    """Whether the checkpoint's word embeddings are a file that it shares with its start."""
    spec, model = stage.spec, stage.model
    apart = model.name == models.EMBEDDED or model.layers is not None
    return apart and isinstance(spec, TrainSpec) and (spec.freeze_embeddings or bool(spec.adapter))


def _names(stage: Stage) -> str:
    spec = stage.spec
    if isinstance(spec, EvalSpec):
        return spec.task
    return " + ".join(dict.fromkeys(part.task for part in spec.data)) or "running text"
