"""A meta-analysis in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from xanalysis.stats.mixed.describe import coefficient_lines

if TYPE_CHECKING:
    from xanalysis.stats.meta.result import Pooled


def summary(result: Pooled) -> str:
    """The analysis in plain text, 80 columns wide."""
    percent = f"{100 * result.level:g} %"
    groups = "" if result.clusters is None else f" in {result.clusters} clusters"
    first = result.coefficients.iloc[0]
    value, df, p = result.q
    lines = [
        f"Meta-analysis of {result.k} effects{groups}: {result.method}, test {result.test}",
        "",
        coefficient_lines(result.coefficients),
        "",
        f"{first['term']}: {percent} interval {first['low']:.4g} to {first['high']:.4g}",
        f"a further study: {percent} prediction interval "
        f"{result.prediction[0]:.4g} to {result.prediction[1]:.4g}",
        "",
    ]
    names = result.heterogeneity["quantity"].astype(str)
    numbers = result.heterogeneity[["value", "low", "high"]].to_numpy(np.float64).tolist()
    for name, (estimate, low, high) in zip(names, numbers, strict=True):
        interval = "" if np.isnan(low) else f"  ({low:.4g} to {high:.4g})"
        unit = " %" if name.startswith("I2") else ""
        lines.append(f"{name:<16}{estimate:.4g}{unit}{interval}")
    lines.append(f"Q({df}) = {value:.4g}, p = {p:.4g}")
    if result.moderators is not None:
        lines.append(
            f"QM of {result.moderators[1]} moderator columns: {result.moderators[0]:.4g}, "
            f"p = {result.moderators[2]:.4g}"
        )
    if result.notes:
        lines += ["", *(f"Note: {note}" for note in result.notes)]
    return "\n".join(lines)
