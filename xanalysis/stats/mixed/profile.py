"""Likelihood profiles of standard deviations and correlations (by maximum likelihood)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import optimize

from xanalysis.stats.mixed.deviance import (
    SMALLEST,
    Evaluation,
    diagonal,
    entries,
    evaluate,
    off_bounds,
)
from xanalysis.stats.mixed.products import Products

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]

# Correlations are followed to here; a profile still below the limit has no bound but one.
_NEARLY_ONE = 0.9999


@dataclass(frozen=True)
class Held:
    """A quantity held at a value while all else is free.

    Attributes:
        kind: ``sd``, ``sigma`` or ``correlation`` (with the first coefficient of the term).
        place: Entries of theta that make up its row of T.
    """

    kind: str
    place: Ints


def quantities(best: Evaluation) -> list[Held]:
    """Standard deviations term by term, the residual's, then correlations."""
    products = best.products
    found = []
    for term in products.terms:
        own, _ = entries(term.k)
        found += [Held("sd", term.theta + np.flatnonzero(own == a)) for a in range(term.k)]
    if products.sigma2 is None:
        found.append(Held("sigma", np.zeros(0, dtype=np.intp)))
    for term in products.terms:
        own, _ = entries(term.k)
        for a in range(term.k):
            place = term.theta + np.flatnonzero(own == a)
            found += [Held("correlation" if b == 0 else "none", place) for b in range(a)]
    return found


def bounds_of(best: Evaluation, held: Held, limit: float) -> tuple[float, float]:
    """Least and greatest value whose profile lies within the limit; NaN where not followed."""
    if held.kind == "none":
        return float("nan"), float("nan")
    sigma = float(np.sqrt(best.sigma2(False)))
    row = best.theta[held.place]
    norm = float(np.linalg.norm(row))
    profile = _Profile(best, held)

    def over(value: float) -> float:
        return profile(value) - limit

    if held.kind == "correlation":
        centre = float(row[0]) / norm if norm > 0 else 0.0
        centre = float(np.clip(centre, -_NEARLY_ONE, _NEARLY_ONE))
        low = _root(over, -_NEARLY_ONE, centre, -1.0)
        return low, _root(over, _NEARLY_ONE, centre, 1.0)
    centre = sigma if held.kind == "sigma" else sigma * norm
    start = max(centre, 0.1 * sigma)
    outer = 1.5 * start
    while over(outer) < 0 and outer < 1e6 * start:
        outer *= 1.5
    inner = 0.0
    if held.kind == "sigma":
        inner = centre / 1.5
        while over(inner) < 0 and inner > 1e-6 * centre:
            inner /= 1.5
    return _root(over, inner, centre, 0.0), _root(over, outer, centre, float("nan"))


def _root(over: Callable[[float], float], outer: float, centre: float, otherwise: float) -> float:
    """Where the profile meets the limit between the centre and ``outer``."""
    if outer == centre or over(outer) <= 0:
        return otherwise
    return float(optimize.brentq(over, centre, outer, xtol=1e-6 * max(abs(outer), 1e-6)))


class _Profile:
    """The least deviance with a quantity held; each search starts from the estimates."""

    def __init__(self, best: Evaluation, held: Held) -> None:
        self._held = held
        self._products: Products = best.products
        self._free_sigma = held.kind != "sigma" and best.products.sigma2 is None
        start = off_bounds(best.products, best.theta, 1e-2)
        own = held.place if held.kind != "correlation" else held.place[1:]
        if len(own) and np.linalg.norm(start[own]) < 1e-3:
            start[own] = 1e-2
        self._x = np.append(start, 0.5 * np.log(best.sigma2(False)))
        box: list[tuple[float | None, float | None]] = [
            (SMALLEST, None) if flag else (None, None) for flag in diagonal(best.products)
        ]
        self._box = [*box, (None, None)]

    def __call__(self, value: float) -> float:
        """The profile at a value."""
        result = optimize.minimize(
            self._deviance,
            self._x,
            args=(value,),
            jac=True,
            method="L-BFGS-B",
            bounds=self._box,
            options={"gtol": 1e-4, "ftol": 1e-12},
        )
        return float(result.fun)

    def _deviance(self, x: Floats, value: float) -> tuple[float, Floats]:
        """Deviance and gradient by x: theta, the held row as a direction, and log sigma."""
        held, place = self._held, self._held.place
        m = len(x) - 1
        theta = x[:-1].copy()
        jacobian = np.eye(m + 1)
        if held.kind == "sigma":
            sigma = value
        else:
            known = self._products.sigma2
            sigma = float(np.exp(x[-1]) if known is None else np.sqrt(known))
        if held.kind == "sd":
            row = theta[place]
            length = max(float(np.linalg.norm(row)), 1e-12)
            unit, ratio = row / length, value / sigma
            theta[place] = ratio * unit
            jacobian[np.ix_(place, place)] = (
                ratio / length * (np.eye(len(row)) - np.outer(unit, unit))
            )
            jacobian[place, m] = -ratio * unit
        elif held.kind == "correlation":
            rest = theta[place[1:]]
            length = max(float(np.linalg.norm(rest)), 1e-12)
            slope = value / np.sqrt(1 - value**2)
            theta[place[0]] = slope * length
            jacobian[place[0], place[0]] = 0.0
            jacobian[place[0], place[1:]] = slope * rest / length
        try:
            found = evaluate(self._products, theta)
        except np.linalg.LinAlgError:
            return np.inf, np.zeros_like(x)
        s2 = sigma**2
        by_theta = found.gradient(False, s2)
        by_sigma = 2.0 * self._products.n - 2.0 * found.penalised / s2 if self._free_sigma else 0.0
        gradient = np.append(by_theta, by_sigma) @ jacobian
        if not self._free_sigma:
            gradient[m] = 0.0
        return found.deviance(False, s2), gradient
