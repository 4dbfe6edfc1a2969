"""Meta-analysis: pooled effect, heterogeneity, moderators, effects nested in studies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
from numpy.typing import ArrayLike

from xanalysis.errors import InputError, unknown_name
from xanalysis.stats.meta import diagnostics, plots
from xanalysis.stats.meta.describe import summary
from xanalysis.stats.meta.fitting import analyse
from xanalysis.stats.meta.given import checked
from xanalysis.stats.meta.heterogeneity import METHODS
from xanalysis.stats.meta.result import Pooled

TESTS = ("adhoc", "knapp-hartung", "t", "z")


@dataclass(frozen=True)
class MetaAnalysis(Pooled):
    """A fitted meta-analysis, and what can be asked of it; its numbers are those of ``Pooled``."""

    def summary(self) -> str:
        """The analysis in plain text, 80 columns wide."""
        return summary(self)

    def leave_one_out(self) -> pd.DataFrame:
        """The pooled effect without each effect (each outermost group, in a nested model)."""
        return diagnostics.leave_one_out(self)

    def influence(self) -> pd.DataFrame:
        """How much each effect pulls: residuals, hat values, Cook's distances, ..."""
        return diagnostics.influence(self)

    def egger(self) -> pd.Series:
        """Egger's regression test of funnel asymmetry."""
        return diagnostics.egger(self)

    def subgroups(self, by: Sequence[object]) -> pd.DataFrame:
        """A meta-analysis per subgroup, and the test between subgroups."""
        return diagnostics.subgroups(self, by)

    def forest(self) -> pd.DataFrame:
        """The rows of a forest plot."""
        return plots.forest(self)

    def funnel(self) -> pd.DataFrame:
        """The points of a funnel plot."""
        return plots.funnel(self)


def meta_analyse(
    effects: ArrayLike,
    variances: ArrayLike,
    *,
    method: str = "REML",
    moderators: pd.DataFrame | pd.Series | None = None,
    clusters: pd.DataFrame | pd.Series | Sequence[object] | None = None,
    test: str = "adhoc",
    level: float = 0.95,
    names: Sequence[str] | None = None,
) -> MetaAnalysis:
    """Pool effects whose sampling variances are known.

    Args:
        effects: One effect per study, model, target, ... (gains in points).
        variances: Their sampling variances (squared standard errors).
        method: Estimator of tau²: ``REML``, ``ML``, ``DL`` (DerSimonian-Laird), ``PM``
            (Paule-Mandel), ``HE`` (Hedges), or ``FE`` (none: one true effect).
        moderators: Columns to regress the effects on; text columns are categories whose first
            value in sorted order is the reference.
        clusters: What the effects are nested in. One column: effects in studies. Several columns,
            outermost first (study, target): effects in targets in studies. The model then has a
            variance for every level (REML, ML or FE), and coefficients are tested with CR2
            cluster-robust standard errors and Satterthwaite df over the outermost groups.
        test: ``adhoc`` (Knapp-Hartung, never narrower than z with t quantiles; the conservative
            default), ``knapp-hartung``, ``t`` or ``z``. Not used with ``clusters``.
        level: Of the intervals.
        names: Of the effects, for tables and plots.

    Returns:
        The fitted analysis. Rows with a missing effect or variance are left out, counted and named
        in ``notes``.

    Raises:
        InputError: Fewer than two effects, a variance that is not positive, an infinite value, more
            coefficients than effects, moderators that are constant or collinear, or one cluster.
    """
    if method not in METHODS:
        raise unknown_name("method", method, METHODS)
    if test not in TESTS:
        raise unknown_name("test", test, TESTS)
    if not 0 < level < 1:
        raise InputError(f"level is {level}", expected="a share between 0 and 1, such as 0.95")
    given = checked(effects, variances, moderators, clusters, names, method, test, level)
    return MetaAnalysis(**vars(analyse(given)))
