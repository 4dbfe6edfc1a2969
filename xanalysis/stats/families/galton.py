"""Galton's problem: related languages are not independent. How much does each estimate move?

Every estimate is computed on the language means four times: as if languages were independent, with
a random effect of the family, with genera nested in families, and with a covariance along
Glottolog's tree. An estimate that only holds in the first row is an artefact of relatedness.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy.stats import t

from xanalysis.errors import InputError
from xanalysis.stats.families.relatedness import morans_i, tree_covariance
from xanalysis.stats.families.units import Units
from xanalysis.stats.mixed import MixedModel, fit_mixed
from xanalysis.stats.pairs import RunError

ACCOUNTINGS = {
    "none": "",
    "family": "(1|family)",
    "family > genus": "(1|family/genus)",
    "tree": "(1|language)",
}
COVARIATES = {
    "syntactic distance": "syntactic",
    "geographic distance": "geographic",
    "log10 of CC-100 GiB": "log_cc100",
}
_COLUMNS = ["estimate", "accounting", "languages", "value", "se", "df", "p", "low", "high"]


def galton_table(base: Units, *, level: float = 0.95, notes: list[str]) -> pd.DataFrame:
    """The mean gain and the slopes of covariates under each accounting for relatedness.

    Slopes are points per standard deviation of the covariate. Standard errors and df are
    Kenward-Roger's.

    Args:
        base: The comparison's languages.
        level: Of the intervals.
        notes: Appended to, where an estimate cannot be had.

    Returns:
        estimate, accounting, languages, value, se, df, p, low, high and ``related``: the share of
        the variance between languages that relatedness takes up.
    """
    languages = base.languages.assign(log_cc100=np.log10(base.languages["cc100_gib"]))
    rows: list[list[object]] = []
    for label, column in {"mean gain": None, **COVARIATES}.items():
        part = languages if column is None else languages[languages[column].notna()].copy()
        lost = len(languages) - len(part)
        if lost:
            many = "1 language" if lost == 1 else f"{lost} languages"
            notes.append(f"{label}: {many} without a value left out of the Galton table")
        if column is not None:
            spread = float(part[column].std()) if len(part) > 1 else 0.0
            if len(part) < 5 or not spread > 1e-9:
                notes.append(f"{label}: too few languages or no variation, so no slope")
                continue
            part["x"] = (part[column] - part[column].mean()) / spread
        for accounting in ACCOUNTINGS:
            try:
                found = accounted(part, accounting, slope=column is not None, level=level)
            except InputError as error:
                notes.append(f"{label}, {accounting}: {error.message}")
                continue
            if column is None:
                found = _with_runs(found, base.run_error, level)
            rows.append([label, accounting, len(part), *found])
    return pd.DataFrame(rows, columns=[*_COLUMNS, "related"])


def accounted(
    languages: pd.DataFrame, accounting: str, *, slope: bool, level: float = 0.95
) -> tuple[float, ...]:
    """One estimate under one accounting.

    Args:
        languages: ``language``, ``mean``, ``family``, ``genus`` and, for a slope, ``x``.
        accounting: One of ``ACCOUNTINGS``.
        slope: The slope of ``x`` rather than the mean.
        level: Of the interval.

    Returns:
        value, se, df, p, low, high, and the share of variance taken up by relatedness.

    Raises:
        InputError: The model cannot be fitted to these languages.
    """
    fixed = "mean ~ x" if slope else "mean ~ 1"
    if accounting == "none":
        return (*_independent(languages, slope, level), float("nan"))
    covariance: Mapping[str, pd.DataFrame] | None = None
    if accounting == "tree":
        covariance = {"language": tree_covariance(list(languages["language"]))}
    model = fit_mixed(f"{fixed} + {ACCOUNTINGS[accounting]}", languages, covariance=covariance)
    table = model.coefficient_table(method="kenward-roger", level=level)
    row = table.iloc[-1 if slope else 0]
    values = tuple(float(row[c]) for c in ("estimate", "se", "df", "p", "low", "high"))
    return (*values, _share(model))


def _with_runs(found: tuple[float, ...], runs: RunError, level: float) -> tuple[float, ...]:
    """A mean's numbers with the error of runs in them; slopes do not have it."""
    value, se, df, _, _, _, related = found
    se, df = runs.widen(se, df)
    margin = float(t.ppf(0.5 + level / 2, df)) * se
    p = 2 * float(t.sf(abs(value / se), df)) if se > 0 else float("nan")
    return value, se, df, p, value - margin, value + margin, related


def moran_table(base: Units, *, notes: list[str], permutations: int = 999) -> pd.DataFrame:
    """Moran's I of the language means, and of what is left of them after their families' means."""
    languages = base.languages
    left = languages["mean"] - languages.groupby("group")["mean"].transform("mean")
    rows = []
    for kind in ("genetic", "geographic"):
        for what, values in (("gains", languages["mean"]), ("after families", left)):
            try:
                found = morans_i(
                    values.to_numpy(np.float64),
                    list(languages["language"]),
                    kind=kind,
                    permutations=permutations,
                )
            except InputError as error:
                notes.append(f"Moran's I of {what} by {kind} distance: {error.message}")
                continue
            rows.append([kind, what, found.value, found.expected, found.p])
    return pd.DataFrame(rows, columns=["distance", "what", "value", "expected", "p"])


def _independent(languages: pd.DataFrame, slope: bool, level: float) -> tuple[float, ...]:
    """Least squares, languages independent."""
    y = languages["mean"].to_numpy(np.float64)
    columns = [np.ones(len(y)), languages["x"].to_numpy(np.float64)] if slope else [np.ones(len(y))]
    x = np.column_stack(columns)
    df = len(y) - x.shape[1]
    if df < 1:
        raise InputError(f"{len(y)} languages are too few")
    inverse = np.linalg.inv(x.T @ x)
    beta = inverse @ x.T @ y
    variance = float(np.sum((y - x @ beta) ** 2) / df)
    value, se = float(beta[-1]), float(np.sqrt(variance * inverse[-1, -1]))
    margin = float(t.ppf(0.5 + level / 2, df)) * se
    p = 2 * float(t.sf(abs(value / se), df)) if se > 0 else float("nan")
    return value, se, float(df), p, value - margin, value + margin


def _share(model: MixedModel) -> float:
    variances = model.variances.set_index("group")["variance"]
    total = float(variances.sum())
    return float(1 - variances["Residual"] / total) if total > 0 else 0.0
