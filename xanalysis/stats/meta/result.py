"""The numbers of a meta-analysis."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from xanalysis.errors import InputError
from xanalysis.stats.meta.given import Input


@dataclass(frozen=True)
class Pooled:
    """A fitted meta-analysis as numbers. Units are those of the effects (points, for gains).

    Attributes:
        coefficients: term, estimate, se, df, statistic, p, low, high; the first term is the pooled
            effect, or the intercept where there are moderators.
        heterogeneity: quantity, value, low, high: ``tau2`` (with its Q-profile interval), ``tau``,
            ``I2`` (percent), ``H2``; in a nested model the variance of every level.
        prediction: low, high: where the true effect of a further study would lie (for the first
            term; with moderators, for a study with all of them at their reference).
        q: Cochran's Q, its df and p: are the effects more different than their errors allow?
        moderators: QM, its df and p: do the moderators matter? None without moderators.
        effects: name, effect, variance, weight (percent), fitted.
        method: Estimator of tau².
        test: How coefficients are tested; ``cluster-robust`` (CR2) in nested models.
        k: Number of effects.
        clusters: Number of outermost groups; None where there are none.
        log_likelihood: At the estimate: restricted for REML, else the full one.
        level: Of all intervals.
        notes: What the reader must know: dropped rows, tau² at zero, few clusters.
    """

    coefficients: pd.DataFrame
    heterogeneity: pd.DataFrame
    prediction: tuple[float, float]
    q: tuple[float, int, float]
    moderators: tuple[float, int, float] | None
    effects: pd.DataFrame
    method: str
    test: str
    k: int
    clusters: int | None
    log_likelihood: float
    level: float
    notes: tuple[str, ...] = ()
    _input: Input | None = field(default=None, repr=False, compare=False)

    @property
    def estimate(self) -> float:
        """The pooled effect (the intercept, with moderators)."""
        return float(self.coefficients["estimate"].iloc[0])

    @property
    def tau2(self) -> float:
        """Variance between true effects (the sum over levels in a nested model)."""
        return float(self.heterogeneity.set_index("quantity")["value"]["tau2"])

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain values, frames as lists of rows."""
        names = ("q", "df", "p")
        return {
            "method": self.method,
            "test": self.test,
            "k": self.k,
            "clusters": self.clusters,
            "level": self.level,
            "log_likelihood": self.log_likelihood,
            "coefficients": self.coefficients.to_dict("records"),
            "heterogeneity": self.heterogeneity.to_dict("records"),
            "prediction": {"low": self.prediction[0], "high": self.prediction[1]},
            "q": dict(zip(names, self.q, strict=True)),
            "moderators": None
            if self.moderators is None
            else dict(zip(names, self.moderators, strict=True)),
            "effects": self.effects.to_dict("records"),
            "notes": list(self.notes),
        }

    @property
    def given(self) -> Input:
        """What was analysed."""
        if self._input is None:
            raise InputError("this result was read back from a file: analyse the effects again")
        return self._input
