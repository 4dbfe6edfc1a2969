"""Meta-analysis of the gains of results tables: which gains, nested in what."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from xanalysis.errors import InputError, unknown_name
from xanalysis.stats.gain import cell_gains, one_metric
from xanalysis.stats.meta.analysis import MetaAnalysis, meta_analyse

GROUPINGS = ("study", "model", "intermediate", "target", "task_type", "language", "metric")


@dataclass(frozen=True)
class GainsMeta:
    """A meta-analysis of gains.

    Attributes:
        analysis: All effects, nested in training runs (study, model, intermediate) and targets.
        cells: The gains that were pooled, one row per effect.
        groups: Subgroups by ``by``, with the test between them in ``attrs``; None without ``by``.
        egger: Funnel asymmetry; None where it cannot be tested.
        by: What the subgroups are.
        nesting: Names of the nested levels, outermost first; empty where there is only one group.
        notes: What was left out and why.
    """

    analysis: MetaAnalysis
    cells: pd.DataFrame
    groups: pd.DataFrame | None
    egger: pd.Series | None
    by: str | None
    nesting: tuple[str, ...]
    notes: tuple[str, ...]

    @cached_property
    def leave_one_out(self) -> pd.DataFrame:
        """The pooled gain without each outermost group; one analysis for each, so on demand."""
        out = self.analysis.leave_one_out()
        nested = _nesting(self.cells)
        if nested.shape[1]:
            out["without"] = list(dict.fromkeys(nested.iloc[:, 0]))
        return out

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain values."""
        return {
            **self.analysis.to_dict(),
            "by": self.by,
            "groups": None if self.groups is None else self.groups.to_dict("records"),
            "between_groups": None if self.groups is None else dict(self.groups.attrs),
            "leave_one_out": self.leave_one_out.to_dict("records"),
            "egger": None if self.egger is None else self.egger.to_dict(),
            "nesting": list(self.nesting),
            "notes": list(self.notes),
        }


def meta_of_gains(
    table: pd.DataFrame,
    *,
    by: str | None = None,
    method: str = "REML",
    test: str = "adhoc",
    level: float = 0.95,
) -> GainsMeta:
    """Pool gains over studies, models, targets and languages.

    Languages of one target share their training runs, and so do the targets of one model: the
    effects are nested in study x model x intermediate, then in targets, and the test is
    cluster-robust over the outermost groups. With a single outermost group the next level is the
    outermost.

    Args:
        table: Gains (:func:`xanalysis.stats.gains`), with standard errors.
        by: Compare subgroups: one of ``GROUPINGS`` that has at least two values.
        method: Estimator of tau²; in nested models REML, ML or FE.
        test: How coefficients are tested where nothing is nested.
        level: Of intervals.

    Raises:
        InputError: No gain has a standard error, or ``by`` does not divide the gains.
    """
    cells = table if "seeds" in table.columns else cell_gains(table)
    notes = list(table.attrs.get("notes", []))
    cells, dropped = one_metric(cells)
    notes += dropped
    unknown = cells["se"].isna() | (cells["se"] <= 0)
    if unknown.all():
        raise InputError(
            "no gain has a standard error, so none can be weighted",
            expected="several seeds, predictions, or accuracies on test sets of known size",
        )
    if unknown.any():
        lost = cells[unknown].groupby(["target", "metric"]).size().reset_index()
        shown = "; ".join(f"{target} {metric} ({n})" for target, metric, n in lost.to_numpy())
        notes.append(f"{int(unknown.sum())} gains without a standard error left out: {shown}")
    cells = cells[~unknown].reset_index(drop=True)
    if by is not None and by not in GROUPINGS:
        raise unknown_name("grouping", by, GROUPINGS)
    names = cells[["study", "model", "intermediate", "target", "language"]].agg(" · ".join, axis=1)
    nested = _nesting(cells)
    analysis = meta_analyse(
        cells["gain"],
        cells["se"] ** 2,
        method=method,
        clusters=nested if nested.shape[1] else None,
        test=test,
        level=level,
        names=list(names),
    )
    groups = None
    if by is not None:
        groups = analysis.subgroups(list(cells[by]))
        groups = groups.rename(columns={"group": by})
    spread = np.ptp(cells["se"]) > 1e-9 * cells["se"].max()
    return GainsMeta(
        analysis=analysis,
        cells=cells,
        groups=groups,
        egger=analysis.egger() if len(cells) > 2 and spread else None,
        by=by,
        nesting=tuple(nested.columns),
        notes=(*notes, *analysis.notes),
    )


def _nesting(cells: pd.DataFrame) -> pd.DataFrame:
    """The levels effects are nested in that have at least two groups and fewer than effects."""
    levels = pd.DataFrame(
        {
            "run": cells[["study", "model", "intermediate"]].agg(" · ".join, axis=1),
            "target": cells["target"],
        }
    )
    keep: list[str] = []
    for name in levels.columns:
        groups = len(levels[[*keep, name]].drop_duplicates())
        if 1 < groups < len(cells):
            keep.append(name)
    return levels[keep]
