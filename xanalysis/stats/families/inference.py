"""Tests between families on language means, and in how many languages a gain holds."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import f as f_distribution
from scipy.stats import norm, t

from xanalysis.stats.families.units import SINGLE


def permutation_test(
    means: NDArray[np.float64],
    groups: NDArray[np.str_],
    *,
    permutations: int = 4999,
    random_state: int = 0,
) -> tuple[float, float]:
    """F between families, and its p-value when whole languages are shuffled over families.

    Args:
        means: One per language.
        groups: Their families.
        permutations: Number of random shuffles; the observed order counts as one more.
        random_state: Seed of the generator.

    Returns:
        F and p; NaN where there is one family or as many families as languages.
    """
    _, numbers = np.unique(groups, return_inverse=True)
    count, families = len(means), int(numbers.max()) + 1
    if families < 2 or families >= count:
        return float("nan"), float("nan")
    sizes = np.bincount(numbers)
    values = means - means.mean()
    total = values @ values
    if total <= 1e-20:
        return float("nan"), float("nan")
    rng = np.random.default_rng(random_state)
    shuffled = np.vstack([values, rng.permuted(np.tile(values, (permutations, 1)), axis=1)])
    member = np.zeros((count, families))
    member[np.arange(count), numbers] = 1
    between = ((shuffled @ member) ** 2 / sizes).sum(axis=1)
    # F grows with the sum of squares between families, since the total is the same.
    p = float(np.mean(between >= between[0] - 1e-12 * total))
    f = (between[0] / (families - 1)) / ((total - between[0]) / (count - families))
    return float(f), p


def welch(languages: pd.DataFrame) -> tuple[float, float, float, float] | None:
    """Welch's ANOVA (1951, doi:10.1093/biomet/38.3-4.330) of families with unequal variances.

    Args:
        languages: ``group`` and ``mean``; only families with two or more languages take part.

    Returns:
        F, its two degrees of freedom and p; None where fewer than two families can take part.
    """
    groups = _with_variance(languages).groupby("group")["mean"].agg(["size", "mean", "var"])
    k = len(groups)
    if k < 2:
        return None
    weight = groups["size"] / groups["var"]
    share = weight / weight.sum()
    between = float((weight * (groups["mean"] - (share * groups["mean"]).sum()) ** 2).sum())
    lost = float(((1 - share) ** 2 / (groups["size"] - 1)).sum())
    statistic = between / (k - 1) / (1 + 2 * (k - 2) / (k**2 - 1) * lost)
    df2 = (k**2 - 1) / (3 * lost)
    return statistic, k - 1, df2, float(f_distribution.sf(statistic, k - 1, df2))


def games_howell(languages: pd.DataFrame) -> pd.DataFrame:
    """Games-Howell contrasts with Hedges g, by pingouin, on language means.

    Args:
        languages: ``group`` and ``mean``; only families with two or more languages take part.

    Returns:
        ``first``, ``second``, difference, se, statistic, df, p, hedges_g.
    """
    columns = ["first", "second", "difference", "se", "statistic", "df", "p", "hedges_g"]
    table = _with_variance(languages)[["group", "mean"]].astype({"group": str})
    if table["group"].nunique() < 2:
        return pd.DataFrame(columns=columns)
    import pingouin

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        games = pingouin.pairwise_gameshowell(
            data=table, dv="mean", between="group", effsize="hedges"
        )
    names = {"A": "first", "B": "second", "diff": "difference", "T": "statistic",
             "hedges": "hedges_g", _p_column(games): "p"}  # fmt: skip
    named: pd.DataFrame = games.rename(columns=names)[columns]
    return named


def _with_variance(languages: pd.DataFrame) -> pd.DataFrame:
    """Without pooled single languages, and families whose languages all have the same mean."""
    usable = languages[languages["group"] != SINGLE]
    spread = usable.groupby("group")["mean"].transform("var")
    return usable[spread > 1e-12]


def partial_conjunction(p_values: NDArray[np.float64], alpha: float = 0.05) -> int:
    """In at least how many cases is there an effect?

    Dror et al. (2017, doi:10.1162/tacl_a_00074). The Bonferroni form, valid under any dependence:
    with sorted p-values, the hypothesis "fewer than u of n" has p = (n - u + 1) p_(u), made
    monotone in u.

    Returns:
        The largest u that is not refuted at level ``alpha``'s confidence, 0 if none.
    """
    ordered = np.sort(p_values)
    n = len(ordered)
    combined = np.maximum.accumulate((n - np.arange(n)) * ordered) if n else ordered
    return int(np.sum(combined <= alpha))


def holm(p_values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Holm's (1979) adjusted p-values, NaN staying NaN."""
    result = np.full(len(p_values), np.nan)
    known = np.flatnonzero(~np.isnan(p_values))
    order = known[np.argsort(p_values[known])]
    factors = len(order) - np.arange(len(order))
    result[order] = np.minimum(1.0, np.maximum.accumulate(factors * p_values[order]))
    return result


def language_tests(cells: pd.DataFrame) -> pd.DataFrame:
    """Is the mean gain of each language above zero? One-sided, from the cells' own errors.

    Gains of one target share their baseline, so within a target their errors are taken to be fully
    correlated; targets are independent. Where standard errors are missing, targets are the
    replicates of a t-test.

    Returns:
        Per language: ``gain``, ``se``, ``targets``, ``p``, ``p_holm``, ``method`` (``errors``,
        ``targets`` or ``none`` where nothing says how sure the gain is).
    """
    rows = []
    for language, part in cells.groupby("language", sort=True):
        by_target = part.groupby("shared").agg(gain=("gain", "mean"), se=("se", "mean"))
        complete = part["se"].notna().all()
        count = len(by_target)
        gain = float(by_target["gain"].mean())
        if complete:
            se = float(np.sqrt((by_target["se"] ** 2).sum()) / count)
            p = float(norm.sf(gain / se)) if se > 0 else float("nan")
            method = "errors"
        elif count > 1 and by_target["gain"].std() > 0:
            se = float(by_target["gain"].std() / np.sqrt(count))
            p, method = float(t.sf(gain / se, count - 1)), "targets"
        else:
            se, p, method = float("nan"), float("nan"), "none"
        rows.append((language, gain, se, count, p, method))
    frame = pd.DataFrame(rows, columns=["language", "gain", "se", "targets", "p", "method"])
    frame.insert(5, "p_holm", holm(frame["p"].to_numpy(np.float64)))
    return frame


def _p_column(frame: pd.DataFrame) -> str:
    """Pingouin has called it ``p-unc``, ``p_unc`` and ``pval`` in different versions."""
    return next(c for c in frame.columns if c in ("p-unc", "p_unc", "pval", "p_val", "p"))
