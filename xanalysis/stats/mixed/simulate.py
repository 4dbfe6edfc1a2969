"""Responses simulated from a fitted model."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from xanalysis.stats.mixed.fit import Fit
from xanalysis.stats.mixed.products import loadings

Floats = NDArray[np.float64]


def responses(model: Fit, n: int, random_state: int) -> Iterator[Floats]:
    """``n`` responses with new random effects and new residuals, each of shape (rows,)."""
    design, evaluation = model.design, model.optimum.evaluation
    z = loadings(design)
    rng = np.random.default_rng(random_state)
    centre = design.x @ model.beta
    noise = model.sigma / np.sqrt(design.weights)
    for _ in range(n):
        u = rng.standard_normal(z.shape[1])
        parts = [
            (u[term.columns].reshape(term.levels, term.k) @ t.T).ravel()
            for term, t in zip(evaluation.products.terms, evaluation.triangles, strict=True)
        ]
        b = np.concatenate([np.zeros(0), *parts])
        yield centre + model.sigma * (z @ b) + noise * rng.standard_normal(len(centre))
