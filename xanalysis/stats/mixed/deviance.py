"""The profiled deviance of a linear mixed model and its gradient.

Bates, Mächler, Bolker and Walker (2015), doi:10.18637/jss.v067.i01, section 3: y = Xβ + ZΛu + e
with u ~ N(0, σ²I), e ~ N(0, σ²W⁻¹). For a value of θ, which fills the lower triangles T of Λ, β
and σ have closed forms; what is left is a function of θ alone. V = ZΛΛ'Z' + W⁻¹ is the covariance
of y relative to σ².
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, sparse

from xanalysis.stats.mixed.blocks import Factored, factor
from xanalysis.stats.mixed.products import Products

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]

# Below this a diagonal entry of T counts as this in the gradient, which divides by it.
SMALLEST = 1e-6


@cache
def entries(k: int) -> tuple[Ints, Ints]:
    """Row and column in T of a term's entries of theta, which run down its columns, as in lme4."""
    columns, rows = np.triu_indices(k)
    return rows, columns


def lower(products: Products, theta: Floats) -> list[Floats]:
    """The triangles T, one per term."""
    found = []
    for term in products.terms:
        t = np.zeros((term.k, term.k))
        t[entries(term.k)] = theta[term.theta : term.theta + term.entries]
        found.append(t)
    return found


def diagonal(products: Products) -> NDArray[np.bool_]:
    """Which entries of theta lie on the diagonal of a T and so may not be negative."""
    flags: list[NDArray[np.bool_]] = [np.zeros(0, dtype=bool)]
    for term in products.terms:
        rows, columns = entries(term.k)
        flags.append(columns == rows)
    return np.concatenate(flags)


def off_bounds(products: Products, theta: Floats, least: float) -> Floats:
    """Theta with diagonals of at least ``least``.

    Where a diagonal of T is 0, the gradient by what stands beside it is lost (0 / 0), and by a
    single standard deviation it is 0 whether or not the deviance falls by its variance.
    """
    found: Floats = np.where(diagonal(products), np.maximum(theta, least), theta)
    return found


@dataclass(frozen=True)
class Evaluation:
    """The deviance at one theta, and what estimates and gradient are made of.

    Attributes:
        products: Cross-products.
        theta: Relative covariance parameters.
        triangles: T per term.
        factored: Blocks of E.
        rest: Lower Cholesky factor of S.
        scaled: Λ_R, sparse, or its diagonal where all terms have one coefficient.
        log_m: log|M| = log|V| + log|W|.
        log_xvx: log|X'V⁻¹X|.
        chol_x: Lower Cholesky factor of Q'V⁻¹Q, shape (p, p).
        beta: Coefficients of Q, shape (p,).
        penalised: Penalised residual sum of squares r'V⁻¹r.
        modes: M⁻¹Λ'Z'W[Q, y], in the order of the products, shape (q, p + 1).
        again: Products with A_ER that the gradient uses too.
    """

    products: Products
    theta: Floats
    triangles: tuple[Floats, ...]
    factored: tuple[Factored, ...]
    rest: Floats
    scaled: sparse.csr_array | Floats
    log_m: float
    log_xvx: float
    chol_x: Floats
    beta: Floats
    penalised: float
    modes: Floats
    again: list[Floats]

    def degrees(self, reml: bool) -> int:
        """Rows that sigma² is estimated from: n, or n − p."""
        return self.products.n - (self.products.p if reml else 0)

    def log_part(self, reml: bool) -> float:
        """The part of the deviance that does not hold sigma: log|V| and, for REML, log|X'V⁻¹X|."""
        return self.log_m - self.products.log_weights + (self.log_xvx if reml else 0.0)

    def sigma2(self, reml: bool) -> float:
        """Estimate of sigma², or its value where sampling variances are known."""
        known = self.products.sigma2
        return self.penalised / self.degrees(reml) if known is None else known

    def deviance(self, reml: bool, sigma2: float | None = None) -> float:
        """−2 log likelihood (restricted for REML), at the best sigma² or a given one."""
        s2 = self.sigma2(reml) if sigma2 is None else sigma2
        quadratic = self.penalised / s2
        return self.log_part(reml) + self.degrees(reml) * float(np.log(2 * np.pi * s2)) + quadratic

    @cached_property
    def residual_modes(self) -> Floats:
        """Spherical random effects u = M⁻¹Λ'Z'W(y − Xβ), in the order of the products."""
        u: Floats = self.modes[:, -1] - self.modes[:, :-1] @ self.beta
        return u

    @cached_property
    def inverse_xvx(self) -> Floats:
        """(Q'V⁻¹Q)⁻¹, shape (p, p)."""
        found: Floats = linalg.cho_solve((self.chol_x, True), np.eye(self.products.p))
        return found

    @cached_property
    def rest_inverse(self) -> Floats:
        """S⁻¹, the block of M⁻¹ that belongs to R."""
        if not len(self.rest):
            return np.zeros((0, 0))
        inverse: Floats = linalg.lapack.dpotri(self.rest, lower=1)[0]
        inverse += np.tril(inverse, -1).T
        return inverse

    @cached_property
    def inverse_blocks(self) -> list[Floats]:
        """The blocks of M⁻¹ that belong to E by bucket; only diagonals for scalar ones."""
        coupling = self.products.coupling
        if not len(self.rest):
            return [f.joined(np.zeros_like(f.half)) for f in self.factored]
        return coupling.inverses(self.unscaled_inverse, self.factored, self.again)

    @cached_property
    def unscaled_inverse(self) -> Floats:
        """Λ_R S⁻¹ Λ_R'."""
        return scale(self.rest_inverse, self.scaled, turned=False)

    @cached_property
    def score_modes(self) -> Floats:
        """Z'V⁻¹Q = Z'WQ − AΛM⁻¹Λ'Z'WQ, in the order of the products, shape (q, p)."""
        products, e = self.products, self.products.eliminated
        u = self.modes[:, :-1]
        found = products.border[:, :-1].copy()
        back = (
            u[e:] * self.scaled[:, None]
            if isinstance(self.scaled, np.ndarray)
            else (self.scaled @ u[e:])
        )
        inner = np.empty_like(u[:e])
        table = np.concatenate([[0.0], *(t.ravel() for t in self.triangles)])
        for bucket in products.buckets:
            inner[bucket.columns] = (table[bucket.slot] @ bucket.blocks(u[:e])).reshape(
                -1, u.shape[1]
            )
            found[bucket.columns] -= (bucket.a @ bucket.blocks(inner)).reshape(-1, u.shape[1])
        found[:e] -= products.coupling.c @ back
        found[e:] -= products.coupling.c.T @ inner + products.rest @ back
        return found

    def gradient_parts(self, reml: bool) -> tuple[Floats, Floats]:
        """Gradients by theta of the logarithmic part and of the penalised sum of squares.

        With dV = Z_l(dT T' + T dT')Z_l' summed over levels l, and modes in place of Z'V⁻¹(·):
        d log|V| = 2⟨T'⁻¹ Σ(I − M⁻¹_ll), dT⟩, and likewise −2⟨T'⁻¹ Σ uu', dT⟩ for r'V⁻¹r and
        −2⟨T'⁻¹ Σ u_x (X'V⁻¹X)⁻¹ u_x', dT⟩ for log|X'V⁻¹X|.
        """
        products = self.products
        inverses = self._inverse_sums()
        u, u_x = self.residual_modes, self.modes[:, :-1]
        half = linalg.solve_triangular(self.chol_x, u_x.T, lower=True).T if reml else u_x[:, :0]
        by_column = np.empty((len(products.order), 1 + half.shape[1]))
        by_column[products.order] = np.column_stack([u, half])
        logs, squares = np.zeros(products.parameters), np.zeros(products.parameters)
        for term, t in zip(products.terms, self.triangles, strict=True):
            own = by_column[term.columns].reshape(term.levels, term.k, -1)
            outer = np.einsum("lac,lbc->cab", own, own) if term.k > 1 else None
            if outer is None:
                sums = (own * own).sum(axis=(0, 1))
                first, rest = sums[:1, None], sums[1:].sum(keepdims=True)[:, None]
            else:
                first, rest = outer[0], outer[1:].sum(axis=0)
            size = term.k * term.k
            inverse = inverses[term.slot : term.slot + size].reshape(term.k, term.k)
            safe = t.copy()
            corner = np.diag_indices(term.k)
            safe[corner] = np.where(np.abs(t[corner]) < SMALLEST, SMALLEST, t[corner])
            place = slice(term.theta, term.theta + term.entries)
            trace = term.levels * np.eye(term.k) - inverse - rest
            both = np.stack([2.0 * trace, -2.0 * first])
            logs[place], squares[place] = np.linalg.solve(safe.T, both)[:, *entries(term.k)]
        return logs, squares

    def gradient(self, reml: bool, sigma2: float | None = None) -> Floats:
        """Gradient of :meth:`deviance` by theta, at the best sigma² or a given one."""
        logs, squares = self.gradient_parts(reml)
        s2 = self.sigma2(reml) if sigma2 is None else sigma2
        found: Floats = logs + squares / s2
        return found

    def _inverse_sums(self) -> Floats:
        """Sum over levels of the blocks of M⁻¹, at the slots of the table of factor entries."""
        products = self.products
        size = 1 + sum(term.k**2 for term in products.terms)
        sums = np.zeros(size)
        row, column, slot = products.rest_slot
        if len(slot):
            sums += np.bincount(slot, weights=self.rest_inverse[row, column], minlength=size)
        for f, block in zip(self.factored, self.inverse_blocks, strict=True):
            slots = f.bucket.own if f.bucket.scalar else f.bucket.slot
            sums += np.bincount(slots.ravel(), weights=block.ravel(), minlength=size)
        return sums


def scale(values: Floats, scaled: sparse.csr_array | Floats, *, turned: bool) -> Floats:
    """Λ_R'·values·Λ_R, or Λ_R·values·Λ_R' if not ``turned``."""
    if isinstance(scaled, np.ndarray):
        return values * scaled[:, None] * scaled
    outer = scaled.T if turned else scaled
    found: Floats = np.asarray(outer @ np.asarray(outer @ values).T).T
    return found


def evaluate(products: Products, theta: Floats) -> Evaluation:
    """Solve the model at one theta.

    Raises:
        numpy.linalg.LinAlgError: M or X'V⁻¹X is not positive definite in floating point.
    """
    triangles = lower(products, theta)
    table = np.concatenate([[0.0], *(t.ravel() for t in triangles)])
    factored = tuple(factor(bucket, table) for bucket in products.buckets)
    c, e = products.coupling.c, products.eliminated
    border_e, border_r = products.border[:e], products.border[e:]
    width = border_e.shape[1]
    # K·B_E, and from it the borders of the Schur complement.
    inner = np.empty_like(border_e)
    for f in factored:
        own = f.bucket.blocks(border_e)
        product = f.k * own if f.bucket.size == 1 else f.k @ own
        inner[f.bucket.columns] = product.reshape(-1, width)
    corner = products.corner - border_e.T @ inner
    scaled = _scaled(products, table)
    log_m = sum(f.log_determinant for f in factored)
    again: list[Floats] = []
    if len(products.rest):
        gathered, again = products.coupling.gathered(factored)
        s = scale(products.rest - gathered, scaled, turned=True)
        s[np.diag_indices_from(s)] += 1.0
        rest = linalg.cholesky(s, lower=True, overwrite_a=True, check_finite=False)
        log_m += 2.0 * float(np.log(np.diag(rest)).sum())
        right = border_r - c.T @ inner
        right = right * scaled[:, None] if isinstance(scaled, np.ndarray) else scaled.T @ right
        half = linalg.solve_triangular(rest, right, lower=True, check_finite=False)
        corner = corner - half.T @ half
        modes_r = linalg.solve_triangular(rest, half, lower=True, trans=1, check_finite=False)
    else:
        rest, modes_r = np.zeros((0, 0)), np.zeros((0, width))
    chol_x = np.asarray(np.linalg.cholesky(corner[:-1, :-1]), dtype=np.float64)
    cy = linalg.solve_triangular(chol_x, corner[:-1, -1], lower=True)
    beta = linalg.solve_triangular(chol_x, cy, lower=True, trans=1)
    back = modes_r * scaled[:, None] if isinstance(scaled, np.ndarray) else scaled @ modes_r
    left = border_e - c @ back
    modes_e = np.empty_like(border_e)
    for f in factored:
        own = f.bucket.blocks(left)
        product = f.half * own if f.bucket.size == 1 else f.half @ own
        modes_e[f.bucket.columns] = product.reshape(-1, width)
    return Evaluation(
        products=products,
        theta=theta,
        triangles=tuple(triangles),
        factored=factored,
        rest=rest,
        scaled=scaled,
        log_m=log_m,
        log_xvx=2.0 * float(np.log(np.diag(chol_x)).sum()) + products.log_x,
        chol_x=chol_x,
        beta=beta,
        penalised=float(corner[-1, -1] - cy @ cy),
        modes=np.concatenate([modes_e, modes_r]),
        again=again,
    )


def _scaled(products: Products, table: Floats) -> sparse.csr_array | Floats:
    row, column, slot = products.rest_slot
    size = products.rest.shape[0]
    if len(row) == size:  # one coefficient per level throughout: Λ_R is diagonal
        found = np.empty(size)
        found[row] = table[slot]
        return found
    return sparse.csr_array((table[slot], (row, column)), shape=(size, size))
