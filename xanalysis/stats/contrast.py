"""One planned contrast between two sides of a results table.

A fine-tuned model is tested in every language, so its luck moves all its languages together, and
all gains over one baseline share that baseline's luck. Differences of cells would hide both. The
model is therefore one of scores, in which each score stands once, with random intercepts for runs
and for what the sides have in common, and random slopes of the effect over languages, targets and
intermediates.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from scipy.stats import t

from xanalysis import languages
from xanalysis.errors import InputError, unknown_name
from xanalysis.results.schema import BASELINE, conform
from xanalysis.stats.mixed import fit_mixed

Where = Mapping[str, str | Sequence[str]]
_POWER = 0.80
# Kenward-Roger costs more with every row and differs from Satterthwaite only in small samples.
_SMALL = 2000
# The variance of an effect over fewer levels than this is as good as unknown: such an effect is
# averaged over the levels there are, and said to hold for them alone.
_FEW = 5
# What both sides have in common, and what makes the effect differ.
_COMMON = (
    ("target", "language"),
    ("target", "seed"),
    ("target", "intermediate"),
    ("run",),
)
_VARYING = ("language", "target", "intermediate")


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
        cells: Matched cells: ``difference`` of the means over seeds.
        above: Languages whose mean difference is above 0.
        runs: Fine-tuned models behind it.
        groups: Mean difference per family and per task type, with intervals.
        formula: The model that was fitted.
        notes: What was left out, and why.
    """

    estimate: float
    se: float
    df: float
    low: float
    high: float
    p: float
    level: float
    detectable: float
    cells: pd.DataFrame
    above: int
    runs: int
    groups: pd.DataFrame
    formula: str
    notes: tuple[str, ...]

    @property
    def languages(self) -> int:
        """Number of languages."""
        return int(self.cells["language"].nunique())

    def to_dict(self) -> dict[str, Any]:
        """Everything but the cells as plain values."""
        plain = {
            name: getattr(self, name)
            for name in ("estimate", "se", "df", "low", "high", "p", "level", "detectable")
        }
        return {
            **plain,
            "cells": len(self.cells),
            "languages": self.languages,
            "above": self.above,
            "runs": self.runs,
            "groups": self.groups.to_dict("records"),
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
    results = conform(results)
    sides = {1.0: _side(results, treatment, "treatment")}
    if control is not None:
        sides[0.0] = _side(results, control, "control")
    elif value == "score":
        raise InputError("a contrast of scores needs a control", expected="control: {...}")
    notes: list[str] = []
    if control is not None:
        sides = _matched(sides, match, notes)
    rows, cells = (_gain_rows if value == "gain" else _score_rows)(results, sides, match)
    if cells["language"].nunique() < 2:
        raise InputError("one language cannot answer for others", expected="two or more languages")
    random, fixed = _varying(rows)
    row, formula = _fit(rows, ["effect"], random, fixed, level)
    notes += [_averaged(rows, name) for name in fixed]
    if rows.groupby("target")["seed"].nunique().max() < 2:
        notes.append("one seed: how much runs differ is known only between settings")
    df = float(row["df"].iloc[0])
    # Bloom (1995): the effect that a two-sided test at 5 % finds with the given power.
    multiple = float(t.ppf(0.975, df) + t.ppf(_POWER, df))
    found = {name: float(row[name].iloc[0]) for name in ("estimate", "se", "low", "high", "p")}
    by_language = cells.groupby("language")["difference"].mean()
    return Contrast(
        **found,
        df=df,
        level=level,
        detectable=multiple * found["se"],
        cells=cells,
        above=int((by_language > 0).sum()),
        runs=int(rows["run"].nunique()),
        groups=_groups(rows, random, fixed, level, notes),
        formula=formula,
        notes=tuple(notes),
    )


def _side(results: pd.DataFrame, where: Where, name: str) -> pd.DataFrame:
    """The rows of a side; its baseline is no part of it unless it is asked for."""
    rows = results
    for column, wanted in where.items():
        if column not in results.columns:
            raise unknown_name("column", column, map(str, results.columns))
        values = [wanted] if isinstance(wanted, str) else list(wanted)
        rows = rows[rows[column].isin(values)]
    if "intermediate" not in where:
        rows = rows[rows["intermediate"] != BASELINE]
    if rows.empty:
        said = ", ".join(f"{column} = {wanted}" for column, wanted in where.items())
        raise InputError(f"the {name} has no rows ({said})")
    return rows


def _matched(
    sides: dict[float, pd.DataFrame], match: Sequence[str], notes: list[str]
) -> dict[float, pd.DataFrame]:
    """Only the cells that both sides have."""
    keys = {side: pd.MultiIndex.from_frame(rows[list(match)]) for side, rows in sides.items()}
    both = keys[1.0].intersection(keys[0.0])
    if not len(both):
        raise InputError("no cell of the treatment has its counterpart in the control")
    lost = sum(len(key.unique()) - len(both.unique()) for key in keys.values())
    if lost:
        notes.append(f"{lost} cells have no counterpart on the other side")
    return {side: rows[keys[side].isin(both)] for side, rows in sides.items()}


def _score_rows(
    results: pd.DataFrame, sides: Mapping[float, pd.DataFrame], match: Sequence[str]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Scores of both sides, and the matched cells."""
    same = set(sides[1.0]["run_key"]) & set(sides[0.0]["run_key"]) - {""}
    parts = []
    for side, rows in sides.items():
        # A run that both sides list says nothing about their difference.
        parts.append(rows[~rows["run_key"].isin(same)].assign(effect=side, phase=side))
    rows = _named(pd.concat(parts, ignore_index=True))
    means = rows.groupby([*match, "effect"])["score"].mean().unstack("effect")
    cells = (means[1.0] - means[0.0]).dropna().rename("difference").reset_index()
    if cells.empty:
        raise InputError("the sides are the same runs")
    return rows, cells


def _gain_rows(
    results: pd.DataFrame, sides: Mapping[float, pd.DataFrame], match: Sequence[str]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Scores of the sides and of their baselines, each baseline once, and the matched cells."""
    if len(sides) == 2 and set(sides[1.0]["target"]) & set(sides[0.0]["target"]):
        # Over the same baselines, a difference of gains is one of scores.
        return _score_rows(results, sides, match)
    parts, gains = [], {}
    for side, treated in sides.items():
        base = _baselines(results, treated)
        for rows, phase in ((treated, 1.0), (base, 0.0)):
            effect = phase * side if len(sides) == 2 else phase
            parts.append(rows.assign(effect=effect, phase=phase))
        mean = base.groupby(["target", "language", "metric"])["score"].mean().rename("baseline")
        gain = treated.join(mean, on=["target", "language", "metric"], how="inner")
        gain["difference"] = gain["score"] - gain["baseline"]
        gains[side] = gain.groupby(list(match))["difference"].mean()
    cells = gains[1.0] - gains[0.0] if len(gains) == 2 else gains[1.0]
    return _named(pd.concat(parts, ignore_index=True)), cells.dropna().reset_index()


def _baselines(results: pd.DataFrame, treated: pd.DataFrame) -> pd.DataFrame:
    """Baselines of the treated rows, of their own recipe or, failing that, of their study."""
    base = results[results["intermediate"] == BASELINE]
    for keys in (
        ["study", "model", "recipe", "target", "language", "metric", "split"],
        ["study", "model", "target", "language", "metric", "split"],
    ):
        wanted = pd.MultiIndex.from_frame(treated[keys])
        found = base[pd.MultiIndex.from_frame(base[keys]).isin(wanted)]
        if not found.empty:
            listed = found["run_key"] != ""
            twice = listed & found.duplicated(["run_key", "target", "language", "metric", "split"])
            return found[~twice]
    raise InputError("no row has a baseline of the same study, model and target")


def _named(rows: pd.DataFrame) -> pd.DataFrame:
    """The columns of the model: a run is one fine-tuned model, a seed may be common to several."""
    seed = rows["seed"].astype("string").fillna("none")
    made = ["study", "model", "recipe", "intermediate", "target"]
    run = rows[made].astype("string").agg("|".join, axis=1) + "|" + seed
    # A run without seed noise (retrieval with the model as it is) still stands for itself.
    columns = ["target", "language", "intermediate", "task_type", "metric"]
    return rows[[*columns, "score", "effect", "phase"]].assign(seed=seed, run=run)


def _varying(rows: pd.DataFrame) -> tuple[list[str], list[str]]:
    """Factors over whose levels the effect varies at random, and those with too few levels."""
    changed = rows[rows["phase"] > 0]
    levels = {name: int(changed[name].nunique()) for name in _VARYING}
    return (
        [name for name, many in levels.items() if many >= _FEW],
        [name for name, many in levels.items() if 1 < many < _FEW],
    )


def _averaged(rows: pd.DataFrame, name: str) -> str:
    names = sorted(rows.loc[rows["phase"] > 0, name].unique())
    return (
        f"averaged over {len(names)} levels of {name} ({', '.join(names)}), and true of them only"
    )


def _fit(
    rows: pd.DataFrame,
    effects: Sequence[str],
    random: Sequence[str],
    fixed: Sequence[str],
    level: float,
) -> tuple[pd.DataFrame, str]:
    """Estimates of the columns ``effects`` by the mixed model of scores.

    The term ``phase`` is in the model beside them where the effect is a difference of gains. A
    random term is left out if its factor has one level, as many as rows, or those of another.
    """
    rows = rows.copy()
    several = [name for name in ("target", "metric") if rows[name].nunique() > 1]
    if several == ["target", "metric"] and _nested(rows):
        several.remove("metric")
    columns = [*several, *effects]
    if not _equal(rows["phase"], rows[list(effects)].sum(axis=1)):
        columns.append("phase")
    for name in fixed:
        # Sum to zero: the effect is the plain mean over the levels.
        names = sorted(rows.loc[rows["phase"] > 0, name].unique())
        for number, one in enumerate(names[:-1]):
            column = f"by_{name}_{number}"
            rows[column] = rows["phase"] * (
                (rows[name] == one).astype(float) - (rows[name] == names[-1]).astype(float)
            )
            columns.append(column)
    terms: list[str] = []
    seen: list[tuple[int, ...]] = []
    for common in _COMMON:
        if common == ("target", "intermediate") and not {"target", "intermediate"} & set(random):
            continue  # the few levels there are stand in the fixed part
        code = tuple(rows.groupby(list(common), sort=False, dropna=False).ngroup())
        if 1 < max(code) + 1 < len(rows) and code not in seen:
            seen.append(code)
            terms.append(f"(1|{':'.join(common)})")
    terms += [f"(0 + phase|{name})" for name in random]
    formula = " + ".join(["score ~ " + " + ".join(columns), *terms])
    model = fit_mixed(formula, rows)
    method = "kenward-roger" if len(rows) <= _SMALL and len(effects) == 1 else "satterthwaite"
    table = model.coefficient_table(method=method, level=level).set_index("term")
    return table.loc[list(effects)], formula


def _nested(rows: pd.DataFrame) -> bool:
    """Whether every target has one metric."""
    return bool((rows.groupby("target")["metric"].nunique() == 1).all())


def _equal(left: pd.Series, right: pd.Series) -> bool:
    return bool(np.allclose(left.to_numpy(float), right.to_numpy(float)))


def _groups(
    rows: pd.DataFrame, random: list[str], fixed: list[str], level: float, notes: list[str]
) -> pd.DataFrame:
    """Mean differences by family (those with two languages or more) and by task type."""
    known = languages.frame(sorted(rows["language"].unique()))
    families = dict(zip(known["language"], known["family"], strict=True))
    named = rows.assign(family=rows["language"].map(families))
    sizes = named.groupby("family")["language"].nunique()
    named.loc[named["family"].map(sizes) < 2, "family"] = "single-language families"
    parts = []
    for by in ("family", "task_type"):
        touched = named[named["effect"] > 0]
        levels = sorted(touched[by].unique())
        if len(levels) < 2:
            continue
        columns = [f"effect_{number}" for number in range(len(levels))]
        for column, name in zip(columns, levels, strict=True):
            named[column] = named["effect"] * (named[by] == name)
        apart = [name for name in fixed if name != "target" or by != "task_type"]
        shared = touched.groupby(by)["target"].nunique().max() > 1
        varying = [name for name in random if name != "target" or by != "task_type" or shared]
        try:
            means, _ = _fit(named, columns, varying, apart, level)
        except InputError as error:
            notes.append(f"no means by {by}: {error.message}")
            continue
        counts = touched.groupby(by)["language"].nunique()
        means = means.reset_index(drop=True).assign(by=by, group=levels)
        means["languages"] = [int(counts[name]) for name in levels]
        parts.append(means[["by", "group", "languages", "estimate", "se", "low", "high"]])
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def sentence(result: Contrast, what: str) -> str:
    """The answer in words, from the numbers alone.

    Args:
        result: The contrast.
        what: What the difference is of, as in "multilingual instead of English training".
    """
    interval = f"{100 * result.level:.0f} % interval {result.low:+.1f} to {result.high:+.1f}"
    counted = f"above zero in {result.above} of {result.languages} languages, {result.runs} runs"
    head = f"{what} changes the score by {result.estimate:+.1f} points ({interval}; {counted})"
    if result.low > 0:
        return f"{head}: an improvement."
    if result.high < 0:
        return f"{head}: a loss."
    if not np.isfinite(result.detectable):
        return f"{head}: nothing can be said."
    return (
        f"{head}: no difference that this grid can tell from none; it would have found one of "
        f"{result.detectable:.1f} points with {100 * _POWER:.0f} % power."
    )
