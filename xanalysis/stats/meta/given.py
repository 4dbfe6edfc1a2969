"""The checked input of a meta-analysis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from xanalysis.errors import InputError
from xanalysis.stats.meta.design import design, group_numbers

Vector = NDArray[np.float64]


@dataclass(frozen=True)
class Input:
    """Checked input of an analysis.

    Attributes:
        names: Of the effects.
        y: Effects.
        v: Sampling variances.
        x: Design with the intercept first.
        terms: Names of the columns of ``x``.
        groups: Group numbers per nested level, outermost first; empty in an ordinary model.
        levels: Names of those levels.
        method: Estimator of tau².
        test: How coefficients are tested.
        level: Of intervals.
        notes: About the input.
    """

    names: list[str]
    y: Vector
    v: Vector
    x: Vector
    terms: list[str]
    groups: list[NDArray[np.int64]]
    levels: list[str]
    method: str
    test: str
    level: float
    notes: tuple[str, ...] = ()

    def select(self, keep: NDArray[np.bool_]) -> Input:
        """The same analysis of some of the effects."""
        return replace(
            self,
            names=[name for name, kept in zip(self.names, keep, strict=True) if kept],
            y=self.y[keep],
            v=self.v[keep],
            x=self.x[keep],
            groups=[
                np.unique(g[keep], return_inverse=True)[1].astype(np.int64) for g in self.groups
            ],
        )


def checked(
    effects: ArrayLike,
    variances: ArrayLike,
    moderators: pd.DataFrame | pd.Series | None,
    clusters: pd.DataFrame | pd.Series | Sequence[object] | None,
    names: Sequence[str] | None,
    method: str,
    test: str,
    level: float,
) -> Input:
    """What :func:`xanalysis.stats.meta.meta_analyse` was given, or an InputError."""
    y, v = _numbers(effects, "effects"), _numbers(variances, "variances")
    if (
        isinstance(effects, pd.Series)
        and isinstance(variances, pd.Series)
        and not effects.index.equals(variances.index)
    ):
        raise InputError("effects and variances have different indexes")
    if len(y) != len(v):
        raise InputError(f"{len(y)} effects but {len(v)} variances")
    labels = [str(i + 1) for i in range(len(y))] if names is None else [str(n) for n in names]
    if len(labels) != len(y):
        raise InputError(f"{len(y)} effects but {len(labels)} names")
    missing = np.isnan(y) | np.isnan(v)
    covariates = None
    if moderators is not None:
        covariates = pd.DataFrame(moderators).reset_index(drop=True)
        if len(covariates) != len(y):
            raise InputError(f"{len(y)} effects but {len(covariates)} rows of moderators")
        missing |= covariates.isna().any(axis=1).to_numpy()
    nested = None
    if clusters is not None:
        nested = pd.DataFrame(clusters).reset_index(drop=True)
        if len(nested) != len(y):
            raise InputError(f"{len(y)} effects but {len(nested)} rows of clusters")
        missing |= nested.isna().any(axis=1).to_numpy()
    notes: list[str] = []
    if missing.any():
        lost = [labels[i] for i in np.flatnonzero(missing)]
        shown = ", ".join(lost[:5]) + (", …" if len(lost) > 5 else "")
        counted = "1 effect" if len(lost) == 1 else f"{len(lost)} effects"
        notes.append(f"{counted} left out, because a value is missing: {shown}")
    keep = np.flatnonzero(~missing)
    y, v, labels = y[keep], v[keep], [labels[i] for i in keep]
    for i, label in enumerate(labels):
        if not np.isfinite(y[i]) or not np.isfinite(v[i]):
            raise InputError(f"effect '{label}' or its variance is infinite")
        if v[i] <= 0:
            raise InputError(
                f"the variance of effect '{label}' is {v[i]:g}", expected="a positive number"
            )
    if len(y) < 2:
        raise InputError(f"{len(y)} effect with a variance", expected="at least 2 to pool")
    x, terms = design(None if covariates is None else covariates.iloc[keep], len(y))
    if x.shape[1] >= len(y):
        raise InputError(
            f"{x.shape[1]} coefficients for {len(y)} effects", expected="fewer moderators"
        )
    groups, levels = ([], []) if nested is None else group_numbers(nested.iloc[keep])
    if groups and method not in ("REML", "ML", "FE"):
        raise InputError(
            f"method '{method}' has no form for nested effects", expected="REML, ML or FE"
        )
    return Input(labels, y, v, x, terms, groups, levels, method, test, level, tuple(notes))


def _numbers(values: ArrayLike, name: str) -> Vector:
    try:
        return np.asarray(values, dtype=np.float64).ravel()
    except (TypeError, ValueError) as error:
        raise InputError(f"the {name} are no numbers: {error}") from error
