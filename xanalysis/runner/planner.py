"""From a recipe to a plan: every cell becomes a line of stages, equal work is merged."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from xanalysis.errors import InputError
from xanalysis.results import BASELINE
from xanalysis.runner import profiles
from xanalysis.runner.plan import CODE_VERSIONS, Cell, Kind, Plan, Stage
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


class Fingerprints(Protocol):
    """Where a plan asks whether data have changed (``xanalysis.tasks.data.Data``)."""

    def fingerprint(self, task: str, language: str, split: str) -> str:
        """A digest of the examples; raises InputError when they are missing."""


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
        before = None
        for trained in setup.trained_on(task):
            spec = self._once(
                (id(setup), "target", task.name, trained, seed),
                lambda trained=trained, before=before: self._target_spec(  # type: ignore[misc]
                    setup, task, trained, before, seed
                ),
            )
            assert isinstance(spec, TrainSpec)
            adapters = self._adapters(setup, spec.languages)
            title = f"{name} → {trained}, seed {seed}"
            start = self._stage("target", spec, setup.model, start, adapters, title)
            if stages and start.key in self.plan.blocked - {stages[-1].key}:
                self.note(
                    f"to train {task.name} on {before} alone: train_on: {{{task.name}: [{before}]}}"
                )
            stages.append(start)
            before = trained
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
        for own, name in (("limits", "limit"), ("candidates", "candidates")):
            number = given.pop(own).get(task.name)
            if number is not None:
                given[name] = number
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
