"""What a fitted mixed model tells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from xanalysis.errors import InputError, unknown_name
from xanalysis.stats.mixed import describe, effects, explained, intervals
from xanalysis.stats.mixed.design import Design
from xanalysis.stats.mixed.inference import (
    FixedDf,
    FTest,
    Inference,
    Satterthwaite,
    estimates,
)
from xanalysis.stats.mixed.kenward import KenwardRoger
from xanalysis.stats.mixed.means import Margins, margins, new_rows, pairwise
from xanalysis.stats.mixed.multiplicity import adjusted
from xanalysis.stats.mixed.optimise import Optimum, minimise

Floats = NDArray[np.float64]

METHODS = ("satterthwaite", "kenward-roger", "residual", "normal")
# lme4's isSingular(): a relative standard deviation below this counts as zero.
_SINGULAR = 1e-4


@dataclass(frozen=True, eq=False)
class MixedModel:
    """A fitted linear mixed model; made by :func:`xanalysis.fit_mixed`.

    Attributes:
        design: The formula, and the rows and columns used.
        optimum: The model at its estimates, and how the search for them ended.
        reml: Fitted by restricted rather than full maximum likelihood.
    """

    design: Design
    optimum: Optimum
    reml: bool

    @property
    def formula(self) -> str:
        """The formula."""
        return self.design.formula.text

    @property
    def n_rows(self) -> int:
        """Rows used."""
        return len(self.design.y)

    @property
    def dropped(self) -> pd.DataFrame:
        """Rows left out: their ``row`` label and the ``reason``."""
        return self.design.dropped

    @property
    def aliased(self) -> tuple[str, ...]:
        """Fixed effects that the data cannot tell from others, left out of the model."""
        return self.design.aliased

    @property
    def singular(self) -> bool:
        """A variance is estimated as zero, or a correlation as one."""
        return any((np.diag(t) < _SINGULAR).any() for t in self.optimum.evaluation.triangles)

    @property
    def converged(self) -> bool:
        """The search met its tolerance."""
        return self.optimum.converged

    @property
    def convergence(self) -> dict[str, Any]:
        """Facts about the search: message, evaluations and greatest gradient."""
        return {
            "converged": self.converged,
            "singular": self.singular,
            "message": self.optimum.message,
            "evaluations": self.optimum.evaluations,
            "gradient": self.optimum.gradient,
        }

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader of the estimates should know, in sentences."""
        notes = list(self.design.notes)
        if self.singular:
            zero = self.variances.query("variance < 1e-8 * variance.sum()")
            names = ", ".join(
                f"{g} {t}".strip() for g, t in zip(zero.group, zero.term, strict=True)
            )
            notes.append(f"singular fit: {names or 'a correlation of one'} estimated at the bound")
        if not self.converged:
            notes.append(f"the search did not converge: {self.optimum.message}")
        return tuple(notes)

    def refit(self, *, reml: bool) -> MixedModel:
        """The same model by REML or by maximum likelihood."""
        if reml == self.reml:
            return self
        start = self.theta if len(self.theta) else None
        return MixedModel(
            self.design, minimise(self.optimum.evaluation.products, reml, start), reml
        )

    # Likelihood

    @property
    def deviance(self) -> float:
        """−2 log likelihood; for REML, lme4's REML criterion."""
        return self.optimum.evaluation.deviance(self.reml)

    @property
    def log_likelihood(self) -> float:
        """Log likelihood, restricted for REML."""
        return -self.deviance / 2

    @property
    def n_parameters(self) -> int:
        """Fixed effects, variance parameters and sigma."""
        products = self.optimum.evaluation.products
        return products.p + products.parameters + (products.sigma2 is None)

    @property
    def aic(self) -> float:
        """Akaike's information criterion."""
        return self.deviance + 2.0 * self.n_parameters

    @property
    def bic(self) -> float:
        """Schwarz's information criterion."""
        return self.deviance + float(np.log(self.n_rows)) * self.n_parameters

    @property
    def sigma(self) -> float:
        """Residual standard deviation of weight 1; the root of the mean known sampling variance."""
        return float(np.sqrt(self.optimum.evaluation.sigma2(self.reml)))

    @property
    def theta(self) -> Floats:
        """Relative covariance parameters, in lme4's order."""
        return self.optimum.evaluation.theta

    # Fixed effects

    @cached_property
    def beta(self) -> Floats:
        """Fixed effects, shape (p,), in the order of ``coefficients``."""
        products = self.optimum.evaluation.products
        found: Floats = products.shift + products.basis @ self.optimum.evaluation.beta
        return found

    def inference(self, method: str = "satterthwaite") -> Inference:
        """Covariance and degrees of freedom of the fixed effects.

        Args:
            method: ``satterthwaite``, ``kenward-roger`` (needs REML), ``residual`` (n − p degrees
                of freedom) or ``normal`` (z).

        Raises:
            InputError: The method is unknown or does not fit the model.
        """
        if method == "satterthwaite":
            return self._satterthwaite
        if method == "kenward-roger":
            return self._kenward
        if method not in METHODS:
            raise unknown_name("method", method, METHODS)
        left = float(self.n_rows - len(self.beta)) if method == "residual" else np.inf
        evaluation = self.optimum.evaluation
        basis = evaluation.products.basis
        return FixedDf(self.sigma**2 * basis @ evaluation.inverse_xvx @ basis.T, left)

    @cached_property
    def _satterthwaite(self) -> Satterthwaite:
        return Satterthwaite(self.optimum.evaluation, self.reml)

    @cached_property
    def _kenward(self) -> KenwardRoger:
        if not self.reml:
            raise InputError("Kenward-Roger is defined for REML fits only", expected="reml=True")
        return KenwardRoger(self.optimum.evaluation)

    @cached_property
    def coefficients(self) -> pd.DataFrame:
        """Fixed effects with Satterthwaite's degrees of freedom and 95 % intervals.

        Columns: term, estimate, se, df, statistic, p, low, high.
        """
        return self.coefficient_table()

    def coefficient_table(
        self, *, method: str = "satterthwaite", level: float = 0.95
    ) -> pd.DataFrame:
        """Fixed effects with the standard errors and degrees of freedom of a ``method``."""
        found = estimates(self.inference(method), np.eye(len(self.beta)), self.beta, level)
        found.insert(0, "term", list(self.design.names))
        return found

    def covariance(self, method: str = "satterthwaite") -> pd.DataFrame:
        """Covariance matrix of the fixed effects, labelled."""
        names = list(self.design.names)
        return pd.DataFrame(self.inference(method).covariance, index=names, columns=names)

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
        at: Mapping[str, Any] | None = None,
        method: str = "satterthwaite",
        level: float = 0.95,
    ) -> pd.DataFrame:
        """All pairwise differences of marginal means.

        Args:
            by: Column or columns whose means are compared.
            adjust: ``holm``, ``simultaneous`` (multivariate t), ``tukey``, ``bonferroni`` or
                ``none``.
            within: Compare only within levels of these columns, each a family of its own.
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
        labels, rows, families = pairwise(grid, inside)
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
                round((1 + np.sqrt(1 + 8 * len(family))) / 2),
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
    def variances(self) -> pd.DataFrame:
        """Variance components: group, term, variance, sd; the residual last."""
        return effects.variances(self.design, self.optimum.evaluation, self.sigma)

    @cached_property
    def correlations(self) -> pd.DataFrame:
        """Correlations of coefficients of a group: group, term, other, correlation."""
        return effects.correlations(self.design, self.optimum.evaluation)

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

    def likelihood_ratio(self, smaller: MixedModel) -> pd.DataFrame:
        """Likelihood-ratio test against a model nested in this one, both refitted by ML.

        Returns:
            One row: statistic, df, p, and ``boundary``: variances are among what is tested, whose
            null lies on the bound, so that p is too large (by up to half, for one variance).
        """
        return explained.likelihood_ratio(self, smaller)

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
