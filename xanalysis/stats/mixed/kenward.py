"""Kenward and Roger's adjusted covariance and degrees of freedom, through q × q algebra.

Kenward and Roger (1997), doi:10.2307/2533558. V = Σ γ_i G_i is linear in the variances and
covariances γ, so the term with second derivatives vanishes. Every n × n product reduces to
S = Z'V⁻¹Z and g = Z'V⁻¹X; those with the residual's G = W⁻¹ follow from W⁻¹ = (V − Σ γ_i G_i) / σ².
"""

from __future__ import annotations

from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from xanalysis.errors import InputError
from xanalysis.stats.mixed.deviance import Evaluation
from xanalysis.stats.mixed.inference import FTest, f_tail

Floats = NDArray[np.float64]

_MOST_EFFECTS = 12_000


class KenwardRoger:
    """Adjusted covariance of the fixed effects, and degrees of freedom of their combinations.

    Args:
        evaluation: The model at its REML optimum.

    Raises:
        InputError: There are more random effects than fit a dense q × q matrix.
    """

    def __init__(self, evaluation: Evaluation) -> None:
        products = evaluation.products
        q, p = len(products.order), products.p
        if q > _MOST_EFFECTS:
            raise InputError(
                f"Kenward-Roger with {q} random effects takes {3 * q * q * 8 / 2**30:.0f} GiB",
                expected=f"at most {_MOST_EFFECTS}; method='satterthwaite' has no such limit",
            )
        s2 = evaluation.sigma2(True)
        phi = s2 * evaluation.inverse_xvx
        s, g = _moments(evaluation, s2)
        sides, gammas = _components(evaluation, s2)
        r = len(sides)
        lift = np.zeros((r, p, p))  # X'V⁻¹G_iV⁻¹X
        double = np.zeros((r, r, p, p))  # X'V⁻¹G_iV⁻¹G_jV⁻¹X
        trace = np.zeros((r, r))  # tr(V⁻¹G_iV⁻¹G_j)
        single = np.zeros(r)  # tr(V⁻¹G_i)
        for i, side in enumerate(sides):
            for a, b in side:
                lift[i] += g[a].T @ g[b]
                single[i] += float(np.trace(s[a, b]))
        for i, j in product(range(r), range(r)):
            for (a, b), (c, d) in product(sides[i], sides[j]):
                double[i, j] += g[a].T @ (s[b, c] @ g[d])
                if j >= i:
                    trace[i, j] += float(np.vdot(s[b, c], s[a, d]))
            trace[j, i] = trace[i, j]
        if products.sigma2 is None:
            whole = np.asarray(np.linalg.inv(phi), dtype=np.float64)
            lift, double, trace = _with_residual(
                lift, double, trace, single, gammas, s2, products.n, whole
            )
            r += 1
        information = np.empty((r, r))
        for i, j in product(range(r), range(r)):
            information[i, j] = (
                trace[i, j]
                - 2.0 * np.vdot(phi, double[i, j].T)
                + np.vdot((phi @ lift[i] @ phi).T, lift[j])
            )
        information = (information + information.T) / 2
        # In units of its diagonal, so that neither those of the response nor of slopes matter.
        unit = np.sqrt(np.abs(np.diag(information)))
        unit = np.where(unit > 0, unit, 1.0)
        scaled = information / np.outer(unit, unit)
        w = 2.0 * np.linalg.pinv(scaled, rcond=1e-10, hermitian=True) / np.outer(unit, unit)
        inner = np.zeros((p, p))
        for i, j in product(range(r), range(r)):
            inner += w[i, j] * (double[i, j] - lift[i] @ phi @ lift[j])
        adjusted = phi + 2.0 * phi @ ((inner + inner.T) / 2) @ phi
        basis = products.basis
        self.covariance: Floats = basis @ adjusted @ basis.T
        self._basis, self._phi, self._lift, self._w = basis, phi, lift, w

    def df(self, combination: Floats) -> float:
        """Degrees of freedom of one combination."""
        return self._approximate(combination[None])[0]

    def joint(self, combinations: Floats, estimates: Floats) -> FTest:
        """Scaled F-test of several combinations."""
        values, vectors = np.linalg.eigh(combinations @ self.covariance @ combinations.T)
        keep = values > 1e-10 * values.max()
        vectors = vectors[:, keep]
        f = float(((vectors.T @ estimates) ** 2 / values[keep]).mean())
        degrees, scale = self._approximate(vectors.T @ combinations)
        f *= scale
        return FTest(f, int(keep.sum()), degrees, f_tail(f, int(keep.sum()), degrees))

    def _approximate(self, combinations: Floats) -> tuple[float, float]:
        """Denominator degrees of freedom and the factor of F that match its mean and variance."""
        rows = combinations @ self._basis
        q, phi = len(rows), self._phi
        theta = rows.T @ np.linalg.solve(rows @ phi @ rows.T, rows)
        # P_i = −X'V⁻¹G_iV⁻¹X; its sign drops out of both sums.
        parts = [theta @ phi @ lift @ phi for lift in self._lift]
        traces = np.array([np.trace(part) for part in parts])
        a1 = float(traces @ self._w @ traces)
        a2 = float(
            sum(
                self._w[i, j] * np.vdot(parts[i].T, parts[j])
                for i, j in product(range(len(parts)), repeat=2)
            )
        )
        if a2 <= 0:
            return np.inf, 1.0
        b = (a1 + 6 * a2) / (2 * q)
        g = ((q + 1) * a1 - (q + 4) * a2) / ((q + 2) * a2)
        c1, c2, c3 = (c / (3 * q + 2 * (1 - g)) for c in (g, q - g, q + 2 - g))
        v0, v1, v2 = 1 + c1 * b, 1 - c2 * b, 1 - c3 * b
        v0 = 0.0 if abs(v0) < 1e-10 else v0
        ratio = 1.0 if abs(1 - a2 / q) < 1e-14 and abs(v1) < 1e-14 else (1 - a2 / q) / v1
        rho = ratio**2 * v0 / (q * v2) if v2 else np.inf  # one combination with 4 df: v2 is 0
        degrees = 4 + (q + 2) / (q * rho - 1)
        mean = 1.0 / (1 - a2 / q)
        scale = degrees / (mean * (degrees - 2)) if abs(degrees - 2) > 1e-2 else 1 - a2 / q
        return degrees, scale


Side = list[tuple[tuple[int, int], tuple[int, int]]]


def _components(evaluation: Evaluation, s2: float) -> tuple[list[Side], Floats]:
    """The G_i as sums of Z_a Z_b', each a and b a (term, coefficient), and their γ_i."""
    sides: list[Side] = []
    gammas = []
    for t, triangle in enumerate(evaluation.triangles):
        covariance = s2 * triangle @ triangle.T
        for a in range(len(triangle)):
            for b in range(a + 1):
                one, other = (t, a), (t, b)
                sides.append([(one, other)] if a == b else [(one, other), (other, one)])
                gammas.append(covariance[a, b])
    return sides, np.array(gammas)


def _moments(
    evaluation: Evaluation, s2: float
) -> tuple[dict[tuple[tuple[int, int], tuple[int, int]], Floats], dict[tuple[int, int], Floats]]:
    """Blocks of S = Z'V⁻¹Z and g = Z'V⁻¹Q by (term, coefficient)."""
    products = evaluation.products
    q, e = len(products.order), products.eliminated
    a = np.zeros((q, q))
    for bucket in products.buckets:
        for block in range(bucket.a.shape[0]):
            start = bucket.start + block * bucket.size
            inside = slice(start, start + bucket.size)
            a[inside, inside] = bucket.a[block]
    c = products.coupling.c.toarray()
    a[:e, e:], a[e:, :e], a[e:, e:] = c, c.T, products.rest
    by_column = np.empty_like(a)
    by_column[np.ix_(products.order, products.order)] = a
    half = np.empty_like(a)  # Λ'A
    for term, t in zip(products.terms, evaluation.triangles, strict=True):
        own = by_column[term.columns].reshape(term.levels, term.k, q)
        half[term.columns] = np.einsum("ba,lbq->laq", t, own).reshape(-1, q)
    m = np.empty_like(a)  # Λ'AΛ + I
    for term, t in zip(products.terms, evaluation.triangles, strict=True):
        own = half[:, term.columns].reshape(q, term.levels, term.k)
        m[:, term.columns] = (own @ t).reshape(q, -1)
    m[np.diag_indices(q)] += 1.0
    chol = linalg.cholesky(m, lower=True, overwrite_a=True, check_finite=False)
    half = linalg.solve_triangular(chol, half, lower=True, overwrite_b=True, check_finite=False)
    s_all = (by_column - half.T @ half) / s2
    g_all = np.empty((q, products.p))
    g_all[products.order] = evaluation.score_modes / s2
    places = {
        (t, a): slice(term.start + a, term.start + term.k * term.levels, term.k)
        for t, term in enumerate(products.terms)
        for a in range(term.k)
    }
    s = {(one, other): s_all[places[one], places[other]] for one in places for other in places}
    return s, {one: g_all[place] for one, place in places.items()}


def _with_residual(
    lift: Floats,
    double: Floats,
    trace: Floats,
    single: Floats,
    gammas: Floats,
    s2: float,
    n: int,
    information: Floats,
) -> tuple[Floats, Floats, Floats]:
    """Append the residual's G = W⁻¹ = (V − Σ γ_i G_i) / σ² to the products of the others."""
    r, p = len(gammas), len(information)
    all_lift, all_trace = np.empty((r + 1, p, p)), np.empty((r + 1, r + 1))
    all_double = np.empty((r + 1, r + 1, p, p))
    all_lift[:r], all_double[:r, :r], all_trace[:r, :r] = lift, double, trace
    all_lift[r] = (information - np.tensordot(gammas, lift, 1)) / s2
    all_double[:r, r] = (lift - np.einsum("j,ijab->iab", gammas, double)) / s2
    all_double[r, :r] = all_double[:r, r].transpose(0, 2, 1)
    all_double[r, r] = (all_lift[r] - np.tensordot(gammas, all_double[r, :r], 1)) / s2
    all_trace[:r, r] = all_trace[r, :r] = (single - trace @ gammas) / s2
    whole = (n - gammas @ single) / s2
    all_trace[r, r] = (whole - gammas @ all_trace[r, :r]) / s2
    return all_lift, all_double, all_trace
