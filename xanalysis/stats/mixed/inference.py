"""Standard errors and degrees of freedom of linear combinations of the fixed effects.

Satterthwaite as in lmerTest (Kuznetsova, Brockhoff, Christensen 2017, doi:10.18637/jss.v082.i13);
Kenward-Roger (1997, doi:10.2307/2533558) lies in :mod:`xanalysis.stats.mixed.kenward`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from xanalysis.errors import InputError
from xanalysis.stats.mixed.deviance import Evaluation, entries, evaluate, off_bounds
from xanalysis.stats.mixed.threads import one_thread

Floats = NDArray[np.float64]

# Eigenvalues of the Hessian below this are directions that the data say nothing about.
_FLAT = 1e-8
# Derivatives are taken so far off the bound of a relative standard deviation.
_OFF = 1e-4


@dataclass(frozen=True)
class FTest:
    """A joint test that several combinations are zero.

    Attributes:
        statistic: F.
        numerator: Independent combinations.
        denominator: Denominator degrees of freedom.
        p: p-value.
    """

    statistic: float
    numerator: int
    denominator: float
    p: float


class Inference(Protocol):
    """How estimates become standard errors and degrees of freedom."""

    @property
    def covariance(self) -> Floats:
        """Covariance of the fixed effects, shape (p, p)."""
        ...

    def df(self, combination: Floats) -> float:
        """Degrees of freedom of one combination of the fixed effects, shape (p,)."""
        ...

    def joint(self, combinations: Floats, estimates: Floats) -> FTest:
        """Test that combinations, shape (r, p), with these estimates are all zero."""
        ...


def independent_rows(combinations: Floats, covariance: Floats) -> tuple[Floats, Floats]:
    """Eigenvalues above zero and eigenvectors (columns) of the covariance of combinations."""
    values, vectors = np.linalg.eigh(combinations @ covariance @ combinations.T)
    keep = values > 1e-10 * max(float(values.max(initial=0.0)), 1e-300)
    return values[keep], vectors[:, keep]


@dataclass(frozen=True)
class FixedDf:
    """The same degrees of freedom for everything: n − p, or infinite (normal)."""

    covariance: Floats
    degrees: float

    def df(self, combination: Floats) -> float:
        """Degrees of freedom of one combination."""
        return self.degrees

    def joint(self, combinations: Floats, estimates: Floats) -> FTest:
        """F-test of several combinations."""
        values, vectors = independent_rows(combinations, self.covariance)
        f = float(((vectors.T @ estimates) ** 2 / values).mean())
        return FTest(f, len(values), self.degrees, f_tail(f, len(values), self.degrees))


class Satterthwaite:
    """Degrees of freedom from the variance of the estimated variance of a combination.

    Args:
        evaluation: The model at its optimum.
        reml: Restricted likelihood.
    """

    def __init__(self, evaluation: Evaluation, reml: bool) -> None:
        products = evaluation.products
        s2 = evaluation.sigma2(reml)
        basis = products.basis
        relative = basis @ evaluation.inverse_xvx @ basis.T
        self.covariance: Floats = s2 * relative
        slopes = [s2 * basis @ d @ basis.T for d in _slopes(evaluation)]
        if products.sigma2 is None:
            slopes.append(2.0 * np.sqrt(s2) * relative)
        self._slopes = np.array(slopes).reshape(-1, *relative.shape)
        with one_thread(products.widest):
            hessian = _hessian(evaluation, reml)
        values, vectors = np.linalg.eigh(hessian)
        keep = values > _FLAT
        self._uncertainty = 2.0 * (vectors[:, keep] / values[keep]) @ vectors[:, keep].T

    def df(self, combination: Floats) -> float:
        """Degrees of freedom of one combination."""
        variance = float(combination @ self.covariance @ combination)
        slope = self._slopes @ combination @ combination
        spread = float(slope @ self._uncertainty @ slope)
        return 2.0 * variance**2 / spread if spread > 0 else np.inf

    def joint(self, combinations: Floats, estimates: Floats) -> FTest:
        """F-test of several combinations, by their independent directions (Fai and Cornelius)."""
        values, vectors = independent_rows(combinations, self.covariance)
        q = len(values)
        f = float(((vectors.T @ estimates) ** 2 / values).mean())
        each = np.array([self.df(row) for row in vectors.T @ combinations])
        if np.ptp(each) < 1e-8:
            degrees = float(each.mean())
        elif (each <= 2).any():
            degrees = 2.0
        else:
            total = float((each / (each - 2)).sum())
            degrees = 2.0 * total / (total - q)
        return FTest(f, q, degrees, f_tail(f, q, degrees))


def estimates(inference: Inference, rows: Floats, beta: Floats, level: float) -> pd.DataFrame:
    """Estimates of combinations, shape (r, p): estimate, se, df, statistic, p, low, high.

    A row of NaN, a combination that cannot be estimated, gives missing values.
    """
    if not 0 < level < 1:
        raise InputError(f"level is {level}", expected="a number between 0 and 1")
    there = [bool(np.isfinite(row).all()) for row in rows]
    estimate = rows @ beta
    variance = np.einsum("ij,jk,ik->i", rows, inference.covariance, rows)
    se = np.sqrt(np.maximum(variance, 0.0))
    df = np.array(
        [inference.df(row) if ok else np.nan for row, ok in zip(rows, there, strict=True)]
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        statistic = estimate / se
    critical = stats.t.isf((1 - level) / 2, df)
    return pd.DataFrame(
        {
            "estimate": estimate,
            "se": se,
            "df": df,
            "statistic": statistic,
            "p": 2 * stats.t.sf(np.abs(statistic), df),
            "low": estimate - critical * se,
            "high": estimate + critical * se,
        }
    )


def f_tail(f: float, numerator: int, denominator: float) -> float:
    """P(F > f); infinite denominators are chi-square."""
    if np.isinf(denominator):
        return float(stats.chi2.sf(f * numerator, numerator))
    return float(stats.f.sf(f, numerator, denominator))


def _slopes(evaluation: Evaluation) -> list[Floats]:
    """Derivative of (Q'V⁻¹Q)⁻¹ by each entry of theta, each shape (p, p)."""
    products = evaluation.products
    p, c = products.p, evaluation.inverse_xvx
    u, g = np.empty((len(products.order), p)), np.empty((len(products.order), p))
    u[products.order] = evaluation.modes[:, :-1]
    g[products.order] = evaluation.score_modes
    found = []
    for term in products.terms:
        own_u = u[term.columns].reshape(term.levels, term.k, p)
        own_g = g[term.columns].reshape(term.levels, term.k, p)
        for row, column in zip(*entries(term.k), strict=True):
            half = own_g[:, row].T @ own_u[:, column]
            found.append(c @ (half + half.T) @ c)
    return found


def _hessian(evaluation: Evaluation, reml: bool) -> Floats:
    """Second derivatives of the deviance by (theta, sigma), or by theta where sigma is known.

    Those by theta are central differences of the gradient at fixed sigma; the others are exact.
    """
    products, s2 = evaluation.products, evaluation.sigma2(reml)
    theta = off_bounds(products, evaluation.theta, _OFF)
    evaluation = evaluate(products, theta)
    m = len(theta)
    hessian = np.empty((m, m))
    for i in range(m):
        step = np.zeros(m)
        step[i] = 1e-3 * max(abs(float(theta[i])), 1e-2)
        up = evaluate(products, theta + step).gradient(reml, s2)
        down = evaluate(products, theta - step).gradient(reml, s2)
        hessian[i] = (up - down) / (2 * step[i])
    hessian = (hessian + hessian.T) / 2
    if products.sigma2 is not None:
        return hessian
    sigma = np.sqrt(s2)
    full = np.empty((m + 1, m + 1))
    full[:m, :m] = hessian
    full[m, :m] = full[:m, m] = -2.0 * evaluation.gradient_parts(reml)[1] / sigma**3
    full[m, m] = 6.0 * evaluation.penalised / s2**2 - 2.0 * evaluation.degrees(reml) / s2
    return full
