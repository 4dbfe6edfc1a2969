"""Finding the minimum of the profiled deviance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import optimize

from xanalysis.errors import InputError
from xanalysis.stats.mixed.deviance import SMALLEST, Evaluation, diagonal, evaluate
from xanalysis.stats.mixed.products import Products

Floats = NDArray[np.float64]

_RESTARTS = 3
# The search ends where the deviance could fall by this per row: its rounding grows with the rows.
_TOLERANCE = 1e-14


@dataclass(frozen=True)
class Optimum:
    """Where the search ended.

    Attributes:
        evaluation: The model at the optimum.
        converged: The search met its tolerance and no variance at 0 would rather be positive.
        message: What the search said.
        evaluations: Evaluations of deviance and gradient.
        gradient: Greatest absolute entry of the gradient among the parameters off their bounds.
    """

    evaluation: Evaluation
    converged: bool
    message: str
    evaluations: int
    gradient: float


def minimise(products: Products, reml: bool, start: Floats | None = None) -> Optimum:
    """Minimise the deviance over theta with L-BFGS-B, the diagonals of T kept at 0 or above.

    The curvature by an entry of theta is about 8 times the number of levels of its group, so the
    search steps in theta times the root of that number: groups of 10,000 and of 4 levels are then
    alike to it, and few evaluations do.

    Args:
        products: Cross-products of the design.
        reml: Restricted likelihood.
        start: Theta to start from; by default unit variances, as in lme4.

    Raises:
        InputError: The deviance cannot be evaluated where the search starts.
    """
    on_diagonal = diagonal(products)
    count = 0
    latest: dict[bytes, Evaluation] = {}

    def objective(theta: Floats) -> tuple[float, Floats]:
        nonlocal count
        count += 1
        try:
            found = evaluate(products, theta)
        except np.linalg.LinAlgError:
            return np.inf, np.zeros_like(theta)
        if not found.penalised > 0:
            return np.inf, np.zeros_like(theta)
        latest.clear()
        latest[theta.tobytes()] = found
        return found.deviance(reml), found.gradient(reml)

    def scaled(x: Floats) -> tuple[float, Floats]:
        value, gradient = objective(x / unit)
        return value, gradient / unit

    theta = np.where(on_diagonal, 1.0, 0.0) if start is None else start.copy()
    theta = np.where(on_diagonal, np.maximum(theta, 10 * SMALLEST), theta)
    if not np.isfinite(objective(theta)[0]):
        raise InputError("the model cannot be evaluated: the columns are too nearly dependent")
    if not len(theta):
        return Optimum(evaluate(products, theta), True, "no variances to estimate", count, 0.0)
    levels = np.concatenate([np.full(term.entries, float(term.levels)) for term in products.terms])
    # In units of the largest group, so that the first step, of length 1, is neither tiny nor wild.
    unit = 2.0 * np.sqrt(levels / levels.max())
    bounds = [
        (SMALLEST * u, None) if flag else (None, None)
        for flag, u in zip(on_diagonal, unit, strict=True)
    ]
    converged, message = False, ""
    # A gradient g leaves g² / 2h to gain where the curvature is h.
    tolerance = float(np.sqrt(4.0 * levels.max() * _TOLERANCE * max(products.n, 100)))
    for _ in range(_RESTARTS):
        result = optimize.minimize(
            scaled,
            theta * unit,
            jac=True,
            method="L-BFGS-B",
            bounds=bounds,
            options={"ftol": 1e-15, "gtol": tolerance, "maxiter": 1000, "maxcor": 20},
        )
        theta = np.asarray(result.x) / unit
        message = str(result.message)
        converged = bool(result.success) or "ABNORMAL" in message
        # The deviance is even in a standard deviation: at 0 its gradient vanishes, and only the
        # slope by the variance tells whether 0 is a minimum.
        slope = objective(theta)[1] / (2 * SMALLEST)
        low = on_diagonal & (theta <= 10 * SMALLEST)
        if not (low & (slope < -1e-3)).any():
            break
        converged = False
        theta = np.where(low & (slope < -1e-3), 0.1, theta)
    best = latest.get(theta.tobytes()) or evaluate(products, theta)
    gradient = best.gradient(reml)
    away = ~(on_diagonal & (theta <= 10 * SMALLEST))
    steepest = float(np.abs(gradient[away]).max(initial=0.0))
    at_zero = np.where(np.abs(theta) <= np.where(on_diagonal, 1e-4, 1e-5), 0.0, theta)
    if (at_zero != theta).any():
        snapped = evaluate(products, at_zero)
        if snapped.deviance(reml) <= best.deviance(reml) + 1e-8:
            best = snapped
    return Optimum(best, converged and steepest < 0.1, message, count, steepest)
