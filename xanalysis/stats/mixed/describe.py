"""A fit in words and as JSON values."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd

from xanalysis.stats.mixed.explained import icc, r_squared
from xanalysis.stats.mixed.fit import Fit


def summary(model: Fit) -> str:
    """The fit in plain text, 80 columns wide."""
    kind = "REML" if model.reml else "maximum likelihood"
    groups = ", ".join(
        f"{group.name} {len(group.levels)}" for group in model.design.groups if not group.residual
    )
    lines = [
        f"Linear mixed model by {kind}",
        model.formula,
        f"{model.n_rows} rows; levels: {groups or 'none'}",
        f"-2 log likelihood {model.deviance:.3f}, AIC {model.aic:.1f}, BIC {model.bic:.1f}",
        "",
        "Random effects",
        _table(model.variances),
    ]
    if len(model.correlations):
        lines += ["", _table(model.correlations)]
    lines += ["", "Fixed effects (Satterthwaite)", coefficient_lines(model.coefficients)]
    if model.notes:
        lines += ["", *(f"Note: {note}" for note in model.notes)]
    return "\n".join(lines)


def _table(frame: pd.DataFrame) -> str:
    return frame.to_string(index=False, float_format=lambda v: f"{v:.4g}", justify="left")


def coefficient_lines(frame: pd.DataFrame) -> str:
    """A table of coefficients as text, at most 80 columns wide."""
    width = max(12, min(34, int(frame["term"].str.len().max())))
    heads = ("estimate", "se", "df", "t", "p")
    text = [f"{'term':<{width}}" + "".join(f"{head:>9}" for head in heads)]
    numbers = frame[["estimate", "se", "df", "statistic", "p"]].to_numpy(dtype=float).tolist()
    for term, (*values, p) in zip(frame["term"].astype(str), numbers, strict=True):
        shown = term if len(term) <= width else term[: width - 1] + "…"
        cells = [*(_short(v) for v in values), "< .0001" if p < 1e-4 else f"{p:.4f}"]
        text.append(f"{shown:<{width}}" + "".join(f"{cell:>9}" for cell in cells))
    return "\n".join(text)


def _short(value: float) -> str:
    small = value != 0 and abs(value) < 1e-4
    return f"{value:.2e}" if small or abs(value) >= 1e5 else f"{value:.4g}"


def as_dict(model: Fit) -> dict[str, Any]:
    """The fit as JSON values; missing and infinite numbers are null."""
    found = {
        "formula": model.formula,
        "method": "REML" if model.reml else "ML",
        "n_rows": model.n_rows,
        "dropped": records(model.dropped),
        "aliased": list(model.aliased),
        "levels": {g.name: len(g.levels) for g in model.design.groups if not g.residual},
        "deviance": model.deviance,
        "log_likelihood": model.log_likelihood,
        "aic": model.aic,
        "bic": model.bic,
        "sigma": model.sigma,
        "theta": model.theta.tolist(),
        "coefficients": records(model.coefficients),
        "variances": records(model.variances),
        "correlations": records(model.correlations),
        "icc": records(icc(model)),
        "r_squared": r_squared(model),
        "convergence": model.convergence,
        "notes": list(model.notes),
    }
    return {key: _plain(value) for key, value in found.items()}


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """A frame as JSON values, one object per row."""
    return [{str(k): _plain(v) for k, v in row.items()} for row in frame.to_dict(orient="records")]


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if value is None or isinstance(value, str | int | float | bool):
        return value
    return str(value)
