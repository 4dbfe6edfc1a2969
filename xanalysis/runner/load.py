"""Reading a recipe: what cannot be is refused with file and line."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from xanalysis import yamlio
from xanalysis.errors import InputError
from xanalysis.runner.checks import problems
from xanalysis.runner.recipe import Recipe, Setup, merged
from xanalysis.tasks.data import check_splits

_NAME = re.compile(r"[a-z0-9][a-z0-9_.+-]*\Z")


def load_recipe(path: str | Path) -> Recipe:
    """Read and check a recipe.

    Args:
        path: A YAML file.

    Returns:
        The recipe, its name filled in.

    Raises:
        InputError: With file and line: a key, task, language or combination that cannot be.
    """
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
