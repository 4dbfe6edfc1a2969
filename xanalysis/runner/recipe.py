"""A recipe: the grid a researcher asks for, as YAML, checked before anything runs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from xanalysis import yamlio
from xanalysis.errors import InputError
from xanalysis.results import BASELINE
from xanalysis.runner.spec import AdapterSpec, MlmSpec, ModelSpec, Spec
from xanalysis.tasks.task import Task

ProfileName = Literal["jiant", "xtreme", "quick"]
Names = tuple[str, ...]
_NAME = re.compile(r"[a-z0-9][a-z0-9_.+-]*\Z")


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
    precision: Literal["bf16", "fp32"] | None = None
    token_budget: int | None = Field(default=None, ge=64)
    deterministic: bool | None = None
    reseed: int | None = Field(default=None, ge=0)


class Evaluation(Spec):
    """Settings of the evaluations that replace the profile's; fields as in ``EvalSpec``.

    Attributes:
        limits: Another ``limit`` for single targets, as for one with two hundred languages.
    """

    limit: int | None = Field(default=None, ge=1)
    limits: dict[str, Annotated[int, Field(ge=1)]] = Field(default_factory=dict)
    max_length: int | None = Field(default=None, ge=8, le=8192)
    layer: float | None = Field(default=None, ge=0, le=1)
    precision: Literal["bf16", "fp32"] | None = None
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
    seeds: Annotated[tuple[int, ...], Field(min_length=1)] = (0, 1, 2)
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


def load_recipe(path: str | Path) -> Recipe:
    """Read and check a recipe.

    Args:
        path: A YAML file.

    Returns:
        The recipe, its name filled in.

    Raises:
        InputError: With file and line: a key, task, language or combination that cannot be.
    """
    from xanalysis.runner.checks import problems
    from xanalysis.tasks.data import check_splits

    recipe = yamlio.load_model(path, Recipe)
    if not recipe.name:
        recipe = recipe.model_copy(update={"name": Path(path).stem})
    data, places = yamlio.load_yaml(path)
    for name, changes in recipe.variants.items():
        _check_variant(path, data, name, changes, places)
    names: list[tuple[tuple[str | int, ...], str]] = [(("name",), recipe.name)]
    names += [(("variants", variant), variant) for variant in recipe.variants]
    for place, name in names:
        if not _NAME.match(name):
            raise _at(InputError(f"'{name}' is not a usable name"), path, place, places)
    try:
        check_splits(recipe.splits)
    except InputError as error:
        raise _at(error, path, ("splits",), places) from None
    for label, setup in recipe.setups().items():
        variant = label.partition("/")[2]
        for place, problem in problems(setup):
            inside = ("variants", variant, *place) if variant else place
            raise _at(problem, path, inside if inside in places else place, places)
    return recipe


def _check_variant(
    path: str | Path,
    data: dict[str, Any],
    name: str,
    changes: Mapping[str, Any],
    places: Mapping[tuple[str | int, ...], tuple[int, int]],
) -> None:
    """Validate a variant's fields as a whole setup, with the variant's own lines in errors."""
    from pydantic import ValidationError

    own = set(Recipe.model_fields) - set(Setup.model_fields)
    base = {key: value for key, value in data.items() if key not in own}
    if isinstance(base.get("model"), str):
        base["model"] = {"name": base["model"]}
    try:
        Setup.model_validate(merged(base, changes))
    except ValidationError as error:
        inside = {
            place[2:]: at
            for place, at in places.items()
            if len(place) >= 2 and place[:2] == ("variants", name)
        }
        raise yamlio.first_error(error, Setup, inside, path) from None


def _at(
    error: InputError,
    path: str | Path,
    place: tuple[str | int, ...],
    places: Mapping[tuple[str | int, ...], tuple[int, int]],
) -> InputError:
    """The error with the file and line of the nearest place that stands in the file."""
    for candidate in _upwards(place):
        if candidate in places:
            line, column = places[candidate]
            return InputError(
                error.message,
                file=path,
                line=line,
                column=column,
                expected=error.expected,
                nearest=error.nearest,
            )
    return InputError(error.message, file=path, expected=error.expected, nearest=error.nearest)


def _upwards(place: tuple[str | int, ...]) -> Iterator[tuple[str | int, ...]]:
    for length in range(len(place), -1, -1):
        yield place[:length]


__all__ = ["BASELINE", "Evaluation", "Mixture", "Recipe", "Setup", "Training", "load_recipe"]
