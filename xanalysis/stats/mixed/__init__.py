"""Linear mixed-effects models with crossed random effects."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from xanalysis.stats.mixed.design import build
from xanalysis.stats.mixed.formula import parse
from xanalysis.stats.mixed.optimise import minimise
from xanalysis.stats.mixed.products import compute
from xanalysis.stats.mixed.result import MixedModel
from xanalysis.stats.mixed.rows import Weights
from xanalysis.stats.mixed.threads import one_thread

__all__ = ["MixedModel", "fit_mixed"]


def fit_mixed(
    formula: str,
    data: pd.DataFrame,
    *,
    reml: bool = True,
    weights: Weights | None = None,
    variances: Weights | None = None,
    covariance: Mapping[str, pd.DataFrame] | None = None,
    residual: bool = True,
) -> MixedModel:
    """Fit a linear mixed model.

    Example:
        >>> model = fit_mixed(
        ...     "gain ~ family * task_type + (1|language) + (1 + distance | target)", gains
        ... )  # doctest: +SKIP
        >>> model.coefficients, model.means("family"), model.contrasts("family")  # doctest: +SKIP

    Args:
        formula: lme4's notation: ``(1|g)`` intercepts, ``(1 + x | g)`` correlated and
            ``(1 + x || g)`` uncorrelated slopes, ``(1 | a/b)`` b nested in a, ``(1 | a:b)``
            combinations. The fixed part is formulaic's.
        data: One row per observation. Rows that miss a value are dropped, and listed in
            ``dropped`` of the result.
        reml: Restricted maximum likelihood (the default, for inference about fixed effects) or
            maximum likelihood.
        weights: Case weights (column name or values): the residual variance is sigma² / weight.
        variances: Known sampling variance of each response (column name or values), such as the
            squared standard error of a score.
        covariance: For a group, the known covariance between its levels up to a factor that is
            estimated: a labelled matrix, as of a tree of languages.
        residual: With ``variances``, whether there is noise beyond the sampling error; without it
            the known variances are all the residual there is.

    Returns:
        The fit. A singular fit or a search that did not converge is a fact on it, not an error.

    Raises:
        InputError: The formula or the data cannot be used as they stand.
    """
    with one_thread():
        design = build(
            parse(formula),
            data,
            weights=weights,
            variances=variances,
            covariance=covariance,
            residual=residual,
        )
        products = compute(design)
    return MixedModel(design, minimise(products, reml), reml)
