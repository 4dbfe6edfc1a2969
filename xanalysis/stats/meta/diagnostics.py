"""Sensitivity of a meta-analysis: one effect at a time, subgroups, funnel asymmetry."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.stats import chi2, t

from xanalysis.errors import InputError
from xanalysis.stats.meta import heterogeneity as het
from xanalysis.stats.meta.fitting import analyse

if TYPE_CHECKING:
    from xanalysis.stats.meta.given import Input
    from xanalysis.stats.meta.result import Pooled


def leave_one_out(result: Pooled) -> pd.DataFrame:
    """The analysis without each effect (each outermost group, in a nested model).

    Returns:
        ``without``, then estimate, se, p, low, high, tau2 and Q of what is left. A row is NaN where
        too little is left.
    """
    given = result.given
    if given.groups:
        numbers = given.groups[0]
        labels = [
            given.names[int(np.flatnonzero(numbers == g)[0])] for g in range(numbers.max() + 1)
        ]
        parts = [(label, numbers == g) for g, label in enumerate(labels)]
    else:
        parts = [(name, np.arange(result.k) == i) for i, name in enumerate(given.names)]
    rows = []
    for name, gone in parts:
        left = _left(result, gone)
        values = [np.nan] * 7
        if left is not None:
            first = left.coefficients.iloc[0]
            values = [float(first[c]) for c in ("estimate", "se", "p", "low", "high")]
            values += [left.tau2, left.q[0]]
        rows.append([name, *values])
    columns = ["without", "estimate", "se", "p", "low", "high", "tau2", "Q"]
    return pd.DataFrame(rows, columns=columns)


def influence(result: Pooled) -> pd.DataFrame:
    """How much each effect pulls at the result (Viechtbauer and Cheung 2010, doi:10.1002/jrsm.11).

    Returns:
        Per effect: ``rstudent`` (its distance from the prediction of the others, in standard
        errors), ``hat``, ``cook`` (squared distance between the coefficients with and without it),
        ``covratio`` (determinants of their covariance, without over with), ``tau2`` and ``Q``
        without it, and ``dfbetas`` of the first coefficient.

    Raises:
        InputError: The model is nested (leave out whole groups there).
    """
    given = result.given
    if given.groups:
        raise InputError("influence is for effects that are not nested; use leave_one_out")
    full = het.fit(given.y, given.v, given.x, result.tau2)
    hat = np.einsum("ij,jk,ik->i", given.x, full.inverse, given.x) * full.weights
    scale = _scale(result)
    covariance = full.inverse * scale
    rows = []
    for i, name in enumerate(given.names):
        left = _left(result, np.arange(result.k) == i)
        if left is None:
            rows.append([name, np.nan, hat[i], *[np.nan] * 5])
            continue
        rest = left.given
        fit = het.fit(rest.y, rest.v, rest.x, left.tau2)
        other = fit.inverse * _scale(left)
        x = given.x[i]
        residual = given.y[i] - x @ fit.beta
        spread = np.sqrt(given.v[i] + left.tau2 + x @ other @ x)
        change = full.beta - fit.beta
        rows.append(
            [
                name,
                residual / spread,
                hat[i],
                change @ np.linalg.solve(covariance, change),
                np.linalg.det(other) / np.linalg.det(covariance),
                left.tau2,
                left.q[0],
                change[0] / np.sqrt(_scale(left) * _inverse_at(given, left.tau2)[0, 0]),
            ]
        )
    columns = ["name", "rstudent", "hat", "cook", "covratio", "tau2", "Q", "dfbetas"]
    return pd.DataFrame(rows, columns=columns)


def egger(result: Pooled) -> pd.Series:
    """Egger's test (1997): weighted regression of effects on their standard errors.

    Returns:
        estimate (slope), se, statistic, df, p, and ``limit``: the effect at a standard error of 0.

    Raises:
        InputError: Fewer than three effects, or all standard errors are equal.
    """
    given = result.given
    if result.k < 3:
        raise InputError(f"{result.k} effects", expected="at least 3 for Egger's test")
    errors = np.sqrt(given.v)
    if np.ptp(errors) < 1e-9 * errors.max():
        raise InputError("all effects have the same standard error: no asymmetry can be seen")
    x = np.column_stack([np.ones(result.k), errors])
    at = het.fit(given.y, given.v, x, 0.0)
    df = result.k - 2
    covariance = at.inverse * at.q / df
    statistic = at.beta[1] / np.sqrt(covariance[1, 1])
    return pd.Series(
        {
            "estimate": at.beta[1],
            "se": np.sqrt(covariance[1, 1]),
            "statistic": statistic,
            "df": df,
            "p": 2 * t.sf(abs(statistic), df),
            "limit": at.beta[0],
        }
    )


def subgroups(result: Pooled, by: Sequence[object]) -> pd.DataFrame:
    """A meta-analysis per subgroup, each with its own tau², and Q between them.

    Args:
        result: An analysis without moderators.
        by: The subgroup of each effect.

    Returns:
        Per subgroup: ``group``, k, estimate, se, low, high, tau2, I2; ``attrs`` has ``Q``, ``df``
        and ``p`` of the test between subgroups. A subgroup of one effect stands with that effect
        alone (``tau2`` NaN).

    Raises:
        InputError: There are moderators, the numbers differ, or there is one subgroup.
    """
    given = result.given
    labels = np.array([str(label) for label in by])
    if len(labels) != result.k:
        raise InputError(f"{result.k} effects but {len(labels)} subgroup labels")
    if len(given.terms) > 1:
        raise InputError("subgroups are for an analysis without moderators")
    groups = list(dict.fromkeys(labels))
    if len(groups) < 2:
        raise InputError(f"there is one subgroup ('{groups[0]}')", expected="at least two")
    rows = []
    for group in groups:
        inside = labels == group
        part = given.select(inside)
        if inside.sum() == 1:
            se = float(np.sqrt(part.v[0]))
            margin = float(t.ppf(0.5 + given.level / 2, np.inf)) * se
            effect = float(part.y[0])
            rows.append([group, 1, effect, se, effect - margin, effect + margin, np.nan, np.nan])
            continue
        if part.groups and part.groups[0].max() == 0:
            part = replace(part, groups=[], levels=[])
        fitted = analyse(part)
        first = fitted.coefficients.iloc[0]
        i2 = fitted.heterogeneity.set_index("quantity")["value"]["I2"]
        rows.append(
            [
                group,
                part.y.size,
                *first[["estimate", "se", "low", "high"]],
                fitted.tau2,
                i2,
            ]
        )
    columns = ["group", "k", "estimate", "se", "low", "high", "tau2", "I2"]
    frame = pd.DataFrame(rows, columns=columns)
    weights = 1 / frame["se"] ** 2
    mean = float((weights * frame["estimate"]).sum() / weights.sum())
    q = float((weights * (frame["estimate"] - mean) ** 2).sum())
    frame.attrs.update(Q=q, df=len(frame) - 1, p=float(chi2.sf(q, len(frame) - 1)))
    return frame


def _left(result: Pooled, gone: np.ndarray) -> Pooled | None:
    """The analysis of the rest, or None where it cannot be done."""
    rest = result.given.select(~gone)
    p = rest.x.shape[1]
    if len(rest.y) <= p or np.linalg.matrix_rank(rest.x) < p:
        return None
    if rest.groups and rest.groups[0].max() == 0:
        return None
    return analyse(rest)


def _scale(result: Pooled) -> float:
    """The factor of Knapp and Hartung that the result's standard errors carry."""
    given = result.given
    at = het.fit(given.y, given.v, given.x, result.tau2)
    return float((result.coefficients["se"].iloc[0] ** 2) / at.inverse[0, 0])


def _inverse_at(given: Input, tau2: float) -> np.ndarray:
    return het.fit(given.y, given.v, given.x, tau2).inverse
