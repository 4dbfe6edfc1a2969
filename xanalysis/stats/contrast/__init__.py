"""One planned contrast between two sides of a results table.

A fine-tuned model is tested in every language, so its luck moves all its languages together; the
luck of an intermediate training moves all the targets it serves; and all gains over one baseline
share that baseline's luck. Differences of cells would hide all three. The model is therefore one of
scores, in which each score stands once, with random intercepts for runs and for what the sides have
in common, and random slopes of the effect over languages, targets and intermediates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from scipy.stats import t

from xanalysis.errors import InputError
from xanalysis.stats.contrast.model import Model
from xanalysis.stats.contrast.sides import Where, sides

__all__ = ["Contrast", "Slope", "Where", "contrast", "sentence", "slope_sentence"]
_POWER = 0.80


@dataclass(frozen=True)
class Slope:
    """How the effect changes with tenfold pretraining text (log10 of GiB in CC-100).

    Attributes:
        estimate: Points per factor of ten.
        se: Its standard error.
        df: Degrees of freedom.
        low: Lower bound of the interval.
        high: Upper bound.
        p: Of the test against 0.
        languages: Languages with a size.
        unseen: Languages outside CC-100: they have no size, and none is guessed.
    """

    estimate: float
    se: float
    df: float
    low: float
    high: float
    p: float
    languages: int
    unseen: int


@dataclass(frozen=True)
class Contrast:
    """The answer to one planned question.

    Attributes:
        estimate: Mean difference, treatment minus control, in points.
        se: Its standard error.
        df: Degrees of freedom.
        low: Lower bound of the interval.
        high: Upper bound.
        p: Of the test against 0.
        level: Of the interval.
        detectable: The smallest true difference this design would have found with 80 % power.
        of: What differs: ``score``, or ``gain`` where the sides have baselines of their own.
        cells: Matched cells: ``difference`` of the means over seeds.
        above: Languages whose mean difference is above 0.
        runs: Fine-tuned models behind it.
        groups: Mean difference per family, resource (text in CC-100) and task type, with intervals.
        resource: How it changes with the size of the pretraining text; None with too few languages.
        formula: The model that was fitted.
        notes: What was left out, and what the answer is true of.
    """

    estimate: float
    se: float
    df: float
    low: float
    high: float
    p: float
    level: float
    detectable: float
    of: Literal["score", "gain"]
    cells: pd.DataFrame
    above: int
    runs: int
    groups: pd.DataFrame
    resource: Slope | None
    formula: str
    notes: tuple[str, ...]

    @property
    def languages(self) -> int:
        """Number of languages."""
        return int(self.cells["language"].nunique())

    def to_dict(self) -> dict[str, Any]:
        """Everything but the cells as plain values."""
        plain = ("estimate", "se", "df", "low", "high", "p", "level", "detectable", "of")
        return {
            **{name: getattr(self, name) for name in plain},
            "cells": len(self.cells),
            "languages": self.languages,
            "above": self.above,
            "runs": self.runs,
            "groups": self.groups.to_dict("records"),
            "resource": None if self.resource is None else asdict(self.resource),
            "formula": self.formula,
            "notes": list(self.notes),
        }


def contrast(
    results: pd.DataFrame,
    treatment: Where,
    control: Where | None = None,
    *,
    value: Literal["gain", "score"] = "gain",
    match: Sequence[str] = ("intermediate", "target", "language"),
    level: float = 0.95,
) -> Contrast:
    """Treatment minus control.

    Args:
        results: Scores, as in :mod:`xanalysis.results.schema`.
        treatment: Column to value or values of one side.
        control: Of the other side. Without it the treatment is set against its baseline.
        value: ``score`` compares the sides' scores; ``gain`` their gains over their baselines.
        match: Columns that must agree between the sides; what else differs (seeds, and the targets
            of two groups of targets, say) is averaged over.
        level: Of intervals.

    Raises:
        InputError: A side has no rows or no baseline, no cells match, or there are fewer than two
            languages.
    """
    notes: list[str] = []
    rows, cells = sides(results, treatment, control, value, match, notes)
    if cells["language"].nunique() < 2:
        raise InputError("one language cannot answer for others", expected="two or more languages")
    model = Model.of(rows, match, level)
    row = model.effect()
    found = {name: float(row[name]) for name in ("estimate", "se", "df", "low", "high", "p")}
    # Bloom (1995): the effect that a two-sided test at 5 % finds with the given power.
    multiple = float(t.ppf(0.975, found["df"]) + t.ppf(_POWER, found["df"]))
    by_language = cells.groupby("language")["difference"].mean()
    return Contrast(
        **found,
        level=level,
        detectable=multiple * found["se"],
        of="gain" if model.of_gains else "score",
        cells=cells,
        above=int((by_language > 0).sum()),
        runs=int(rows["run"].nunique()),
        groups=model.groups(),
        resource=_slope(model),
        formula=model.formula,
        notes=(*notes, *model.notes),
    )


def _slope(model: Model) -> Slope | None:
    try:
        found = model.resource()
    except InputError as error:
        model.notes.append(f"no effect of the pretraining text: {error.message}")
        return None
    if found is None:
        model.notes.append("too few sizes of pretraining text for their effect")
        return None
    row, many, unseen = found
    numbers = {name: float(row[name]) for name in ("estimate", "se", "df", "low", "high", "p")}
    return Slope(**numbers, languages=many, unseen=unseen)


def sentence(result: Contrast, what: str) -> str:
    """The answer in words, from the numbers alone.

    Args:
        result: The contrast.
        what: What the difference is of, as in "multilingual instead of English training".
    """
    counted = f"above zero in {result.above} of {result.languages} languages; {result.runs} runs"
    head = (
        f"{what}: the {result.of} changes by {_points(result.estimate)} points "
        f"({_interval(result, result.level)}; {counted})"
    )
    if result.low > 0:
        return f"{head}, {'an improvement' if result.of == 'score' else 'a larger gain'}."
    if result.high < 0:
        return f"{head}, {'a loss' if result.of == 'score' else 'a smaller gain'}."
    if not np.isfinite(result.detectable):
        return f"{head}. The grid is too small to say anything."
    return (
        f"{head}. Whether there is a difference this grid cannot tell; it would have found one of "
        f"{result.detectable:.1f} points with {100 * _POWER:.0f} % power."
    )


def slope_sentence(slope: Slope, level: float) -> str:
    """What tenfold pretraining text does to the effect, in words."""
    many = f"{slope.languages} languages"
    if slope.unseen:
        many += f"; {slope.unseen} unseen in pretraining left out"
    return (
        f"Per tenfold pretraining text (CC-100) that changes by {_points(slope.estimate)} points "
        f"({_interval(slope, level)}; {many})."
    )


def _interval(of: Contrast | Slope, level: float) -> str:
    return f"{100 * level:.0f} % interval {_points(of.low)} to {_points(of.high)}"


def _points(value: float) -> str:
    """With a sign and one decimal; -0.04 is 0.0."""
    text = f"{value:+.1f}"
    return "0.0" if text in ("+0.0", "-0.0") else text.replace("-", "−")
