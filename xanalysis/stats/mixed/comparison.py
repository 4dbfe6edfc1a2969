"""Whether a larger model fits better than a smaller one that is nested in it."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from xanalysis.errors import InputError
from xanalysis.stats.mixed.deviance import diagonal
from xanalysis.stats.mixed.fit import Fit
from xanalysis.stats.mixed.optimise import minimise
from xanalysis.stats.mixed.products import loadings, with_response
from xanalysis.stats.mixed.simulate import responses
from xanalysis.stats.mixed.threads import one_thread


def likelihood_ratio(
    larger: Fit, smaller: Fit, *, bootstrap: int, random_state: int
) -> pd.DataFrame:
    """Likelihood-ratio test of nested models, both refitted by ML.

    Raises:
        InputError: They are not of the same rows, or not nested.
    """
    if not larger.design.data.index.equals(smaller.design.data.index) or not np.array_equal(
        larger.design.y, smaller.design.y
    ):
        raise InputError("the two models are not fitted to the same responses")
    df = larger.n_parameters - smaller.n_parameters
    if df <= 0 or not _nested(larger, smaller):
        raise InputError(
            f"'{smaller.formula}' is not nested in '{larger.formula}'",
            expected="the smaller model second, its terms all in the first",
        )
    big, small = larger.refit(reml=False), smaller.refit(reml=False)
    statistic = max(0.0, small.deviance - big.deviance)
    p = float(stats.chi2.sf(statistic, df))
    variances = _variances(big) - _variances(small)
    row = {
        "statistic": statistic,
        "df": df,
        "p": p,
        "boundary": variances > 0,
        "p_mixture": p if variances == 0 else np.nan,
    }
    if variances == 1:
        less = float(stats.chi2.sf(statistic, df - 1)) if df > 1 else float(statistic == 0)
        row["p_mixture"] = (p + less) / 2
    if bootstrap:
        with one_thread(big.optimum.evaluation.products.widest):
            row["p_bootstrap"] = _bootstrap(big, small, statistic, bootstrap, random_state)
    return pd.DataFrame([row])


def _nested(larger: Fit, smaller: Fit) -> bool:
    """The smaller model's columns lie in the larger's, and its random terms are among them."""
    x, own = larger.design.x, smaller.design.x
    rest = own - x @ np.linalg.lstsq(x, own, rcond=None)[0]
    inside = np.linalg.norm(rest, axis=0) <= 1e-8 * np.linalg.norm(own, axis=0)
    names = {(g.name, c) for g in larger.design.groups for c in g.columns}
    return bool(inside.all()) and names >= {
        (g.name, c) for g in smaller.design.groups for c in g.columns
    }


def _variances(model: Fit) -> int:
    return int(diagonal(model.optimum.evaluation.products).sum())


def _bootstrap(big: Fit, small: Fit, statistic: float, n: int, random_state: int) -> float:
    fits = [(fit, fit.optimum.evaluation.products, loadings(fit.design)) for fit in (big, small)]
    greater = 0
    for y in responses(small, n, random_state):
        one, other = (
            minimise(with_response(products, fit.design, z, y), False, fit.theta)
            for fit, products, z in fits
        )
        found = other.evaluation.deviance(False) - one.evaluation.deviance(False)
        greater += found >= statistic - 1e-8
    return (greater + 1) / (n + 1)
