"""What a meta-analysis tells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from xanalysis.errors import InputError
from xanalysis.stats.meta.given import Input


@dataclass(frozen=True)
class MetaAnalysis:
    """A fitted meta-analysis. Units are those of the effects (points, for gains).

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

    def summary(self) -> str:
        """The analysis in plain text, 80 columns wide."""
        from xanalysis.stats.meta.describe import summary

        return summary(self)

    def leave_one_out(self) -> pd.DataFrame:
        """The pooled effect without each effect (each outermost group, in a nested model)."""
        from xanalysis.stats.meta.diagnostics import leave_one_out

        return leave_one_out(self)

    def influence(self) -> pd.DataFrame:
        """How much each effect pulls: residuals, hat values, Cook's distances, ..."""
        from xanalysis.stats.meta.diagnostics import influence

        return influence(self)

    def egger(self) -> pd.Series:
        """Egger's regression test of funnel asymmetry."""
        from xanalysis.stats.meta.diagnostics import egger

        return egger(self)

    def subgroups(self, by: Sequence[object]) -> pd.DataFrame:
        """A meta-analysis per subgroup, and the test between subgroups."""
        from xanalysis.stats.meta.diagnostics import subgroups

        return subgroups(self, by)

    def forest(self) -> pd.DataFrame:
        """The rows of a forest plot."""
        from xanalysis.stats.meta.plots import forest

        return forest(self)

    def funnel(self) -> pd.DataFrame:
        """The points of a funnel plot."""
        from xanalysis.stats.meta.plots import funnel

        return funnel(self)

    def without(self, rows: NDArray[np.bool_]) -> MetaAnalysis:
        """The same analysis without some effects."""
        from xanalysis.stats.meta.fitting import analyse

        return analyse(self.given.select(~rows))

    @property
    def given(self) -> Input:
        """What was analysed."""
        if self._input is None:
            raise InputError("this result was read back from a file: analyse the effects again")
        return self._input
