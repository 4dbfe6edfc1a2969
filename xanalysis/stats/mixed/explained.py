"""How much of the variance a model explains."""

from __future__ import annotations

import numpy as np
import pandas as pd

from xanalysis.stats.mixed.design import ROW
from xanalysis.stats.mixed.fit import Fit


def shares(model: Fit) -> pd.DataFrame:
    """Mean variance over the rows used that each group and the residual contribute."""
    design, rows = model.design, []
    s2 = model.sigma**2
    for group, t in zip(design.groups, model.optimum.evaluation.triangles, strict=True):
        spread = ((group.values @ t) ** 2).sum(axis=1)
        if group.root is not None:
            spread = spread * (group.root**2).sum(axis=1)[group.codes]
        rows.append((ROW if group.residual else group.name, s2 * float(spread.mean())))
    rows.append((ROW, s2 * float((1.0 / design.weights).mean())))
    frame = pd.DataFrame(rows, columns=["group", "variance"])
    return frame.groupby("group", sort=False, as_index=False).sum()


def icc(model: Fit) -> pd.DataFrame:
    """Share of each group in the variance that the fixed effects leave: group, variance, icc."""
    frame = shares(model)
    frame["icc"] = frame["variance"] / frame["variance"].sum()
    return frame


def r_squared(model: Fit) -> dict[str, float]:
    """Nakagawa and Schielzeth's R² (2013, doi:10.1111/j.2041-210x.2012.00261.x).

    With slopes, a group's variance is its mean over the rows (Johnson 2014,
    doi:10.1111/2041-210X.12225).
    """
    fixed = float(np.var(model.design.x @ model.beta, ddof=1))
    frame = shares(model).set_index("group")["variance"]
    total = fixed + float(frame.sum())
    return {
        "marginal": fixed / total,
        "conditional": (total - float(frame.get(ROW, 0.0))) / total,
    }
