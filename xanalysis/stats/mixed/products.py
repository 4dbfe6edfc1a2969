"""Cross-products of a design, computed once: what the deviance needs of the rows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, sparse
from scipy.sparse import csgraph

from xanalysis.errors import InputError
from xanalysis.stats.mixed.blocks import Bucket, Coupling, cost, couple
from xanalysis.stats.mixed.design import Design

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]

# The rest is held dense; beyond this it does not fit an ordinary machine.
_MOST_REST = 30_000


@dataclass(frozen=True)
class Term:
    """Where the coefficients of a group lie.

    Attributes:
        k: Coefficients per level.
        levels: Number of levels.
        start: First column of Z.
        slot: Place of T[0, 0] in the table of factor entries, whose entry 0 is zero.
        theta: Place of its first parameter.
    """

    k: int
    levels: int
    start: int
    slot: int
    theta: int

    @property
    def columns(self) -> slice:
        """Its columns of Z."""
        return slice(self.start, self.start + self.k * self.levels)

    @property
    def entries(self) -> int:
        """Its entries of theta."""
        return self.k * (self.k + 1) // 2


@dataclass(frozen=True)
class Products:
    """Weighted cross-products, X in an orthonormal basis and y less its least-squares fit.

    Attributes:
        n: Rows.
        terms: Layout of the random effects.
        order: Column of Z at each place: those of E, block by block, then those of R.
        buckets: Blocks of E.
        coupling: A_ER.
        rest: A_RR, shape (r, r).
        rest_slot: Row, column and slot of the entries of Λ_R, each shape (entries,).
        border: Z'W[Q, y], in the order of ``order``, shape (q, p + 1).
        corner: [Q, y]'W[Q, y], shape (p + 1, p + 1).
        basis: R⁻¹ with Q = XR⁻¹, shape (p, p).
        shift: Least-squares coefficients, which were taken off y.
        log_x: log|X'WX|.
        log_weights: Sum of the log weights.
        sigma2: sigma² where it is known, else None.
    """

    n: int
    terms: tuple[Term, ...]
    order: Ints
    buckets: tuple[Bucket, ...]
    coupling: Coupling
    rest: Floats
    rest_slot: tuple[Ints, Ints, Ints]
    border: Floats
    corner: Floats
    basis: Floats
    shift: Floats
    log_x: float
    log_weights: float
    sigma2: float | None

    @property
    def p(self) -> int:
        """Fixed effects."""
        return len(self.shift)

    @property
    def eliminated(self) -> int:
        """Columns in E."""
        return len(self.order) - len(self.rest)

    @cached_property
    def widest(self) -> int:
        """Columns of the largest matrix that is factored."""
        return max([len(self.rest), *(bucket.size for bucket in self.buckets)])

    @property
    def parameters(self) -> int:
        """Entries of theta."""
        return sum(term.entries for term in self.terms)


def loadings(design: Design) -> sparse.csr_array:
    """Z, with the known covariance between levels worked in; shape (n, q)."""
    n, start = len(design.y), 0
    columns, values = [np.zeros((n, 0), dtype=np.intp)], [np.zeros((n, 0))]
    roots: list[Any] = []
    for group in design.groups:
        k, levels = len(group.columns), len(group.levels)
        columns.append(start + group.codes[:, None] * k + np.arange(k))
        values.append(group.values)
        own = sparse.eye_array(levels) if group.root is None else sparse.csr_array(group.root)
        roots.append((own, k))
        start += k * levels
    place, value = np.concatenate(columns, axis=1), np.concatenate(values, axis=1)
    if not start:
        return sparse.csr_array((n, 0))
    rows = np.arange(n + 1) * place.shape[1]
    z = sparse.csr_array((value.ravel(), place.ravel(), rows), shape=(n, start))
    if any(group.root is not None for group in design.groups):
        whole = sparse.block_diag([sparse.kron(own, sparse.eye_array(k)) for own, k in roots])
        z = sparse.csr_array(z @ sparse.csr_array(whole))
    return z


def compute(design: Design) -> Products:
    """The cross-products of a design, and the best parting of its random effects."""
    terms, start, slot, theta = [], 0, 1, 0
    for group in design.groups:
        k = len(group.columns)
        terms.append(Term(k, len(group.levels), start, slot, theta))
        start, slot, theta = start + k * len(group.levels), slot + k * k, theta + k * (k + 1) // 2
    z = loadings(design)
    root = np.sqrt(design.weights)
    plain = bool((design.weights == 1.0).all())
    if not plain:
        z = sparse.csr_array(sparse.diags_array(root) @ z)
    x = design.x if plain else design.x * root[:, None]
    y = design.y if plain else design.y * root
    r = cast(Floats, np.linalg.qr(x, mode="r"))
    basis: Floats = linalg.solve_triangular(r, np.eye(len(r)))
    shift = basis @ (basis.T @ (x.T @ y))
    y = y - x @ shift
    again = basis @ (basis.T @ (x.T @ y))  # one step of refinement
    shift, y = shift + again, y - x @ again
    a = sparse.csr_array(z.T @ z)
    zx = np.asarray(z.T @ x) @ basis
    corner = np.zeros((len(shift) + 1, len(shift) + 1))
    corner[:-1, :-1] = np.eye(len(shift))
    corner[-1, :-1] = corner[:-1, -1] = basis.T @ (x.T @ y)
    corner[-1, -1] = y @ y
    if corner[-1, -1] <= 1e-20 * float(design.y @ (design.weights * design.y)):
        raise InputError(
            f"the fixed effects of '{design.formula.text}' fit the response exactly: "
            "no variation is left to model"
        )
    border = np.column_stack([zx, z.T @ y])
    eliminated, sizes = _part(a, terms, design)
    rest = np.setdiff1d(np.arange(a.shape[0]), eliminated)
    if len(rest) > _MOST_REST:
        raise InputError(
            f"the groups cross in {len(rest)} levels beyond the largest group, which takes "
            f"{len(rest) ** 2 * 8 / 2**30:.0f} GiB",
            expected=f"at most {_MOST_REST}",
        )
    order = np.concatenate([eliminated, rest])
    within, slots = _layout(terms)
    c = sparse.csr_array(a[eliminated][:, rest])
    c.sort_indices()
    buckets = _buckets(
        sparse.csr_array(a[eliminated][:, eliminated]), eliminated, sizes, within, slots
    )
    return Products(
        n=len(y),
        terms=tuple(terms),
        order=order,
        buckets=buckets,
        coupling=couple(c, buckets, sizes),
        rest=a[rest][:, rest].toarray(),
        rest_slot=_entries(rest, within, slots),
        border=border[order],
        corner=corner,
        basis=basis,
        shift=shift,
        log_x=2.0 * float(np.log(np.abs(np.diag(r))).sum()),
        log_weights=float(np.log(design.weights).sum()),
        sigma2=design.sigma2,
    )


def with_response(products: Products, design: Design, z: sparse.csr_array, y: Floats) -> Products:
    """The same model of another response ``y``; ``z`` are the design's :func:`loadings`."""
    weighted = design.weights * y
    shift = products.basis @ (products.basis.T @ (design.x.T @ weighted))
    y = y - design.x @ shift
    weighted = design.weights * y
    border, corner = products.border.copy(), products.corner.copy()
    border[:, -1] = (z.T @ weighted)[products.order]
    corner[-1, :-1] = corner[:-1, -1] = products.basis.T @ (design.x.T @ weighted)
    corner[-1, -1] = y @ weighted
    return replace(products, border=border, corner=corner, shift=shift)


def _layout(terms: list[Term]) -> tuple[Ints, Ints]:
    """Per column of Z: an id of its term and level, and the slot of T[0, 0] less what k² adds.

    Two columns with the same id meet in Λ at slot ``slots[i] + k·a_i + a_j``.
    """
    ids, slots, level = [], [], 0
    for term in terms:
        ids.append(level + np.repeat(np.arange(term.levels), term.k))
        coefficient = np.tile(np.arange(term.k), term.levels)
        slots.append(np.column_stack([term.slot + term.k * coefficient, coefficient]))
        level += term.levels
    if not terms:
        return np.zeros(0, dtype=np.intp), np.zeros((0, 2), dtype=np.intp)
    return np.concatenate(ids), np.concatenate(slots)


def _entries(columns: Ints, ids: Ints, slots: Ints) -> tuple[Ints, Ints, Ints]:
    """Where Λ restricted to ``columns`` is not zero, and with which slot."""
    own = ids[columns]
    incidence = sparse.csr_array(
        (np.ones(len(own)), (np.arange(len(own)), np.unique(own, return_inverse=True)[1])),
        shape=(len(own), len(np.unique(own))),
    )
    same = (incidence @ incidence.T).tocoo()
    row, column = same.coords
    slot = slots[columns[row], 0] + slots[columns[column], 1]
    return row.astype(np.intp), column.astype(np.intp), slot


def _part(a: sparse.csr_array, terms: list[Term], design: Design) -> tuple[Ints, Ints]:
    """Columns of E, block by block from the smallest, and the size of each block.

    Tried are each group alone and each group with all that is nested in it.
    """
    free = [i for i, group in enumerate(design.groups) if group.root is None]
    if not free:
        return np.zeros(0, dtype=np.intp), np.zeros(0, dtype=np.intp)
    ids, _ = _layout(terms)
    nested = {
        hub: [i for i in free if i == hub or _nested(a, terms[i], terms[hub])] for hub in free
    }
    # The coefficients of a level belong together even where the data do not join them.
    joined = sparse.csr_array((np.ones(len(ids)), (np.arange(len(ids)), ids)))
    options = {(hub,) for hub in free} | {tuple(nested[hub]) for hub in free}
    best: tuple[float, Ints, Ints] | None = None
    for option in sorted(options):
        columns = np.concatenate([np.arange(a.shape[0])[terms[i].columns] for i in option])
        inner = abs(a[columns][:, columns]) + joined[columns] @ joined[columns].T
        count, component = csgraph.connected_components(inner, directed=False)
        sizes = np.bincount(component, minlength=count)
        place = np.lexsort((columns, component, sizes[component]))
        columns = columns[place]
        sizes = np.sort(sizes)
        rest = np.setdiff1d(np.arange(a.shape[0]), columns)
        c = sparse.csr_array(a[columns][:, rest])
        price = cost(c, sizes)
        if best is None or price < best[0]:
            best = (price, columns, sizes)
    assert best is not None  # there is at least one group
    return best[1], best[2]


def _nested(a: sparse.csr_array, inner: Term, outer: Term) -> bool:
    """Each level of ``inner`` meets one level of ``outer`` at most."""
    row, column = a[inner.columns, outer.columns].tocoo().coords
    pairs = np.unique((row // inner.k).astype(np.int64) * outer.levels + column // outer.k)
    level = pairs // outer.levels
    return bool((np.diff(level) > 0).all())


def _buckets(
    a: sparse.csr_array, columns: Ints, sizes: Ints, ids: Ints, slots: Ints
) -> tuple[Bucket, ...]:
    entries = a.tocoo()
    rows, others = entries.coords
    buckets, start = [], 0
    for size in np.unique(sizes):
        count = int((sizes == size).sum())
        inside = (rows >= start) & (rows < start + count * size)
        dense = np.zeros((count, size, size))
        row, other = rows[inside] - start, others[inside] - start
        dense[row // size, row % size, other % size] = entries.data[inside]
        own = columns[start : start + count * size].reshape(count, size)
        same = ids[own][:, :, None] == ids[own][:, None, :]
        slot = slots[own, 0][:, :, None] + slots[own, 1][:, None, :]
        buckets.append(Bucket(start, int(size), dense, np.where(same, slot, 0)))
        start += count * size
    return tuple(buckets)
