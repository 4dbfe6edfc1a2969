"""Fit and test a meta-analysis."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import chi2, f, norm, t

from xanalysis.stats.meta import heterogeneity as het
from xanalysis.stats.meta.given import Input
from xanalysis.stats.meta.levels import fit_levels, robust
from xanalysis.stats.meta.result import Pooled

Vector = NDArray[np.float64]


def analyse(given: Input) -> Pooled:
    """Fit and test, nested or not."""
    return _nested(given) if given.groups else _ordinary(given)


def _ordinary(given: Input) -> Pooled:
    y, v, x = given.y, given.v, given.x
    k, p = x.shape
    tau2 = het.METHODS[given.method](y, v, x)
    at, fixed = het.fit(y, v, x, tau2), het.fit(y, v, x, 0.0)
    scale = 1.0
    if given.test in ("knapp-hartung", "adhoc"):
        # Hartung and Knapp (2001); adhoc (Roever et al. 2015) never makes an interval narrower.
        scale = at.q / (k - p)
        scale = max(1.0, scale) if given.test == "adhoc" else scale
    covariance = at.inverse * scale
    df = float("inf") if given.test == "z" else float(k - p)
    typical = (k - p) / het.trace_p(fixed, x)
    low, high = het.q_profile(y, v, x, given.level)
    if given.method == "FE":
        i2 = max(0.0, 100 * (fixed.q - (k - p)) / fixed.q) if fixed.q > 0 else 0.0
        rows = [("tau2", 0.0, np.nan, np.nan), ("tau", 0.0, np.nan, np.nan)]
        rows += [("I2", i2, np.nan, np.nan), ("H2", fixed.q / (k - p), np.nan, np.nan)]
    else:
        values = np.array([tau2, low, high])
        rows = [("tau2", *values), ("tau", *np.sqrt(values))]
        rows += [("I2", *(100 * values / (typical + values))), ("H2", *(1 + values / typical))]
    notes = list(given.notes)
    if tau2 == 0 and given.method != "FE":
        notes.append("tau² is estimated as 0: this is also what few or imprecise effects give")
    return Pooled(
        coefficients=_coefficients(given, at.beta, covariance, np.full(p, df)),
        heterogeneity=pd.DataFrame(rows, columns=["quantity", "value", "low", "high"]),
        prediction=_prediction(at.beta[0], covariance[0, 0], tau2, df, given.level),
        q=(fixed.q, k - p, float(chi2.sf(fixed.q, k - p))),
        moderators=_moderator_test(at.beta, covariance, df),
        effects=_effects(given, 100 * at.weights / at.weights.sum(), x @ at.beta),
        method=given.method,
        test=given.test,
        k=k,
        clusters=None,
        log_likelihood=het.log_likelihood(y, v, x, tau2, reml=given.method == "REML"),
        level=given.level,
        notes=tuple(notes),
        _input=given,
    )


# Tipton (2015, doi:10.1037/met0000011): with fewer, cluster-robust tests do not hold their level.
_FEWEST_DF = 4


def _nested(given: Input) -> Pooled:
    y, v, x = given.y, given.v, given.x
    k, p = x.shape
    levels = fit_levels(y, v, x, given.groups, method=given.method)
    count = len(levels.blocks)
    covariance, df = robust(y, x, levels)
    fixed = het.fit(y, v, x, 0.0)
    typical = (k - p) / het.trace_p(fixed, x)
    total = float(levels.components.sum())
    names = [*given.levels, "effect"]
    rows = [("tau2", total), ("tau", float(np.sqrt(total)))]
    rows += [(f"tau2[{n}]", float(c)) for n, c in zip(names, levels.components, strict=True)]
    rows += [("I2", 100 * total / (total + typical))]
    rows += [
        (f"I2[{name}]", 100 * float(c) / (total + typical))
        for name, c in zip(names, levels.components, strict=True)
    ]
    notes = list(given.notes)
    if df.min() < _FEWEST_DF:
        # So few clusters can agree by chance, and the robust error is then far too small.
        larger = np.sqrt(np.maximum(np.diag(levels.inverse) / np.diag(covariance), 1.0))
        covariance = covariance * np.outer(larger, larger)
        notes.append(
            f"{count} clusters leave {df.min():.1f} degrees of freedom: below {_FEWEST_DF} the "
            "larger of the cluster-robust and the model's standard error is taken, and p-values "
            "are rough"
        )
    weights = np.concatenate(
        [np.linalg.inv(c).sum(axis=0) for c in levels.covariances]
    )  # in the order of the blocks
    order = np.argsort(np.concatenate(levels.blocks))
    weights = weights[order]
    return Pooled(
        coefficients=_coefficients(given, levels.beta, covariance, df),
        heterogeneity=pd.DataFrame(
            [(*row, np.nan, np.nan) for row in rows], columns=["quantity", "value", "low", "high"]
        ),
        prediction=_prediction(levels.beta[0], covariance[0, 0], total, df[0], given.level),
        q=(fixed.q, k - p, float(chi2.sf(fixed.q, k - p))),
        moderators=_moderator_test(levels.beta, covariance, float(df[1:].min()) if p > 1 else 0.0),
        effects=_effects(given, 100 * weights / weights.sum(), x @ levels.beta),
        method=given.method,
        test="cluster-robust",
        k=k,
        clusters=count,
        log_likelihood=levels.log_likelihood,
        level=given.level,
        notes=tuple(notes),
        _input=given,
    )


def _coefficients(given: Input, beta: Vector, covariance: Vector, df: Vector) -> pd.DataFrame:
    se = np.sqrt(np.diag(covariance))
    statistic = beta / se
    margin = t.ppf(0.5 + given.level / 2, df) * se
    return pd.DataFrame(
        {
            "term": given.terms,
            "estimate": beta,
            "se": se,
            "df": df,
            "statistic": statistic,
            "p": 2 * t.sf(np.abs(statistic), df),
            "low": beta - margin,
            "high": beta + margin,
        }
    )


def _prediction(
    estimate: float, variance: float, tau2: float, df: float, level: float
) -> tuple[float, float]:
    """Where a further true effect lies (Higgins et al. 2009), with the test's own quantile."""
    quantile = norm.ppf(0.5 + level / 2) if np.isinf(df) else t.ppf(0.5 + level / 2, df)
    margin = float(quantile * np.sqrt(variance + tau2))
    return float(estimate - margin), float(estimate + margin)


def _moderator_test(beta: Vector, covariance: Vector, df: float) -> tuple[float, int, float] | None:
    """Wald test of all coefficients but the intercept: chi² for z, F otherwise."""
    m = len(beta) - 1
    if m == 0:
        return None
    value = float(beta[1:] @ np.linalg.solve(covariance[1:, 1:], beta[1:]))
    if np.isinf(df):
        return value, m, float(chi2.sf(value, m))
    return value / m, m, float(f.sf(value / m, m, df))


def _effects(given: Input, weights: Vector, fitted: Vector) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "name": given.names,
            "effect": given.y,
            "variance": given.v,
            "weight": weights,
            "fitted": fitted,
        }
    )
