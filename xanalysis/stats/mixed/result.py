"""What a fitted mixed model tells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from xanalysis.errors import InputError
from xanalysis.stats.mixed import comparison, describe, effects, explained, intervals
from xanalysis.stats.mixed.fit import Fit
from xanalysis.stats.mixed.inference import FTest, estimates
from xanalysis.stats.mixed.means import Margins, margins, new_rows, pairwise, terms
from xanalysis.stats.mixed.multiplicity import adjusted

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class MixedModel(Fit):
    """A fitted linear mixed model; made by :func:`xanalysis.fit_mixed`.

    Attributes:
        design: The formula, and the rows and columns used.
        optimum: The model at its estimates, and how the search for them ended.
        reml: Fitted by restricted rather than full maximum likelihood.
    """

    # Marginal means

    def means(
        self,
        by: str | Sequence[str],
        *,
        at: Mapping[str, Any] | None = None,
        method: str = "satterthwaite",
        level: float = 0.95,
    ) -> pd.DataFrame:
        """Marginal means of the levels of ``by``, the other factors' levels counting alike.

        Numeric columns are held at their mean or at the values in ``at``. A mean that the data do
        not determine (an empty cell enters it) is missing rather than guessed.

        Returns:
            The columns of ``by`` and estimate, se, df, statistic, p (of being zero), low, high.
        """
        found = margins(self.design, by, at)
        return pd.concat([found.labels, self._margin_table(found, method, level)], axis=1)

    def contrasts(
        self,
        by: str | Sequence[str],
        adjust: str = "holm",
        *,
        within: str | Sequence[str] = (),
        against: Any = None,
        at: Mapping[str, Any] | None = None,
        method: str = "satterthwaite",
        level: float = 0.95,
    ) -> pd.DataFrame:
        """Pairwise differences of marginal means.

        Args:
            by: Column or columns whose means are compared.
            adjust: ``holm``, ``simultaneous`` (multivariate t), ``tukey``, ``bonferroni`` or
                ``none``.
            within: Compare only within levels of these columns, each a family of its own.
            against: Compare all others with this level of ``by`` only; with ``simultaneous`` these
                are Dunnett's tests.
            at: Values at which columns are held.
            method: Degrees of freedom, as in :meth:`inference`.
            level: Simultaneous coverage of the intervals (Bonferroni's where Holm adjusts p).

        Returns:
            The columns of ``within`` and contrast, estimate, se, df, statistic, p (adjusted),
            p_raw, low, high, adjust.
        """
        names = [by] if isinstance(by, str) else list(by)
        inside = [within] if isinstance(within, str) else list(within)
        grid = margins(self.design, [*inside, *(n for n in names if n not in inside)], at)
        labels, rows, families = pairwise(grid, inside, against)
        table = self._margin_table(Margins(labels, rows), method, level)
        table["p_raw"] = table["p"]
        covariance = self.inference(method).covariance
        for family in families:
            own = np.nan_to_num(rows[family][:, self.design.kept])
            spread = own @ covariance @ own.T
            sd = np.sqrt(np.diag(spread))
            sd[sd == 0] = 1.0
            part = table.iloc[family]
            p, critical = adjusted(
                adjust,
                part["statistic"].to_numpy(),
                part["df"].to_numpy(),
                spread / np.outer(sd, sd),
                level,
                len(family) + 1 if against is not None else _means_of(len(family)),
            )
            place = table.index[family]
            table.loc[place, "p"] = p
            table.loc[place, "low"] = part["estimate"] - critical * part["se"]
            table.loc[place, "high"] = part["estimate"] + critical * part["se"]
        table["adjust"] = adjust
        columns = ["estimate", "se", "df", "statistic", "p", "p_raw", "low", "high", "adjust"]
        return pd.concat([labels, table[columns]], axis=1)

    def joint(self, by: str | Sequence[str], *, method: str = "satterthwaite") -> FTest:
        """F-test that the marginal means of ``by`` are all equal."""
        found = margins(self.design, by)
        rows = found.rows[np.isfinite(found.rows).all(axis=1)][:, self.design.kept]
        if len(rows) < 2:
            raise InputError(f"fewer than two means of {by} can be estimated")
        differences = rows[1:] - rows[0]
        return self.inference(method).joint(differences, differences @ self.beta)

    def anova(self, *, method: str = "satterthwaite") -> pd.DataFrame:
        """An F-test of each term: type III, numeric columns of other terms held at their means.

        A term of factors is tested by its (interaction) contrasts of marginal means, so by no
        coding; columns of one variable, such as ``x + I(x ** 2)``, are one term. What an empty
        cell leaves undetermined is left out of a test.

        Returns:
            term, statistic (F), numerator, denominator, p.
        """
        inference, rows = self.inference(method), []
        for name, found in terms(self.design):
            combinations = found[:, self.design.kept]
            if np.abs(combinations).max(initial=0.0) > 0:
                test = inference.joint(combinations, combinations @ self.beta)
                rows.append((name, test.statistic, test.numerator, test.denominator, test.p))
        return pd.DataFrame(rows, columns=["term", "statistic", "numerator", "denominator", "p"])

    def test(self, combinations: pd.DataFrame | Floats, *, method: str = "satterthwaite") -> FTest:
        """F-test that combinations of the fixed effects, shape (r, p), are all zero."""
        rows = np.atleast_2d(np.asarray(combinations, dtype=float))
        if rows.shape[1] != len(self.beta):
            raise InputError(
                f"combinations have {rows.shape[1]} columns", expected=f"{len(self.beta)}"
            )
        return self.inference(method).joint(rows, rows @ self.beta)

    def _margin_table(self, found: Margins, method: str, level: float) -> pd.DataFrame:
        rows = found.rows[:, self.design.kept]
        return estimates(self.inference(method), rows, self.beta, level)

    # Random effects

    @cached_property
    def random_effects(self) -> pd.DataFrame:
        """Conditional modes: group, level, term, estimate, sd (given the fixed effects)."""
        return effects.modes(self.design, self.optimum.evaluation, self.sigma)

    def icc(self) -> pd.DataFrame:
        """Share of the variance that lies between the levels of a group: group, variance, icc."""
        return explained.icc(self)

    def r_squared(self) -> dict[str, float]:
        """Nakagawa's R²: ``marginal`` (fixed effects) and ``conditional`` (and random ones)."""
        return explained.r_squared(self)

    # Rows

    @cached_property
    def fitted(self) -> pd.Series:
        """Fixed plus random effects of each row used."""
        values = self.design.x @ self.beta + effects.contribution(self.design, self._effects)
        return pd.Series(values, index=self.design.data.index, name="fitted")

    @cached_property
    def residuals(self) -> pd.Series:
        """Response minus fitted of each row used."""
        return pd.Series(
            self.design.y - self.fitted.to_numpy(), index=self.design.data.index, name="residual"
        )

    @cached_property
    def _effects(self) -> list[Floats]:
        return effects.by_level(self.design, self.optimum.evaluation)

    def predict(self, data: pd.DataFrame | None = None, *, random: bool = True) -> pd.Series:
        """Predictions for the rows used, or for new data.

        Args:
            data: New rows; None for the rows used.
            random: Add the random effects; a level that the model has not seen adds 0, the mean of
                its population. False predicts from the fixed effects alone.

        Returns:
            Predictions, indexed as the rows; missing where a value of the row is missing.
        """
        if data is None:
            return (
                self.fitted
                if random
                else self.fitted - effects.contribution(self.design, self._effects)
            )
        values = new_rows(self.design, data)[:, self.design.kept] @ self.beta
        if random:
            values = values + effects.new_contribution(self.design, self._effects, data)
        return pd.Series(values, index=data.index, name="prediction")

    # Intervals and comparisons

    def conf_int(
        self,
        method: str = "wald",
        *,
        level: float = 0.95,
        n: int = 1000,
        random_state: int = 0,
    ) -> pd.DataFrame:
        """Confidence intervals.

        Args:
            method: ``wald`` (Satterthwaite's t, fixed effects only), ``profile`` (of the
                likelihood, all parameters) or ``bootstrap`` (parametric, percentiles, all).
            level: Coverage.
            n: Bootstrap samples.
            random_state: Seed of the bootstrap.

        Returns:
            kind (``fixed``, ``sd`` or ``correlation``), term, estimate, low, high.
        """
        return intervals.conf_int(self, method, level=level, n=n, random_state=random_state)

    def likelihood_ratio(
        self, smaller: Fit, *, bootstrap: int = 0, random_state: int = 0
    ) -> pd.DataFrame:
        """Likelihood-ratio test against a model nested in this one, both refitted by ML.

        Args:
            smaller: The model nested in this one.
            bootstrap: Responses simulated from it, to which both are fitted.
            random_state: Seed of the bootstrap.

        Returns:
            One row: statistic, df and p (chi-square); ``boundary``: variances are among what is
            tested, so that p is too large; ``p_mixture``: p by the mixture of chi-squares that
            holds where one variance is tested (Stram and Lee 1994, doi:10.2307/2533455), missing
            where several are; ``p_bootstrap``: share of the simulated statistics that are as
            large (Halekoh and Højsgaard 2014, doi:10.18637/jss.v059.i09).
        """
        return comparison.likelihood_ratio(
            self, smaller, bootstrap=bootstrap, random_state=random_state
        )

    # Words

    def summary(self) -> str:
        """The fit in plain text, 80 columns wide."""
        return describe.summary(self)

    def to_dict(self) -> dict[str, Any]:
        """The fit as JSON values."""
        return describe.as_dict(self)

    def __repr__(self) -> str:
        kind = "REML" if self.reml else "ML"
        return f"<MixedModel {self.formula!r}: {self.n_rows} rows, {kind} {self.deviance:.3f}>"


def _means_of(pairs: int) -> int:
    """How many means have so many pairs."""
    return int(1 + (1 + 8 * pairs) ** 0.5) // 2
