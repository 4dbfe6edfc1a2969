"""Confidence intervals by the profile of the likelihood and by the parametric bootstrap."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import optimize, stats

from xanalysis.errors import InputError, unknown_name
from xanalysis.stats.mixed.deviance import (
    SMALLEST,
    Evaluation,
    diagonal,
    evaluate,
    off_bounds,
)
from xanalysis.stats.mixed.effects import correlations, variances
from xanalysis.stats.mixed.fit import Fit
from xanalysis.stats.mixed.optimise import minimise
from xanalysis.stats.mixed.products import Products, loadings, with_response
from xanalysis.stats.mixed.profile import bounds_of, quantities
from xanalysis.stats.mixed.simulate import responses
from xanalysis.stats.mixed.threads import one_thread

Floats = NDArray[np.float64]

INTERVALS = ("wald", "profile", "bootstrap")


def conf_int(model: Fit, method: str, *, level: float, n: int, random_state: int) -> pd.DataFrame:
    """Intervals: kind (fixed, sd or correlation), term, estimate, low, high."""
    if method not in INTERVALS:
        raise unknown_name("interval", method, INTERVALS)
    if not 0 < level < 1:
        raise InputError(f"level is {level}", expected="a number between 0 and 1")
    if method == "wald":
        table = model.coefficient_table(level=level)[["term", "estimate", "low", "high"]]
        table.insert(0, "kind", "fixed")
        return table
    with one_thread(model.optimum.evaluation.products.widest):
        if method == "profile":
            return _profile(model, level)
        return _bootstrap(model, level, n, random_state)


def _labels(model: Fit) -> pd.DataFrame:
    """kind, term and estimate of everything that gets an interval."""
    evaluation = model.optimum.evaluation
    spread = variances(model.design, evaluation, model.sigma)
    related = correlations(model.design, evaluation)
    kinds = ["fixed"] * len(model.beta) + ["sd"] * len(spread) + ["correlation"] * len(related)
    terms = [
        *model.design.names,
        *(f"{g} {t}".strip() for g, t in zip(spread["group"], spread["term"], strict=True)),
        *(
            f"{g} {t}, {o}"
            for g, t, o in zip(related["group"], related["term"], related["other"], strict=True)
        ),
    ]
    estimates = np.concatenate([model.beta, spread["sd"], related["correlation"].astype(float)])
    return pd.DataFrame({"kind": kinds, "term": terms, "estimate": estimates})


# Profile


def _profile(model: Fit, level: float) -> pd.DataFrame:
    """Values whose deviance, minimised over all else, is within chi-square of the minimum (ML)."""
    ml = model.refit(reml=False)
    best = ml.optimum.evaluation
    limit = best.deviance(False) + float(stats.chi2.ppf(level, 1))
    frame = _labels(ml)
    bounds = [_fixed_bounds(best, j, limit) for j in range(len(ml.beta))]
    bounds += [bounds_of(best, held, limit) for held in quantities(best)]
    frame["low"], frame["high"] = np.array(bounds).T
    return frame


def _fixed_bounds(best: Evaluation, j: int, limit: float) -> tuple[float, float]:
    """Bounds of one coefficient.

    With it held at b, r'V⁻¹r grows by (b − β)² / c: the bounds at each theta have a closed form,
    and the interval is the widest of them.
    """
    products = best.products
    row, n = products.basis[j], products.n

    def reach(theta: Floats, sign: float) -> float:
        """The outermost b at a theta; where there is none, the further inwards the less room."""
        found = evaluate(products, theta)
        room = limit - found.log_part(False)
        if products.sigma2 is not None:
            s2 = products.sigma2
            slack = s2 * (room - n * np.log(2 * np.pi * s2)) - found.penalised
        else:
            slack = n / (2 * np.pi) * np.exp(room / n - 1) - found.penalised
        c = float(row @ found.inverse_xvx @ row)
        width = np.sign(slack) * np.sqrt(c * abs(slack))
        return float(products.shift[j] + row @ found.beta + sign * width)

    def inwards(theta: Floats, sign: float) -> float:
        return -sign * reach(theta, sign)

    ends: list[float] = []
    box: list[tuple[float | None, float | None]] = [
        (SMALLEST, None) if flag else (None, None) for flag in diagonal(products)
    ]
    for sign in (-1.0, 1.0):
        if not len(best.theta):
            ends.append(reach(best.theta, sign))
            continue
        result = optimize.minimize(
            inwards,
            off_bounds(products, best.theta, 1e-2),
            args=(sign,),
            method="L-BFGS-B",
            bounds=box,
            options={"ftol": 1e-12},
        )
        ends.append(-sign * float(result.fun))
    return ends[0], ends[1]


# Bootstrap


def _bootstrap(model: Fit, level: float, n: int, random_state: int) -> pd.DataFrame:
    """Percentiles of the estimates from responses simulated from the fit."""
    if n < 20:
        raise InputError(f"{n} bootstrap samples", expected="at least 20")
    frame = _labels(model)
    products, z = model.optimum.evaluation.products, loadings(model.design)
    samples = np.array(
        [
            _estimates(model, with_response(products, model.design, z, y))
            for y in responses(model, n, random_state)
        ]
    )
    tail = 100 * (1 - level) / 2
    frame["low"], frame["high"] = np.nanpercentile(samples, [tail, 100 - tail], axis=0)
    return frame


def _estimates(model: Fit, products: Products) -> Floats:
    optimum = minimise(products, model.reml, model.theta)
    evaluation = optimum.evaluation
    sigma = float(np.sqrt(evaluation.sigma2(model.reml)))
    beta = products.shift + products.basis @ evaluation.beta
    spread = variances(model.design, evaluation, sigma)["sd"]
    related = correlations(model.design, evaluation)["correlation"].astype(float)
    return np.concatenate([beta, spread, related])
