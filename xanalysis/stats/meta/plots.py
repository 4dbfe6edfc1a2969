"""Data of forest and funnel plots, as frames; the report draws them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.stats import norm

if TYPE_CHECKING:
    from xanalysis.stats.meta.result import Pooled


def forest(result: Pooled) -> pd.DataFrame:
    """Rows of a forest plot.

    Returns:
        ``name``, ``effect``, ``low``, ``high``, ``weight`` (percent) and ``kind``: ``effect`` per
        effect (normal interval of its own error), then ``pooled`` and ``prediction``.
    """
    effects = result.effects
    margin = norm.ppf(0.5 + result.level / 2) * np.sqrt(effects["variance"])
    rows = pd.DataFrame(
        {
            "name": effects["name"],
            "effect": effects["effect"],
            "low": effects["effect"] - margin,
            "high": effects["effect"] + margin,
            "weight": effects["weight"],
            "kind": "effect",
        }
    )
    first = result.coefficients.iloc[0]
    pooled = ["pooled", first["estimate"], first["low"], first["high"], 100.0, "pooled"]
    low, high = result.prediction
    ahead = ["prediction", first["estimate"], low, high, np.nan, "prediction"]
    return pd.concat([rows, pd.DataFrame([pooled, ahead], columns=rows.columns)], ignore_index=True)


def funnel(result: Pooled) -> pd.DataFrame:
    """Points of a funnel plot.

    Returns:
        ``name``, ``effect``, ``se``, and the funnel's edges ``low`` and ``high`` at that standard
        error: where an effect would lie if sampling error were all (``level`` of them).
    """
    effects = result.effects
    se = np.sqrt(effects["variance"])
    margin = norm.ppf(0.5 + result.level / 2) * se
    return pd.DataFrame(
        {
            "name": effects["name"],
            "effect": effects["effect"],
            "se": se,
            "low": result.estimate - margin,
            "high": result.estimate + margin,
        }
    )
