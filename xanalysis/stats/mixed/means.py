"""Marginal means: averages of predictions over a grid of the factors, each level counted once."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, product
from typing import Any

import numpy as np
import pandas as pd
from formulaic.errors import FormulaicWarning
from numpy.typing import NDArray

from xanalysis.errors import InputError, unknown_name
from xanalysis.stats.mixed.design import Design, made_factors

Floats = NDArray[np.float64]

_MOST_CELLS = 200_000
# Values that a numeric column is tested at: more than a polynomial or spline has coefficients.
_VALUES = 12


@dataclass(frozen=True)
class Margins:
    """Combinations of the fixed effects that are marginal means.

    Attributes:
        labels: One row per mean: the levels of ``by``.
        rows: Coefficients by all fixed columns, shape (means, p); NaN where not estimable.
    """

    labels: pd.DataFrame
    rows: Floats

    @property
    def names(self) -> list[str]:
        """Name of each mean."""
        return [" ".join(str(v) for v in row) for row in self.labels.to_numpy()]


def factors(design: Design) -> dict[str, list[Any]]:
    """Levels of each categorical column of the fixed part, in order."""
    found: dict[str, list[Any]] = {}
    wrapped = made_factors(design.spec)
    for variable in design.spec.required_variables:
        name = str(variable)
        column = design.data[name]
        if isinstance(column.dtype, pd.CategoricalDtype):
            found[name] = list(column.cat.categories)
        elif (
            not pd.api.types.is_numeric_dtype(column.dtype)
            or pd.api.types.is_bool_dtype(column.dtype)
            or name in wrapped
        ):
            found[name] = sorted(column.unique())
    order = {name: i for i, name in enumerate(design.data.columns)}
    return dict(sorted(found.items(), key=lambda item: order[item[0]]))


def margins(
    design: Design, by: str | Sequence[str], at: Mapping[str, Any] | None = None
) -> Margins:
    """The combinations of fixed effects that are the marginal means of ``by``.

    Args:
        design: Design of the model.
        by: Column or columns of the fixed part; numeric ones need values in ``at``.
        at: Values at which columns are held: one value, or several for a column of ``by``. Numeric
            columns not named are held at their mean, factors averaged over all levels.

    Raises:
        InputError: A column is not in the fixed part, or the grid is too large.
    """
    names = [by] if isinstance(by, str) else list(by)
    labels, rows = _grid(design, names, at or {})
    if design.null.shape[1]:
        off = np.abs(rows @ design.null).max(axis=1) > 1e-8
        rows[off] = np.nan
    return Margins(labels, rows)


def _grid(
    design: Design, names: Sequence[str], at: Mapping[str, Any]
) -> tuple[pd.DataFrame, Floats]:
    """The levels of ``names`` and the mean row of fixed columns at each."""
    levels = factors(design)
    known = sorted(str(v) for v in design.spec.required_variables)
    given = {k: list(v) if isinstance(v, list | tuple) else [v] for k, v in at.items()}
    for name in (*names, *given):
        if name not in known:
            raise unknown_name("fixed effect", name, known)
    for name in names:
        if name not in levels and name not in given:
            raise InputError(
                f"'{name}' is numeric and has no levels", expected=f"values: at={{'{name}': [...]}}"
            )
    for name, values in given.items():
        for value in values:
            if name in levels and value not in levels[name]:
                raise unknown_name(f"level of '{name}'", str(value), map(str, levels[name]))
    axes = {
        name: given.get(name)
        or levels.get(name)
        or [float(design.data[name].to_numpy(dtype=float).mean())]
        for name in (*names, *(k for k in known if k not in names))
    }
    size = int(np.prod([len(axis) for axis in axes.values()]))
    if size > _MOST_CELLS:
        raise InputError(f"the grid of {', '.join(axes)} has {size} cells, more than {_MOST_CELLS}")
    grid = pd.DataFrame(list(product(*axes.values())), columns=list(axes))
    x = new_rows(design, grid)
    means = int(np.prod([len(axes[name]) for name in names])) if names else 1
    rows = x.reshape(means, -1, x.shape[1]).mean(axis=1)
    return grid[list(names)].iloc[:: size // means].reset_index(drop=True), rows


def terms(design: Design) -> list[tuple[str, Floats]]:
    """Per term of the fixed part its name and the combinations that are zero if it has no effect.

    Those are the interaction contrasts of the marginal means of its columns, as far as the data
    determine them; a numeric column stands for a factor with values over its range.
    """
    levels = factors(design)
    order = {name: i for i, name in enumerate(design.data.columns)}
    sets = [
        tuple(sorted(map(str, variables & design.spec.required_variables), key=order.__getitem__))
        for variables in design.spec.term_variables.values()
    ]
    found = []
    for names in dict.fromkeys(names for names in sets if names):
        ranges = {name: design.data[name].to_numpy() for name in names if name not in levels}
        at = {k: np.linspace(v.min(), v.max(), _VALUES).tolist() for k, v in ranges.items()}
        rows = _grid(design, names, at)[1]
        differences: Floats = np.ones((1, 1))
        for name in names:
            count = len(at.get(name) or levels[name])
            from_first = np.column_stack([-np.ones(count - 1), np.eye(count - 1)])
            differences = np.asarray(np.kron(differences, from_first), dtype=np.float64)
        rows = differences @ rows
        if design.null.shape[1]:
            left, sizes, _ = np.linalg.svd(rows @ design.null)
            rows = left[:, int((sizes > 1e-8).sum()) :].T @ rows
        found.append((":".join(names), rows))
    return found


def new_rows(design: Design, data: pd.DataFrame) -> Floats:
    """All fixed columns for new data, shape (rows, columns before any was left out).

    Raises:
        InputError: A column is missing, or a factor has a level that the model has not seen.
    """
    for variable in design.spec.required_variables:
        name = str(variable)
        if name not in data.columns:
            raise unknown_name("column", name, [str(c) for c in data.columns])
    for name, levels in factors(design).items():
        seen = set(levels)
        for value in data[name].dropna().unique():
            if value not in seen:
                raise unknown_name(f"level of '{name}'", str(value), map(str, levels))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FormulaicWarning)
        matrix = design.spec.get_model_matrix(data, context={}, na_action="ignore")
    found: Floats = matrix.to_numpy(dtype=float)
    used = [str(variable) for variable in design.spec.required_variables]
    found[data[used].isna().any(axis=1).to_numpy()] = np.nan
    return found


def pairwise(
    found: Margins, within: Sequence[str] = (), against: Any = None
) -> tuple[pd.DataFrame, Floats, list[list[int]]]:
    """All differences of two means, in order; ``within`` keeps to pairs that share its levels.

    With ``against``, the level (or levels) of one mean, only the differences of others from it.

    Returns:
        Labels (``within``'s levels, contrast), the combinations, and which belong to one family.
    """
    names, labels = found.names, found.labels
    keep = [name for name in labels.columns if name not in within]
    if within:
        names = [" ".join(str(v) for v in row) for row in labels[keep].to_numpy()]
        places = [list(g) for g in labels.groupby(list(within), sort=False).indices.values()]
    else:
        places = [list(range(len(names)))]
    rows: list[Floats] = []
    text: list[dict[str, Any]] = []
    families: list[list[int]] = []
    for family in places:
        pairs = list(combinations(family, 2))
        if against is not None:
            wanted = " ".join(map(str, against)) if isinstance(against, tuple) else str(against)
            if wanted not in [names[i] for i in family]:
                raise unknown_name("level", wanted, [names[i] for i in family])
            pairs = [(i, j) for i in family for j in family if names[j] == wanted and i != j]
        families.append(list(range(len(rows), len(rows) + len(pairs))))
        for i, j in pairs:
            rows.append(found.rows[i] - found.rows[j])
            shared = {name: labels[name].iloc[i] for name in within}
            text.append({**shared, "contrast": f"{names[i]} - {names[j]}"})
    width = found.rows.shape[1]
    frame = pd.DataFrame(text, columns=[*within, "contrast"])
    return frame, np.array(rows).reshape(-1, width), families
