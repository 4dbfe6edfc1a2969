"""From a recipe to a plan: stages with content keys, equal work merged.

A stage's key is the SHA-256 of everything that can change its numbers: its settings, the keys of
the stages it builds on, the fingerprints of its data and of its pretrained model, and the version
of the code that runs it. Two grids that ask for the same work therefore ask for the same key, and
the store does it once.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from xanalysis.errors import InputError
from xanalysis.results import BASELINE
from xanalysis.runner import profiles
from xanalysis.runner.recipe import Mixture, Recipe, Setup, test_languages
from xanalysis.runner.spec import (
    AdapterSpec,
    DataSpec,
    EvalSpec,
    MlmSpec,
    ModelSpec,
    TrainSpec,
    reads,
    settings,
)
from xanalysis.tasks.task import Task

Kind = Literal["adapt", "intermediate", "target", "evaluate"]

# Raise a kind's number when its code changes what it computes: its old stages are then done anew.
CODE_VERSIONS: Mapping[Kind, int] = {"adapt": 1, "intermediate": 1, "target": 1, "evaluate": 1}


class Fingerprints(Protocol):
    """Where a plan asks whether data have changed (``xanalysis.tasks.data.Data``)."""

    def fingerprint(self, task: str, language: str, split: str) -> str:
        """A digest of the examples; raises InputError when they are missing."""


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


def make_plan(
    recipe: Recipe,
    tasks: Mapping[str, Task],
    data: Fingerprints,
    *,
    model_fingerprint: str | Mapping[str, str] = "",
    allow_missing: bool = False,
) -> Plan:
    """Expand a recipe into its stages.

    Args:
        recipe: A checked recipe.
        tasks: The catalogue.
        data: Gives the fingerprints of examples.
        model_fingerprint: Digest of the pretrained model, or one per model name.
        allow_missing: Plan over what is missing: training data that are not there get an empty
            fingerprint and stand in ``Plan.missing``, test languages without data are left out.

    Raises:
        InputError: Data are missing (and ``allow_missing`` is false), or the profile has no
            hyper-parameters for a training.
    """
    setups = recipe.setups()
    if isinstance(model_fingerprint, str):
        model_fingerprint = {s.model.name: model_fingerprint for s in setups.values()}
    plan = Plan(recipe, models=model_fingerprint)
    builder = _Builder(plan, tasks, data, allow_missing)
    for label, setup in setups.items():
        builder.add(label, setup)
        for line in setup.notes(tasks):
            builder.note(f"{label}: {line}")
    return builder.plan


class _Builder:
    def __init__(
        self,
        plan: Plan,
        tasks: Mapping[str, Task],
        data: Fingerprints,
        allow_missing: bool,
    ) -> None:
        self.plan, self.tasks, self.data = plan, tasks, data
        self.allow_missing = allow_missing
        self._prints = plan.prints
        self._cells: set[Cell] = set()
        # Specs and their canonical text are the same for many stages: made once.
        self._specs: dict[tuple[object, ...], TrainSpec | EvalSpec] = {}
        self._texts: dict[int, tuple[TrainSpec | EvalSpec, str, bool]] = {}

    def add(self, label: str, setup: Setup) -> None:
        """Add one grid: every intermediate, target and seed."""
        mixtures: list[Mixture | None] = [None] if setup.baseline else []
        for mixture in [*mixtures, *setup.mixtures()]:
            for seed in setup.seeds:
                start = None if mixture is None else self._intermediate(setup, mixture, seed)
                for target in setup.targets:
                    self._cell(label, setup, mixture, seed, target, start)

    def note(self, line: str) -> None:
        """Tell something once."""
        if line not in self.plan.notes:
            self.plan.notes.append(line)

    def _cell(
        self,
        label: str,
        setup: Setup,
        mixture: Mixture | None,
        seed: int,
        target: str,
        start: Stage | None,
    ) -> None:
        task = self.tasks[target]
        name = BASELINE if mixture is None else mixture.name
        trained = self._target(setup, task, seed, start, name)
        parent = trained[-1] if trained else start
        evaluation = self._evaluate(setup, task, parent, name)
        if evaluation is None:
            return
        naive = self.plan.naive
        naive["evaluate"] += 1
        naive["intermediate"] += start is not None
        naive["target"] += len(trained)
        naive["adapt"] += len(evaluation.adapters)
        # Without a training there is nothing random: one score, whatever the seeds.
        random = parent.spec.seed if parent and isinstance(parent.spec, TrainSpec) else None
        seeds = self.plan.seeds.get(evaluation.key, ())
        if seed not in seeds:
            self.plan.seeds[evaluation.key] = (*seeds, seed)
        cell = Cell(label, name, target, random, evaluation.key)
        if cell not in self._cells:
            self._cells.add(cell)
            self.plan.cells.append(cell)

    def _intermediate(self, setup: Setup, mixture: Mixture, seed: int) -> Stage:
        used = seed if setup.intermediate_seeds == "paired" else setup.seeds[0]
        hyper = profiles.of(setup, "intermediate", self.tasks[mixture.tasks[0]], mixture.tasks)
        spec = TrainSpec(
            data=tuple(
                DataSpec(
                    task=task,
                    language=language,
                    size=setup.intermediate_size,
                    translated=setup.translated and language != "en",
                )
                for task in mixture.tasks
                for language in setup.intermediate_languages
            ),
            sampling=setup.sampling,
            mlm=setup.mlm,
            adapter=setup.adapter,
            freeze_embeddings=setup.freeze_embeddings,
            seed=used,
            **hyper,
        )
        adapters = self._adapters(setup, setup.intermediate_languages)
        title = f"{mixture.name}, seed {used}"
        return self._stage("intermediate", spec, setup.model, None, adapters, title)

    def _target(
        self, setup: Setup, task: Task, seed: int, start: Stage | None, name: str
    ) -> list[Stage]:
        """The target's training, one stage per task it consists of."""
        stages: list[Stage] = []
        adapters = self._adapters(setup, ("en",))
        for trained in setup.trained_on(task):
            before = None if not stages else stages[-1].spec.data[0].task  # type: ignore[union-attr]
            spec = self._once(
                (id(setup), "target", task.name, trained, seed),
                lambda trained=trained, before=before: self._target_spec(  # type: ignore[misc]
                    setup, task, trained, before, seed
                ),
            )
            title = f"{name} → {trained}, seed {seed}"
            start = self._stage("target", spec, setup.model, start, adapters, title)
            if stages and start.key in self.plan.blocked - {stages[-1].key}:
                one = f"{task.name} can be trained on {before} alone"
                self.note(f"{one}: train_on: {{{task.name}: [{before}]}}")
            stages.append(start)
        return stages

    def _target_spec(
        self, setup: Setup, task: Task, trained: str, before: str | None, seed: int
    ) -> TrainSpec:
        data = [DataSpec(task=trained, size=setup.target_size)]
        if setup.few_shot is not None:
            data += [
                DataSpec(
                    task=trained,
                    language=language,
                    split=setup.few_shot_split,
                    size=setup.few_shot,
                )
                for language in test_languages(setup, task)
                if language != "en"
            ]
        return TrainSpec(
            data=tuple(data),
            adapter=setup.adapter,
            freeze_embeddings=setup.freeze_embeddings,
            seed=seed,
            head_from=before,
            **profiles.of(setup, "target", task, (task.name,)),
        )

    def _evaluate(self, setup: Setup, task: Task, parent: Stage | None, name: str) -> Stage | None:
        trained = parent.spec if parent is not None and parent.kind == "target" else None
        length = trained.max_length if isinstance(trained, TrainSpec) else None
        head = trained.data[0].task if isinstance(trained, TrainSpec) else None
        spec = self._once(
            (id(setup), "evaluate", task.name, length),
            lambda: self._evaluation_spec(setup, task, length, head),
        )
        assert isinstance(spec, EvalSpec)
        adapters = self._adapters(setup, spec.languages)
        seed = f", {parent.title.rsplit(', ', 1)[1]}" if parent is not None else ""
        return self._stage(
            "evaluate", spec, setup.model, parent, adapters, f"{name} → {task.name}{seed}: evaluate"
        )

    def _evaluation_spec(
        self, setup: Setup, task: Task, length: int | None, head: str | None
    ) -> EvalSpec:
        wanted = test_languages(setup, task)
        languages = [g for g in wanted if self._fingerprint(task.name, g, setup.split) is not None]
        given = setup.evaluate.model_dump(exclude_none=True)
        limit = given.pop("limits").get(task.name)
        if limit is not None:
            given["limit"] = limit
        given["head"] = head if head != task.train else None
        given.setdefault("max_length", length or profiles.untrained_length(setup.profile))
        # A dry run without any of the data still shows the whole grid.
        used = tuple(languages or wanted)
        return EvalSpec(task=task.name, languages=used, split=setup.split, **given)

    def _once(
        self, key: tuple[object, ...], make: Callable[[], TrainSpec | EvalSpec]
    ) -> TrainSpec | EvalSpec:
        if key not in self._specs:
            self._specs[key] = make()
        return self._specs[key]

    def _adapters(self, setup: Setup, languages: Sequence[str]) -> tuple[tuple[str, str], ...]:
        adapter = setup.adapter
        if adapter is None or adapter.method != "language_task":
            return ()
        return tuple((g, self._adapt(setup, adapter, g).key) for g in languages)

    def _adapt(self, setup: Setup, adapter: AdapterSpec, language: str) -> Stage:
        given = profiles.adapting(setup.profile) | setup.train.model_dump(exclude_none=True)
        given |= {"epochs": None, "max_steps": adapter.language_steps, "select": "last"}
        spec = TrainSpec(
            data=(),
            mlm=MlmSpec(languages=(language,), probability=1.0),
            adapter=adapter,
            seed=setup.seeds[0],
            **given,
        )
        return self._stage("adapt", spec, setup.model, None, (), f"language adapter {language}")

    def _stage(
        self,
        kind: Kind,
        spec: TrainSpec | EvalSpec,
        model: ModelSpec,
        parent: Stage | None,
        adapters: tuple[tuple[str, str], ...],
        title: str,
    ) -> Stage:
        start = None if parent is None else parent.key
        text, lacking = self._canonical(spec)
        content = {
            "kind": kind,
            "code": CODE_VERSIONS[kind],
            "model": None
            if start
            else [
                model.model_dump(mode="json"),
                self.plan.models.get(model.name, ""),
            ],
            "start": start,
            "adapters": adapters,
        }
        key = hashlib.sha256((_json(content) + text).encode()).hexdigest()
        if key not in self.plan.stages:
            parents = {parent for _, parent in adapters} | ({start} if start else set())
            if lacking or parents & self.plan.blocked:
                self.plan.blocked.add(key)
            self.plan.stages[key] = Stage(key, kind, spec, model, start, adapters, title)
        return self.plan.stages[key]

    def _canonical(self, spec: TrainSpec | EvalSpec) -> tuple[str, bool]:
        """Canonical text of a spec and its data's fingerprints, and whether data are missing."""
        if id(spec) not in self._texts:
            prints = [self._fingerprint(*place) for place in reads(spec)]
            text = _json({"spec": settings(spec), "data": prints})
            self._texts[id(spec)] = spec, text, None in prints
        return self._texts[id(spec)][1:]

    def _fingerprint(self, task: str, language: str, split: str) -> str | None:
        place = (task, language, split)
        if place not in self._prints:
            try:
                self._prints[place] = self.data.fingerprint(*place)
            except InputError as error:
                if not self.allow_missing:
                    raise
                self._prints[place] = None
                self.plan.missing.append(str(error))
        return self._prints[place]


def _json(content: object) -> str:
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
