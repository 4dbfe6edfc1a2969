"""A plan: stages with content keys, and the cells of the results table they fill.

A stage's key is the SHA-256 of everything that can change its numbers: its settings, the keys of
the stages it builds on, the fingerprints of its data and of its pretrained model, and the version
of the code that runs it. Two grids that ask for the same work therefore ask for the same key, and
the store does it once.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from xanalysis.runner.recipe import Recipe
from xanalysis.runner.spec import EvalSpec, ModelSpec, TrainSpec

Kind = Literal["adapt", "intermediate", "target", "evaluate"]

# Raise a kind's number when its code changes what it computes: its old stages are then done anew.
CODE_VERSIONS: Mapping[Kind, int] = {"adapt": 2, "intermediate": 2, "target": 2, "evaluate": 2}


@dataclass(frozen=True, slots=True)
class Stage:
    """One piece of work.

    Attributes:
        key: Content key, 64 hexadecimal digits.
        kind: adapt (a language adapter), intermediate, target, or evaluate.
        spec: What the training or evaluation is told.
        model: The pretrained model at the beginning of the line.
        start: Key of the stage whose checkpoint is taken; None starts from ``model``.
        adapters: Language and key of each language adapter that is used.
        title: For people, as in ``mnli → xnli, seed 0``.
    """

    key: str
    kind: Kind
    spec: TrainSpec | EvalSpec
    model: ModelSpec
    start: str | None
    adapters: tuple[tuple[str, str], ...]
    title: str

    @property
    def needs(self) -> tuple[str, ...]:
        """Keys of the stages this one builds on."""
        found = dict.fromkeys(key for _, key in self.adapters)
        return (*(() if self.start is None else (self.start,)), *found)


@dataclass(frozen=True, slots=True)
class Cell:
    """One evaluation as the results table names it; several cells may share one stage."""

    recipe: str
    intermediate: str
    target: str
    seed: int | None
    key: str


@dataclass
class Plan:
    """All stages of a recipe, parents before children, and the cells they fill.

    Attributes:
        stages: Key to stage, in an order in which they can be run.
        cells: What the results table will hold.
        missing: Data that are not there, one line each.
        blocked: Keys of the stages that cannot run for it.
        naive: Stages of each kind if every cell were run on its own.
        seeds: Key of an evaluation to the recipe's seeds whose grid it is part of.
        notes: What a reader of the results must know of how targets were trained.
        prints: Task, language and split to the fingerprint of the data; None where they lack.
        models: Name of a pretrained model to its fingerprint.
    """

    recipe: Recipe
    stages: dict[str, Stage] = field(default_factory=dict)
    cells: list[Cell] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    blocked: set[str] = field(default_factory=set)
    naive: dict[str, int] = field(default_factory=lambda: dict.fromkeys(CODE_VERSIONS, 0))
    seeds: dict[str, tuple[int, ...]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    prints: dict[tuple[str, str, str], str | None] = field(default_factory=dict)
    models: Mapping[str, str] = field(default_factory=dict)

    def count(self, *kinds: Kind) -> int:
        """Number of stages of these kinds."""
        return sum(stage.kind in kinds for stage in self.stages.values())

    def children(self) -> dict[str, list[str]]:
        """Key to the keys of the stages that build on it."""
        found: dict[str, list[str]] = {key: [] for key in self.stages}
        for stage in self.stages.values():
            for parent in stage.needs:
                found[parent].append(stage.key)
        return found

    def needed(self, done: Iterable[str], seeds: Collection[int] = ()) -> list[str]:
        """Keys of the stages that must run so that every evaluation is there, in order.

        A checkpoint that only served evaluations that are done is not needed again.

        Args:
            done: Keys of the stages that are done.
            seeds: Ask only for the evaluations of these seeds' grids; for all where it is empty.
        """
        finished = set(done)
        wanted: set[str] = set()
        for stage in reversed(self.stages.values()):
            if stage.key in finished or stage.key in self.blocked:
                continue
            asked = not seeds or not set(seeds).isdisjoint(self.seeds.get(stage.key, ()))
            if (stage.kind == "evaluate" and asked) or stage.key in wanted:
                wanted.add(stage.key)
                wanted.update(stage.needs)
        return [key for key in self.stages if key in wanted and key not in finished]
