"""A recipe: the grid a researcher asks for, as YAML, checked before anything runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from xanalysis.runner.precision import Asked
from xanalysis.runner.spec import AdapterSpec, MlmSpec, ModelSpec, Spec
from xanalysis.tasks.task import Task

ProfileName = Literal["jiant", "xtreme", "quick"]
Names = tuple[str, ...]


class Training(Spec):
    """Hyper-parameters that replace the profile's; every field as in ``TrainSpec``."""

    epochs: float | None = Field(default=None, gt=0)
    max_steps: int | None = Field(default=None, ge=1)
    batch_size: int | None = Field(default=None, ge=1)
    max_length: int | None = Field(default=None, ge=8, le=8192)
    learning_rate: float | None = Field(default=None, gt=0)
    weight_decay: float | None = Field(default=None, ge=0)
    adam_epsilon: float | None = Field(default=None, gt=0)
    warmup: float | None = Field(default=None, ge=0)
    schedule: Literal["linear", "constant"] | None = None
    clip: float | None = Field(default=None, gt=0)
    select: Literal["best", "last"] | None = None
    dev_examples: int | None = Field(default=None, ge=1)
    evaluate_every: int | None = Field(default=None, ge=1)
    patience: int | None = Field(default=None, ge=1)
    precision: Asked | None = None
    token_budget: int | None = Field(default=None, ge=64)
    deterministic: bool | None = None
    reseed: int | None = Field(default=None, ge=0)


class Evaluation(Spec):
    """Settings of the evaluations that replace the profile's; fields as in ``EvalSpec``.

    Attributes:
        limits: Another ``limit`` for single targets, as for one with two hundred languages.
        candidates: Of single retrieval targets: how many sentences each query searches.
    """

    limit: int | None = Field(default=None, ge=1)
    limits: dict[str, Annotated[int, Field(ge=1)]] = Field(default_factory=dict)
    candidates: dict[str, Annotated[int, Field(ge=1)]] = Field(default_factory=dict)
    max_length: int | None = Field(default=None, ge=8, le=8192)
    layer: float | None = Field(default=None, ge=0, le=1)
    precision: Asked | None = None
    token_budget: int | None = Field(default=None, ge=64)


class Mixture(Spec):
    """Several intermediate tasks trained together, one head each.

    Attributes:
        name: What the results call it.
        tasks: The tasks that are mixed.
    """

    name: str
    tasks: Annotated[Names, Field(min_length=2)]


def _model(value: object) -> object:
    return {"name": value} if isinstance(value, str) else value


class Setup(Spec):
    """One grid: what is trained on what, from which model, how often, evaluated where.

    Attributes:
        model: Pretrained model; a name, or ``{name, revision, layers}`` (``layers`` prunes).
        profile: Hyper-parameters of the paper (``jiant``), of the benchmark (``xtreme``), or small
            ones for a first look (``quick``); see ``xanalysis.runner.profiles``.
        intermediates: Tasks, or mixtures ``{name, tasks}``; the baseline without any is added.
        targets: Target tasks.
        languages: Test languages; all of each target's where it is left out.
        seeds: One run of every target training per seed.
        intermediate_seeds: ``shared``: one intermediate training, with the first seed, serves all
            seeds of all targets (as in the paper); ``paired``: one per seed.
        baseline: Whether the grid holds the pretrained model without intermediate training.
        split: Official split that is evaluated.
        intermediate_languages: Languages of the intermediate data; several are mixed.
        translated: The intermediate data are machine translations of the English ones.
        intermediate_size: So many intermediate examples per task and language, nested by seed.
        target_size: So many target training examples, nested by seed.
        train_on: Target to the tasks it is trained on, one after another, where these are to be
            others than the catalogue's: ``{xcopa: [siqa]}``.
        sampling: How mixtures draw: ``proportional`` to the number of examples, or ``uniform``.
        mlm: Masked multilingual text mixed into the intermediate training.
        adapter: Train adapters in place of all parameters.
        freeze_embeddings: Leave the embedding matrix as it was.
        few_shot: So many examples of every test language join the English target training.
        few_shot_split: The split they come from; never the evaluated one.
        train: Hyper-parameters for all trainings.
        intermediate_train: Hyper-parameters for intermediate trainings.
        target_train: Hyper-parameters for target trainings.
        per_task: Hyper-parameters for trainings on one task.
        evaluate: Settings of the evaluations.
    """

    model: Annotated[ModelSpec, BeforeValidator(_model)] = ModelSpec()
    profile: ProfileName = "jiant"
    intermediates: tuple[str | Mixture, ...] = ()
    targets: Annotated[Names, Field(min_length=1)]
    languages: Annotated[Names, Field(min_length=1)] | None = None
    seeds: Annotated[tuple[Annotated[int, Field(ge=0)], ...], Field(min_length=1)] = (0, 1, 2)
    intermediate_seeds: Literal["shared", "paired"] = "shared"
    baseline: bool = True
    split: Literal["dev", "test"] = "test"
    intermediate_languages: Annotated[Names, Field(min_length=1)] = ("en",)
    translated: bool = False
    intermediate_size: int | None = Field(default=None, ge=1)
    target_size: int | None = Field(default=None, ge=1)
    train_on: dict[str, Annotated[Names, Field(min_length=1)]] = Field(default_factory=dict)
    sampling: Literal["proportional", "uniform"] = "proportional"
    mlm: MlmSpec | None = None
    adapter: AdapterSpec | None = None
    freeze_embeddings: bool = False
    few_shot: int | None = Field(default=None, ge=1)
    few_shot_split: Literal["train", "dev"] = "train"
    train: Training = Training()
    intermediate_train: Training = Training()
    target_train: Training = Training()
    per_task: dict[str, Training] = Field(default_factory=dict)
    evaluate: Evaluation = Evaluation()

    def trained_on(self, task: Task) -> Names:
        """The tasks a target's training consists of, in order; none where it is not trained."""
        return self.train_on.get(task.name, task.sequence)

    def notes(self, tasks: Mapping[str, Task]) -> list[str]:
        """Targets that are trained on other tasks than the catalogue's, one line each."""
        lines = []
        for task in (tasks[name] for name in self.targets):
            usual, used = (", then ".join(t) for t in (task.sequence, self.trained_on(task)))
            if used != usual:
                lines.append(f"{task.name} is trained on {used}, not on {usual or 'nothing'}")
        return lines

    def mixtures(self) -> list[Mixture]:
        """The intermediates, single tasks as mixtures of one (which a recipe cannot write)."""
        return [
            entry
            if isinstance(entry, Mixture)
            else Mixture.model_construct(name=entry, tasks=(entry,))
            for entry in self.intermediates
        ]


class Recipe(Setup):
    """A named grid and its variants.

    Attributes:
        name: Of the results table; the file's name where it is left out.
        title: One line for people.
        note: What a reader of the results must know.
        sources: Where examples are looked for, in order.
        splits: By task, rows of an official split that stand for another:
            ``{pawsx: {train: "dev[:1400]", test: "dev[1400:]"}}``.
        keep: Which checkpoints stay after their evaluations: ``all``, those of ``intermediate``
            stages (and adapters), or ``none``. Scores and predictions always stay.
        variants: Name to the fields that differ from the recipe's own; nested fields are merged.
    """

    name: str = ""
    title: str = ""
    note: str = ""
    sources: tuple[str, ...] = ()
    splits: dict[str, dict[str, str]] = Field(default_factory=dict)
    keep: Literal["all", "intermediate", "none"] = "intermediate"
    variants: dict[str, dict[str, Any]] = Field(default_factory=dict)

    @property
    def intermediate_names(self) -> list[str]:
        """Names of the intermediate tasks and mixtures, without the baseline."""
        return [mixture.name for mixture in self.mixtures()]

    @property
    def phases(self) -> list[str]:
        """What happens to the pretrained model, in order."""
        found = ["adapter training"] if self.adapter is not None else []
        found += ["intermediate-task training"] if self.intermediates else []
        return [*found, "target-task training", "zero-shot evaluation"]

    def setups(self) -> dict[str, Setup]:
        """Results name (``recipe`` or ``recipe/variant``) to the whole setup of each grid."""
        own = set(Recipe.model_fields) - set(Setup.model_fields)
        base = self.model_dump(exclude=own)
        result = {self.name: Setup.model_validate(base)}
        for name, changes in self.variants.items():
            result[f"{self.name}/{name}"] = Setup.model_validate(merged(base, changes))
        return result


def test_languages(setup: Setup, task: Task) -> tuple[str, ...]:
    """The languages a target is evaluated in: the asked ones that it has, in the recipe's order."""
    if setup.languages is None:
        return task.languages
    return tuple(g for g in setup.languages if g in task.languages)


def merged(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """``base`` with ``changes`` laid over it, mappings merged field by field, null erasing."""
    result = dict(base)
    for name, value in changes.items():
        if name == "model" and isinstance(value, str):
            value = {"name": value, "revision": None}
        below = result.get(name)
        both = isinstance(below, Mapping) and isinstance(value, Mapping)
        result[name] = merged(below, value) if both else value  # type: ignore[arg-type]
    return result
