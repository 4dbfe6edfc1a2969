"""Design facts: what a recipe and the task catalogue say about how an experiment is laid out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from xanalysis.errors import InputError
from xanalysis.study import Study

if TYPE_CHECKING:
    from xanalysis.runner.recipe import Recipe
    from xanalysis.tasks.task import Task


@dataclass(frozen=True)
class Fact:
    """One fact, with where it stands.

    Attributes:
        values: What the fact consists of.
        where: Name of the source, for sentences.
        file: The file it was read from.
        sha256: That file's hash.
    """

    values: tuple[str, ...]
    where: str
    file: str
    sha256: str


class Designs:
    """Recipes by name, read once.

    Args:
        study: Whose recipes.
    """

    def __init__(self, study: Study) -> None:
        self.study = study
        self._read: dict[str, tuple[Recipe, Path] | InputError] = {}

    def fact(self, recipe: str, name: str) -> Fact:
        """A fact of a recipe.

        Args:
            recipe: Name of the recipe, of the study's own; no paths.
            name: One of ``operators.design.FACTS``.

        Raises:
            InputError: There is no such recipe, or it cannot be read.
        """
        found, path = self._load(recipe)
        values = _FACTS[name](found)
        digest = sha256(path.read_bytes()).hexdigest()
        return Fact(tuple(values), f"recipe {recipe}", path.name, digest)

    def _load(self, recipe: str) -> tuple[Recipe, Path]:
        if recipe not in self._read:
            from xanalysis.runner.load import load_recipe

            try:
                files = self.study.files("runners")
                if recipe not in files:
                    from xanalysis.errors import unknown_name

                    raise unknown_name("recipe", recipe, files)
                self._read[recipe] = load_recipe(files[recipe]), files[recipe]
            except InputError as error:
                self._read[recipe] = error
        result = self._read[recipe]
        if isinstance(result, InputError):
            raise result
        return result


def _task(name: str) -> Task:
    from xanalysis.tasks.catalogue import TASKS

    return TASKS[name]


def _intermediates(recipe: Recipe) -> list[str]:
    tasks = [task for mixture in recipe.mixtures() for task in mixture.tasks]
    return list(dict.fromkeys(tasks))


def _formats(tasks: Sequence[str]) -> list[str]:
    return sorted({_task(name).task_type for name in tasks})


def _modes(recipe: Recipe) -> list[str]:
    sizes = {len(mixture.tasks) > 1 for mixture in recipe.mixtures()}
    return [
        name for name, several in (("single-task", False), ("multi-task", True)) if several in sizes
    ]


def _phases(recipe: Recipe) -> list[str]:
    # Evaluation trains nothing, so it is no phase of training; the pretrained model is the first.
    return ["pretrained model", *(p for p in recipe.phases if "evaluation" not in p)]


def _languages(recipe: Recipe) -> list[str]:
    if recipe.languages is not None:
        return sorted(recipe.languages)
    return sorted({code for name in recipe.targets for code in _task(name).languages})


_FACTS: dict[str, Callable[[Recipe], Sequence[str]]] = {
    # Hubs put an owner before the name, papers do not.
    "model": lambda recipe: [recipe.model.name.rpartition("/")[2]],
    "intermediate_tasks": _intermediates,
    "intermediate_languages": lambda recipe: list(recipe.intermediate_languages),
    "intermediate_formats": lambda recipe: _formats(_intermediates(recipe)),
    "training_modes": _modes,
    "phases": _phases,
    "target_tasks": lambda recipe: list(recipe.targets),
    "target_languages": _languages,
    "target_formats": lambda recipe: _formats(recipe.targets),
    "target_training_languages": lambda recipe: ["en"],
    "seeds": lambda recipe: [str(seed) for seed in recipe.seeds],
    "intermediate_variants": lambda recipe: list(recipe.variants),
}
