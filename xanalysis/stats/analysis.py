"""The standard analysis of a grid: gains, one mixed model, families."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from xanalysis.errors import InputError
from xanalysis.stats.families.comparison import FamilyComparison, compare_families
from xanalysis.stats.families.crossed import formula
from xanalysis.stats.families.units import Units, units
from xanalysis.stats.mixed import MixedModel, fit_mixed
from xanalysis.stats.pairs import pair_gains

# Kenward-Roger costs more with every row and differs from Satterthwaite only in small samples.
_SMALL = 5000


@dataclass(frozen=True)
class Analysis:
    """What `xanalysis analyze` prints.

    Attributes:
        gains: intermediate, target, languages, seeds, gain (mean over languages) and its interval
            for further languages and runs (:func:`xanalysis.stats.pairs.pair_gains`).
        model: Gains by language family, task type and syntactic distance, with crossed random
            intercepts; None where it cannot be fitted (see ``notes``).
        terms: F tests of the model's factors and covariates.
        family_means: Marginal means of the families by the model.
        families: The comparison of families on language means.
        df_method: How df of the model were computed.
        notes: What was left out or could not be done, and why.
    """

    gains: pd.DataFrame
    model: MixedModel | None
    terms: pd.DataFrame
    family_means: pd.DataFrame
    families: FamilyComparison | None
    df_method: str
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain values, frames as lists of rows."""
        model = None
        if self.model is not None:
            model = {
                "formula": self.model.formula,
                "rows": self.model.n_rows,
                "df_method": self.df_method,
                "singular": self.model.singular,
                "converged": self.model.converged,
                "deviance": self.model.deviance,
                "coefficients": self.model.coefficient_table(method=self.df_method).to_dict(
                    "records"
                ),
                "variances": self.model.variances.to_dict("records"),
                "terms": self.terms.to_dict("records"),
                "family_means": self.family_means.to_dict("records"),
            }
        return {
            "gains": self.gains.to_dict("records"),
            "model": model,
            "families": None if self.families is None else self.families.to_dict(),
            "notes": list(self.notes),
        }


def analyse(data: pd.DataFrame, *, training_language: str = "en", level: float = 0.95) -> Analysis:
    """Gains of a grid, the mixed model of gains, and the comparison of families.

    Args:
        data: A results table or gains.
        training_language: Left out of the analysis of transfer; distances are to it.
        level: Of intervals.

    Raises:
        InputError: There are no gains, or they are in fewer than three languages.
    """
    base = units(data, training_language=training_language)
    notes = list(base.notes)
    model, terms, means, method = _model(base, level, notes)
    families = None
    try:
        families = compare_families(data, level=level, training_language=training_language)
        notes += families.notes
    except InputError as error:
        notes.append(f"families were not compared: {error}")
    return Analysis(
        gains=pair_gains(base.runs, level=level),
        model=model,
        terms=terms,
        family_means=means,
        families=families,
        df_method=method,
        notes=tuple(dict.fromkeys(notes)),
    )


def _model(
    base: Units, level: float, notes: list[str]
) -> tuple[MixedModel | None, pd.DataFrame, pd.DataFrame, str]:
    """The mixed model: with the interaction of family and task type if the data can bear it."""
    cells = base.cells.merge(base.languages[["language", "syntactic"]], on="language")
    distance = " + syntactic" if base.languages["syntactic"].nunique() > 2 else ""
    several = cells["task_type"].nunique() > 1
    choices = [f"group * task_type{distance}"] if several else []
    choices += [f"group + task_type{distance}"] if several else []
    choices += [f"group{distance}", "group"]
    if cells["group"].nunique() < 2:
        choices = ["1"]
    method = "kenward-roger" if len(cells) <= _SMALL else "satterthwaite"
    for fixed in choices:
        by = None
        words = fixed.replace("*", "+").split()
        factors: list[str] = [name for name in ("group", "task_type") if name in words]
        try:
            model = fit_mixed(formula(cells, fixed, by), cells)
            terms, means = _terms(model, factors, method), _means(model, factors, method, level)
        except InputError as error:  # as where no language of a family has a type of task
            notes.append(f"no model with '{fixed}': {error.message}")
            continue
        notes += model.notes
        return model, terms, means, method
    return None, pd.DataFrame(), pd.DataFrame(), method


def _terms(model: MixedModel, factors: list[str], method: str) -> pd.DataFrame:
    rows: list[list[object]] = []
    names = {"group": "family", "task_type": "task type"}
    for factor in factors:
        test = model.joint(factor, method=method)
        rows.append([names[factor], test.statistic, test.numerator, test.denominator, test.p])
    crossed = [i for i, c in enumerate(model.coefficients["term"]) if ":" in str(c)]
    if crossed:
        test = model.test(np.eye(len(model.coefficients))[crossed], method=method)
        rows.append(
            ["family x task type", test.statistic, test.numerator, test.denominator, test.p]
        )
    table = model.coefficient_table(method=method).set_index("term")
    if "syntactic" in table.index:
        row = table.loc["syntactic"]
        rows.append(["syntactic distance", row["statistic"] ** 2, 1, row["df"], row["p"]])
    return pd.DataFrame(rows, columns=["term", "F", "df1", "df2", "p"])


def _means(model: MixedModel, factors: list[str], method: str, level: float) -> pd.DataFrame:
    if "group" not in factors:
        return pd.DataFrame()
    means = model.means("group", method=method, level=level)
    return means.rename(columns={"group": "family"})[
        ["family", "estimate", "se", "df", "low", "high"]
    ]
