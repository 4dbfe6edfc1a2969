"""From a formula and a table to numbers: response, fixed columns, groups and weights."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

import numpy as np
import pandas as pd
from formulaic import Formula
from formulaic.errors import FormulaicError
from numpy.typing import NDArray

from xanalysis.errors import InputError, unknown_name
from xanalysis.stats.mixed.formula import MixedFormula, RandomTerm
from xanalysis.stats.mixed.rows import Weights, complete, count, residual_weights

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]

# lme4's tolerance for a fixed column that depends on those before it.
_RANK_TOLERANCE = 1e-7
ROW = "Residual"


@dataclass(frozen=True)
class Group:
    """The random coefficients of one term.

    Attributes:
        name: Name of the group: ``target:language``.
        columns: Names of the k coefficients: ``("Intercept", "distance")``.
        levels: Names of the levels that occur in the data.
        codes: Level of each row, shape (n,).
        values: Value of each column in each row, shape (n, k).
        factors: Columns of the data whose combinations are the levels.
        spec: formulaic's recipe of the columns, for new data; None for an intercept.
        root: Factor C of a known covariance C C' between the levels, or None for independence.
        residual: The group is the rows themselves: noise on top of known sampling variances.
    """

    name: str
    columns: tuple[str, ...]
    levels: tuple[str, ...]
    codes: Ints
    values: Floats
    factors: tuple[str, ...] = ()
    spec: Any = None
    root: Floats | None = None
    residual: bool = False


@dataclass(frozen=True)
class Design:
    """What a model is fitted to, after rows with missing values were dropped.

    Attributes:
        formula: The formula taken apart.
        data: The rows used.
        y: Response, shape (n,).
        x: Fixed columns that can be estimated, shape (n, p).
        names: Their names.
        aliased: Names of fixed columns that depend on those before them and were left out.
        kept: Positions of ``names`` among all fixed columns.
        null: Basis of the combinations of all fixed columns that the data cannot tell from zero.
        groups: Random terms.
        weights: Weight of each row: the residual variance is sigma² / weight.
        sigma2: The mean of known sampling variances, over which ``weights`` are inverse to them;
            None where sigma² is estimated.
        dropped: One row per dropped row: ``row`` (index label) and ``reason``.
        spec: formulaic's recipe of the fixed columns, for new data.
        notes: What a reader should know about the design.
    """

    formula: MixedFormula
    data: pd.DataFrame
    y: Floats
    x: Floats
    names: tuple[str, ...]
    aliased: tuple[str, ...]
    kept: Ints
    null: Floats
    groups: tuple[Group, ...]
    weights: Floats
    sigma2: float | None
    dropped: pd.DataFrame
    spec: Any
    notes: tuple[str, ...] = field(default=())


def build(
    formula: MixedFormula,
    data: pd.DataFrame,
    *,
    weights: Weights | None = None,
    variances: Weights | None = None,
    covariance: Mapping[str, Any] | None = None,
    residual: bool = True,
) -> Design:
    """The design of a model.

    Raises:
        InputError: A column is unknown, infinite or of the wrong kind, a group or a factor has one
            level, the response is constant, or there are more parameters than rows.
    """
    data, dropped = complete(formula, data, weights, variances)
    if len(data) == 0 and not len(dropped):
        raise InputError("the data have no rows")
    if len(data) == 0:
        raise InputError(f"no row is left for '{formula.text}' after {count(dropped)}")
    weight, sigma2 = residual_weights(data, weights is not None, variances is not None)
    y, x_all, names, spec = _fixed(formula, data)
    n = len(y)
    if np.ptp(y) <= 1e-13 * max(1.0, float(np.abs(y).max())):
        raise InputError(
            f"the response '{formula.response}' is constant ({y[0]:g} in all {n} rows), "
            "so there is nothing to model"
        )
    kept, null = _independent(x_all * np.sqrt(weight)[:, None])
    x = np.ascontiguousarray(x_all[:, kept])
    p = x.shape[1]
    if p == 0:
        raise InputError(f"formula '{formula.text}' has no fixed effect that can be estimated")
    if p >= n:
        raise InputError(f"more parameters than rows: {p} fixed effects for {n} rows")
    known = variances is not None
    related = covariance or {}
    groups = [
        _group(term, formula, data, n, known or term.group in related) for term in formula.random
    ]
    groups = _relate(groups, related, formula)
    known_apart = [_told_apart(group, x) for group in groups]
    fixed_too = [group.name for group, apart in zip(groups, known_apart, strict=True) if apart]
    groups = [group for group, apart in zip(groups, known_apart, strict=True) if not apart]
    if known and residual:
        rows = tuple(str(label) for label in data.index)
        groups.append(
            Group(ROW, ("",), rows, np.arange(n, dtype=np.intp), np.ones((n, 1)), residual=True)
        )
    aliased = tuple(name for j, name in enumerate(names) if j not in set(kept.tolist()))
    notes = []
    if len(dropped):
        notes.append(count(dropped))
    if aliased:
        notes.append(f"not estimable, left out: {', '.join(aliased)}")
    notes += [
        f"(1 | {name}) is left out: the fixed effects tell its levels apart, and so speak of these "
        "levels only"
        for name in fixed_too
    ]
    return Design(
        formula=formula,
        data=data,
        y=y,
        x=x,
        names=tuple(names[j] for j in kept),
        aliased=aliased,
        kept=kept,
        null=null,
        groups=tuple(groups),
        weights=weight,
        sigma2=sigma2,
        dropped=dropped,
        spec=spec,
        notes=tuple(notes),
    )


def _matrix(part: str, formula: MixedFormula, data: pd.DataFrame) -> Any:
    try:
        with np.errstate(all="ignore"):  # what is not finite is reported by name
            return Formula(part).get_model_matrix(data, context={}, na_action="ignore")
    except (FormulaicError, TypeError, ValueError, KeyError, NameError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(f"cannot evaluate '{part}' of '{formula.text}': {reason}") from error


def _finite(values: Floats, names: Sequence[str], formula: MixedFormula) -> None:
    bad = ~np.isfinite(values).all(axis=0)
    if bad.any():
        raise InputError(
            f"'{names[int(bad.argmax())]}' is not finite in some rows of '{formula.text}'",
            expected="a transform that is defined for every row",
        )


def readable(name: str) -> str:
    """``C(family, contr.treatment('IE'))[T.Uralic]`` is shown as ``family[Uralic]``."""
    return re.sub(r"C\(([^,()[\]]+)(, [^[\]]*)?\)\[", r"\1[", name.replace("[T.", "["))


def _fixed(
    formula: MixedFormula, data: pd.DataFrame
) -> tuple[Floats, Floats, tuple[str, ...], Any]:
    for name in formula.columns():
        column = data[name]
        numeric = pd.api.types.is_numeric_dtype(column.dtype)
        if not numeric and name not in {f for t in formula.random for f in t.factors}:
            _at_least_two(name, column)
        if not numeric and name in formula.response_columns():
            raise InputError(f"the response '{name}' is no number but '{column.iloc[0]}'")
    response = _matrix(f"0 + {formula.response}", formula, data)
    if response.shape[1] != 1:
        raise InputError(
            f"the response '{formula.response}' gives {response.shape[1]} columns",
            expected="one numeric column",
        )
    y = response.iloc[:, 0].to_numpy(dtype=float)
    _finite(y[:, None], [formula.response], formula)
    fixed = _matrix(formula.fixed, formula, data)
    x = fixed.to_numpy(dtype=float)
    names = tuple(readable(str(c)) for c in fixed.columns)
    _finite(x, names, formula)
    for name in made_factors(fixed.model_spec):
        _at_least_two(name, data[name])
    return y, x, names, fixed.model_spec


def _at_least_two(name: str, column: pd.Series) -> None:
    levels = column.unique()
    if len(levels) == 1:
        raise InputError(
            f"'{name}' has one level ('{levels[0]}') in the rows used, "
            "so it has no effect to estimate",
            expected="at least two levels, or a formula without it",
        )


def made_factors(spec: Any) -> set[str]:
    """Columns that the formula makes factors of, as ``C(seed)``."""
    made = [v for name, v in spec.factor_variables.items() if str(name).startswith("C(")]
    return {str(v) for v in set().union(*made) & spec.required_variables}


def _independent(x: Floats) -> tuple[Ints, Floats]:
    """Columns that do not depend on those before them, and a basis of the null space of ``x``."""
    if not x.shape[1]:
        return np.zeros(0, dtype=np.intp), np.zeros((0, 0))
    lengths = np.linalg.norm(x, axis=0)
    scaled = x / np.where(lengths > 0, lengths, 1.0)
    r = cast(Floats, np.linalg.qr(scaled, mode="r"))
    kept: list[int] = []
    basis = np.zeros((r.shape[0], 0))
    null = []
    for j in range(r.shape[1]):
        rest = r[:, j] - basis @ (basis.T @ r[:, j])
        rest = rest - basis @ (basis.T @ rest)
        length = float(np.linalg.norm(rest))
        if lengths[j] > 0 and length > _RANK_TOLERANCE:
            kept.append(j)
            basis = np.column_stack([basis, rest / length])
            continue
        direction = np.zeros(r.shape[1])
        direction[j] = 1.0
        if lengths[j] > 0 and kept:
            direction[kept] = -np.linalg.lstsq(r[:, kept], r[:, j], rcond=None)[0]
        direction /= np.where(lengths > 0, lengths, 1.0)
        null.append(direction / np.linalg.norm(direction))
    return np.array(kept, dtype=np.intp), np.array(null).reshape(-1, x.shape[1]).T


def levels_of(data: pd.DataFrame, factors: Sequence[str]) -> tuple[Ints, tuple[str, ...]]:
    """Level of each row and the names of the levels that occur, in order."""
    codes = np.zeros(len(data), dtype=np.intp)
    names: list[str] = [""]
    for i, factor in enumerate(factors):
        column = data[factor]
        if isinstance(column.dtype, pd.CategoricalDtype):
            own = column.cat.codes.to_numpy().astype(np.intp)
            labels = [str(c) for c in column.cat.categories]
        else:
            if column.dtype == object:
                column = column.astype(str)
            own, unique = pd.factorize(column, sort=True)
            labels = [str(c) for c in unique]
        if i == 0:
            codes, names = own.astype(np.intp), labels
            continue
        pairs, codes = np.unique(codes * len(labels) + own, return_inverse=True)
        names = [f"{names[p // len(labels)]}:{labels[p % len(labels)]}" for p in pairs]
    return codes, tuple(names)


def _group(
    term: RandomTerm, formula: MixedFormula, data: pd.DataFrame, n: int, told_apart: bool
) -> Group:
    codes, levels = levels_of(data, term.factors)
    if len(levels) < 2:
        raise InputError(
            f"group '{term.group}' has one level ('{levels[0]}'): "
            "no variance between levels can be estimated",
            expected="at least two levels, or a formula without it",
        )
    names: tuple[str, ...]
    if term.columns == "1":
        names, values, spec = ("Intercept",), np.ones((n, 1)), None
    else:
        matrix = _matrix(term.columns, formula, data)
        values, spec = matrix.to_numpy(dtype=float), matrix.model_spec
        names = tuple(readable(str(c)) for c in matrix.columns)
        _finite(values, names, formula)
    if not names:
        raise InputError(f"({term.columns} | {term.group}) has no column")
    # Known variances, or a known covariance between the levels, tell the effects from the residual.
    if len(levels) * len(names) >= n and not told_apart:
        raise InputError(
            f"({term.columns} | {term.group}) has {len(levels) * len(names)} random effects for "
            f"{n} rows, which the residual cannot be told from",
            expected="fewer random effects than rows, or known variances",
        )
    return Group(term.group, names, levels, codes, values, term.factors, spec)


def _told_apart(group: Group, x: Floats) -> bool:
    """The fixed effects tell all levels apart, so that no variance is left to estimate."""
    if group.columns != ("Intercept",) or len(group.levels) > x.shape[1]:
        return False
    z = (group.codes[:, None] == np.arange(len(group.levels))).astype(float)
    return bool(np.abs(z - x @ np.linalg.lstsq(x, z, rcond=None)[0]).max() < 1e-8)


def _relate(
    groups: Sequence[Group], covariance: Mapping[str, Any], formula: MixedFormula
) -> list[Group]:
    """Attach the known covariance between levels to the groups it is given for."""
    known = [group.name for group in groups]
    for name in covariance:
        if name not in known:
            raise unknown_name("group", str(name), known)
    found = []
    for group in groups:
        if group.name not in covariance:
            found.append(group)
            continue
        root = _root(group, covariance[group.name])
        found.append(replace(group, root=root))
    return found


def _root(group: Group, matrix: Any) -> Floats:
    """C with C C' the known covariance of the levels in the data."""
    if not isinstance(matrix, pd.DataFrame):
        raise InputError(
            f"covariance of '{group.name}' is a {type(matrix).__name__}",
            expected="a DataFrame whose index and columns are the levels",
        )
    labelled = matrix.set_axis([str(i) for i in matrix.index], axis=0)
    labelled = labelled.set_axis([str(c) for c in matrix.columns], axis=1)
    for axis in (labelled.index, labelled.columns):
        missing = [level for level in group.levels if level not in set(axis)]
        if missing:
            raise InputError(
                f"covariance of '{group.name}' lacks {len(missing)} levels of the data, "
                f"'{missing[0]}' for one"
            )
        if axis.has_duplicates:
            raise InputError(f"covariance of '{group.name}' names a level twice")
    values = labelled.loc[list(group.levels), list(group.levels)].to_numpy(dtype=float)
    if not np.isfinite(values).all() or not np.allclose(values, values.T, atol=1e-10):
        raise InputError(f"covariance of '{group.name}' is not finite and symmetric")
    variances, directions = np.linalg.eigh((values + values.T) / 2)
    if variances[0] < -1e-8 * max(variances[-1], 0.0) or variances[-1] <= 0:
        raise InputError(
            f"covariance of '{group.name}' has a negative eigenvalue ({variances[0]:.3g})",
            expected="a positive semidefinite matrix",
        )
    if variances[0] > 1e-12 * variances[-1]:
        return np.linalg.cholesky((values + values.T) / 2)
    root: Floats = directions * np.sqrt(np.clip(variances, 0.0, None))
    return root
