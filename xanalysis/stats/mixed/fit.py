"""A model at its estimates: likelihood, fixed effects and variances."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from xanalysis.errors import InputError, unknown_name
from xanalysis.stats.mixed import effects
from xanalysis.stats.mixed.design import Design
from xanalysis.stats.mixed.inference import FixedDf, Inference, Satterthwaite, estimates
from xanalysis.stats.mixed.kenward import KenwardRoger
from xanalysis.stats.mixed.optimise import Optimum, minimise

Floats = NDArray[np.float64]

METHODS = ("satterthwaite", "kenward-roger", "residual", "normal")
# lme4's isSingular(): a relative standard deviation below this counts as zero.
_SINGULAR = 1e-4


@dataclass(frozen=True, eq=False)
class Fit:
    """What the questions in :class:`xanalysis.stats.mixed.MixedModel` are asked of.

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
            zero = self.variances.query("variance <= 1e-8 * variance.sum()")
            names = ", ".join(
                f"{g} {t}".strip() for g, t in zip(zero.group, zero.term, strict=True)
            )
            notes.append(f"singular fit: {names or 'a correlation of one'} estimated at the bound")
        if self.sigma**2 <= 1e-8 * self.variances["variance"].sum():
            notes.append("the random effects fit the response exactly: no residual is left")
        if not self.converged:
            notes.append(f"the search did not converge: {self.optimum.message}")
        return tuple(notes)

    def refit(self, *, reml: bool) -> Self:
        """The same model by REML or by maximum likelihood."""
        if reml == self.reml:
            return self
        start = self.theta if len(self.theta) else None
        optimum = minimise(self.optimum.evaluation.products, reml, start)
        return type(self)(self.design, optimum, reml)

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

    # Random effects

    @cached_property
    def variances(self) -> pd.DataFrame:
        """Variance components: group, term, variance, sd; the residual last."""
        return effects.variances(self.design, self.optimum.evaluation, self.sigma)

    @cached_property
    def correlations(self) -> pd.DataFrame:
        """Correlations of coefficients of a group: group, term, other, correlation."""
        return effects.correlations(self.design, self.optimum.evaluation)
