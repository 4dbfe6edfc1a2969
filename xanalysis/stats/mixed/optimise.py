"""Finding the minimum of the profiled deviance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import optimize

from xanalysis.errors import InputError
from xanalysis.stats.mixed.deviance import (
    SMALLEST,
    Evaluation,
    diagonal,
    entries,
    evaluate,
    lower,
    off_bounds,
)
from xanalysis.stats.mixed.products import Products
from xanalysis.stats.mixed.threads import one_thread

Floats = NDArray[np.float64]

_RESTARTS = 3
# The search starts no nearer to zero than this.
_FLOOR = 0.1
# The search ends where the deviance could fall by this per row: its rounding grows with the rows.
_TOLERANCE = 1e-14
# A greater gradient, in roots of the deviance, is no optimum whatever the search says.
_STEEP = 0.01


@dataclass(frozen=True)
class Optimum:
    """Where the search ended.

    Attributes:
        evaluation: The model at the optimum.
        converged: The search met its tolerance and no variance at 0 would rather be positive.
        message: What the search said.
        evaluations: Evaluations of deviance and gradient.
        gradient: Greatest entry of the gradient over the root of the curvature, among the
            parameters off their bounds: its square is about what the deviance could still fall.
    """

    evaluation: Evaluation
    converged: bool
    message: str
    evaluations: int
    gradient: float


def minimise(products: Products, reml: bool, start: Floats | None = None) -> Optimum:
    """Minimise the deviance over theta with L-BFGS-B, the diagonals of T kept at 0 or above.

    The curvature by an entry of theta is about 4 levels / theta², so the search measures theta in
    units of its inverse root: groups of 10,000 and of 4 levels are then alike to it, and few
    evaluations do.

    Args:
        products: Cross-products of the design.
        reml: Restricted likelihood.
        start: Theta to start from; by default one step of the EM algorithm from unit variances.

    Raises:
        InputError: The deviance cannot be evaluated where the search starts.
    """
    with one_thread(products.widest):
        return _minimise(products, reml, start)


def _minimise(products: Products, reml: bool, start: Floats | None) -> Optimum:
    on_diagonal = diagonal(products)
    count = 0
    latest: tuple[Floats, Evaluation, Floats] | None = None

    def solved(theta: Floats) -> tuple[Evaluation, Floats]:
        """The model at a theta and the gradient there."""
        nonlocal count, latest
        if latest is None or not np.allclose(theta, latest[0], rtol=1e-15, atol=0):
            count += 1
            found = evaluate(products, theta)
            if not found.penalised > 0:
                raise np.linalg.LinAlgError("no residual is left")
            latest = theta, found, found.gradient(reml)
        return latest[1:]

    def objective(x: Floats) -> tuple[float, Floats]:
        try:
            found, gradient = solved(x / unit)
        except np.linalg.LinAlgError:
            return np.inf, np.zeros_like(x)
        return found.deviance(reml), gradient / unit

    def begun(theta: Floats) -> tuple[Floats, Floats]:
        """Theta off its bounds, and the gradient there."""
        theta = off_bounds(products, theta, _FLOOR)
        return theta, solved(theta)[1]

    try:
        theta, gradient = begun(np.where(on_diagonal, 1.0, 0.0) if start is None else start)
        if start is None:
            theta, gradient = begun(_step(products, gradient))
    except np.linalg.LinAlgError as error:
        raise InputError(
            "the model cannot be evaluated: the columns are too nearly dependent"
        ) from error
    if not len(theta):
        return Optimum(solved(theta)[0], True, "no variances to estimate", count, 0.0)
    unit = _curvature(products, theta)
    # L-BFGS-B's first step has length 1: make that the step that the curvature suggests.
    length = max(float(np.linalg.norm(gradient / unit)), 1e-2)
    unit = unit / length
    bounds = [
        (SMALLEST * u, None) if flag else (None, None)
        for flag, u in zip(on_diagonal, unit, strict=True)
    ]
    # A gradient g leaves g² / 2h to gain where the curvature is h.
    tolerance = length * float(np.sqrt(2.0 * _TOLERANCE * max(products.n, 100)))

    def searched(theta: Floats) -> tuple[Evaluation, bool, str, float]:
        """Where a search ends, whether it met its tolerance, what it said and the gradient."""
        for _ in range(_RESTARTS):
            result = optimize.minimize(
                objective,
                theta * unit,
                jac=True,
                method="L-BFGS-B",
                bounds=bounds,
                options={"ftol": 1e-15, "gtol": tolerance, "maxiter": 1000, "maxcor": 20},
            )
            best, gradient = solved(np.asarray(result.x) / unit)
            theta = best.theta
            # The deviance is even in a standard deviation: at 0 its gradient vanishes, and only
            # the slope by the variance tells whether 0 is a minimum.
            low = on_diagonal & (theta <= 10 * SMALLEST)
            rising = low & (gradient < -2e-3 * SMALLEST)
            steepest = float(np.abs(gradient / (length * unit))[~low].max(initial=0.0))
            ended = bool(result.success) or "ABNORMAL" in str(result.message)
            converged = ended and steepest < _STEEP and not rising.any()
            if converged:
                break
            theta = np.where(rising, _FLOOR, theta)
        return best, converged, str(result.message), steepest

    found = searched(theta)
    apart = _uncorrelated(products, found[0])
    if apart is not None:
        other = searched(apart)
        if other[0].deviance(reml) < found[0].deviance(reml) - 1e-8:
            found = other
    best, converged, message, steepest = found
    theta = best.theta
    at_zero = np.where(np.abs(theta) <= np.where(on_diagonal, 1e-4, 1e-5), 0.0, theta)
    if (at_zero != theta).any():
        snapped = evaluate(products, at_zero)
        if snapped.deviance(reml) <= best.deviance(reml) + 1e-8:
            best = snapped
    return Optimum(best, converged, message, count, steepest)


def _uncorrelated(products: Products, best: Evaluation) -> Floats | None:
    """Theta with the same variances but no correlations, for terms nearly at a bound; else None.

    A diagonal of T near 0 in a column that is not may be a wall: on its other side the column has
    another sign, which is the same covariance, and the deviance may go on falling there.
    """
    theta, changed = best.theta.copy(), False
    for term, t in zip(products.terms, best.triangles, strict=True):
        length = np.linalg.norm(t, axis=0)
        if ((np.diag(t) < 0.1 * length) & (length > 10 * SMALLEST)).any():
            sd = np.linalg.norm(t, axis=1)
            other = np.diag(np.maximum(sd, 0.1 * sd.max()))
            theta[term.theta : term.theta + term.entries] = other[entries(term.k)]
            changed = True
    return theta if changed else None


def _curvature(products: Products, theta: Floats) -> Floats:
    """Roots of the second derivatives of the deviance, roughly, where levels have many rows."""
    root, size = np.empty_like(theta), np.empty_like(theta)
    for term, t in zip(products.terms, lower(products, theta), strict=True):
        own = slice(term.theta, term.theta + term.entries)
        root[own] = 2.0 * np.sqrt(term.levels)
        size[own] = np.diag(t)[entries(term.k)[0]]
    return root / size


def _step(products: Products, gradient: Floats) -> Floats:
    """One step of the EM algorithm from T = I, which is close where levels have many rows each.

    It makes TT' the mean over levels of the expected b b', which the gradient 2(I − mean) tells.
    """
    found = np.zeros_like(gradient)
    for term in products.terms:
        own = slice(term.theta, term.theta + term.entries)
        mean, (rows, columns) = np.eye(term.k), entries(term.k)
        mean[rows, columns] -= gradient[own] / (2.0 * term.levels)
        mean[columns, rows] = mean[rows, columns]
        found[own] = np.linalg.cholesky(mean + SMALLEST * np.eye(term.k))[rows, columns]
    return found
