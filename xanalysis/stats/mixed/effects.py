"""Variance components and conditional modes of the random effects."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from xanalysis.stats.mixed.design import ROW, Design, levels_of
from xanalysis.stats.mixed.deviance import Evaluation

Floats = NDArray[np.float64]


def variances(design: Design, evaluation: Evaluation, sigma: float) -> pd.DataFrame:
    """Variance components: group, term, variance, sd."""
    rows = []
    for group, t in zip(design.groups, evaluation.triangles, strict=True):
        spread = sigma**2 * np.diag(t @ t.T)
        name = ROW if group.residual else group.name
        rows += [(name, c, v) for c, v in zip(group.columns, spread, strict=True)]
    if design.sigma2 is None:
        rows.append((ROW, "", sigma**2))
    frame = pd.DataFrame(rows, columns=["group", "term", "variance"])
    frame["variance"] = frame["variance"].astype(float)
    frame["sd"] = np.sqrt(frame["variance"])
    return frame


def correlations(design: Design, evaluation: Evaluation) -> pd.DataFrame:
    """Correlations of coefficients: group, term, other, correlation."""
    rows = []
    for group, t in zip(design.groups, evaluation.triangles, strict=True):
        covariance = t @ t.T
        sd = np.sqrt(np.diag(covariance))
        for i in range(len(sd)):
            for j in range(i):
                ok = sd[i] > 0 and sd[j] > 0
                value = covariance[i, j] / (sd[i] * sd[j]) if ok else np.nan
                rows.append((group.name, group.columns[j], group.columns[i], value))
    return pd.DataFrame(rows, columns=["group", "term", "other", "correlation"])


def by_level(design: Design, evaluation: Evaluation) -> list[Floats]:
    """Conditional modes b = ΛU of each group, shape (levels, k)."""
    products = evaluation.products
    u = np.empty(len(products.order))
    u[products.order] = evaluation.residual_modes
    found = []
    for group, term, t in zip(design.groups, products.terms, evaluation.triangles, strict=True):
        own = u[term.columns].reshape(term.levels, term.k) @ t.T
        found.append(own if group.root is None else group.root @ own)
    return found


def modes(design: Design, evaluation: Evaluation, sigma: float) -> pd.DataFrame:
    """Conditional modes: group, level, term, estimate, sd."""
    frames = []
    values = by_level(design, evaluation)
    spreads = _deviations(design, evaluation)
    for group, b, sd in zip(design.groups, values, spreads, strict=True):
        if group.residual:
            continue
        k = len(group.columns)
        frames.append(
            pd.DataFrame(
                {
                    "group": group.name,
                    "level": np.repeat(np.array(group.levels, dtype=object), k),
                    "term": np.tile(np.array(group.columns, dtype=object), len(group.levels)),
                    "estimate": b.ravel(),
                    "sd": sigma * sd.ravel(),
                }
            )
        )
    if not frames:
        return pd.DataFrame(columns=["group", "level", "term", "estimate", "sd"])
    return pd.concat(frames, ignore_index=True)


def _deviations(design: Design, evaluation: Evaluation) -> list[Floats]:
    """Relative standard deviations of the modes: roots of the diagonal of Λ M⁻¹ Λ'."""
    products = evaluation.products
    spread = np.empty(len(products.order))
    for f, block in zip(evaluation.factored, evaluation.inverse_blocks, strict=True):
        if f.bucket.scalar:
            spread[f.bucket.columns] = (f.scale**2 * block).ravel()
            continue
        whole = f.scale @ block @ f.scale.transpose(0, 2, 1)
        spread[f.bucket.columns] = np.diagonal(whole, axis1=1, axis2=2).ravel()
    inverse = evaluation.unscaled_inverse
    spread[products.eliminated :] = np.diag(inverse)
    by_column = np.empty_like(spread)
    by_column[products.order] = spread
    place = np.empty(len(products.order), dtype=np.intp)
    place[products.order] = np.arange(len(products.order))
    found = []
    for group, term in zip(design.groups, products.terms, strict=True):
        own = by_column[term.columns].reshape(term.levels, term.k)
        if group.root is not None:  # related levels are never eliminated: their block is in R
            at = place[term.columns].reshape(term.levels, term.k) - products.eliminated
            own = np.column_stack(
                [
                    np.einsum(
                        "ij,jk,ik->i", group.root, inverse[np.ix_(at[:, a], at[:, a])], group.root
                    )
                    for a in range(term.k)
                ]
            )
        found.append(np.sqrt(np.maximum(own, 0.0)))
    return found


def contribution(design: Design, values: list[Floats]) -> Floats:
    """Sum of the random effects of each row used; noise of single rows is none of them."""
    total = np.zeros(len(design.y))
    for group, b in zip(design.groups, values, strict=True):
        if not group.residual:
            total += (group.values * b[group.codes]).sum(axis=1)
    return total


def new_contribution(design: Design, values: list[Floats], data: pd.DataFrame) -> Floats:
    """Sum of the random effects of new rows; 0 for levels that the model has not seen."""
    total = np.zeros(len(data))
    for group, b in zip(design.groups, values, strict=True):
        if group.residual or not set(group.factors) <= set(data.columns):
            continue
        codes, names = levels_of(data, group.factors)
        known = {name: i for i, name in enumerate(group.levels)}
        place = np.array([known.get(name, -1) for name in names], dtype=np.intp)[codes]
        if group.spec is None:
            columns = np.ones((len(data), 1))
        else:
            columns = group.spec.get_model_matrix(data, context={}, na_action="ignore").to_numpy(
                dtype=float
            )
        total += np.where(place >= 0, (columns * b[np.maximum(place, 0)]).sum(axis=1), 0.0)
    return total
