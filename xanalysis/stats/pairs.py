"""Mean gain of an intermediate task on a target, over languages and over runs.

One fine-tuned model is tested in every language, so more languages say nothing about how another
run would have come out. With gains g[s, l] of run s in language l, of S runs and L languages, the
mean's variance is (MS_language + MS_run - MS_residual) / (S L), the method of moments for two
crossed random factors (Searle, Casella and McCulloch 1992, Variance Components, chapter 4), no
component below zero, with Satterthwaite's degrees of freedom. The variance of runs is that of all
intermediate tasks of one target together, since a single pair has few runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import pandas as pd
from scipy.stats import t

FloatLike = TypeVar("FloatLike", float, "pd.Series[float]")

_RUN = ("study", "model", "recipe", "seed")


def pair_gains(
    gains: pd.DataFrame,
    by: Sequence[str] = ("intermediate", "target"),
    *,
    pool: Sequence[str] = ("target",),
    level: float = 0.95,
) -> pd.DataFrame:
    """Mean gains with intervals that hold for further languages and further runs.

    Args:
        gains: Gains as :func:`xanalysis.stats.gains` gives them, one metric per target.
        by: What makes a pair; one row of the result each.
        pool: Pairs that agree in these share the variance of runs.
        level: Of the intervals.

    Returns:
        Columns ``by`` and languages, seeds (the most that any study, model and recipe has), gain
        (points), se, df, low, high, p (against 0), above_zero (languages whose mean gain is above
        0) and over: ``languages and runs``, or ``languages`` where nothing was run twice. With one
        language se and what follows from it are missing.
    """
    by, pool = list(by), list(pool)
    frame = gains.assign(_run=gains.groupby(list(_RUN), dropna=False).ngroup())
    cells = frame.groupby([*by, "language"], sort=True)["gain"].mean().rename("_cell")
    pairs = cells.groupby(by, sort=True).agg(
        languages="size",
        gain="mean",
        _ms="var",
        above_zero=lambda values: int((values > 0).sum()),
    )
    frame = frame.join(cells, on=[*by, "language"])
    frame["_moved"] = frame["gain"] - frame["_cell"]
    keys = [*by, *(name for name in pool if name not in by)]
    # Gains of two metrics of one test in one run are one value per run here.
    runs = frame.groupby([*keys, "_run"], sort=True)["_moved"].agg(["mean", "size"])
    frame = frame.join(runs["mean"].rename("_shift"), on=[*keys, "_run"])
    frame["_left"] = (frame["_moved"] - frame["_shift"]) ** 2
    runs["square"] = runs["mean"] ** 2
    table = runs.groupby(keys, sort=True).agg(_runs=("mean", "size"), _between=("square", "sum"))
    table["_within"] = frame.groupby(keys, sort=True)["_left"].sum()
    table["_df"] = table["_runs"] - 1
    table = table.reset_index(level=[name for name in keys if name not in by])
    pairs = pairs.join(table)
    pairs["_df_left"] = pairs["_df"] * (pairs["languages"] - 1)
    many = frame.groupby(by, sort=True)["seed"].nunique()
    pairs["seeds"] = many.clip(lower=1)
    return _with_errors(pairs.reset_index(), pool, level)[
        [*by, "languages", "seeds", "gain", "se", "df", "low", "high", "p", "above_zero", "over"]
    ]


def _with_errors(pairs: pd.DataFrame, pool: list[str], level: float) -> pd.DataFrame:
    """Standard errors, degrees of freedom and what follows from them."""
    columns = ["_between", "_within", "_df", "_df_left"]
    groups = pairs.groupby(pool) if pool else pairs.groupby(np.zeros(len(pairs)))
    total = groups[columns].transform("sum")
    several = groups["_df"].transform(lambda values: int((values > 0).sum()))
    known = total["_df"] > 0
    # Gains over one baseline have about half their noise in common: a correlation of 1/4 between
    # their sums of squares, and so many fewer degrees of freedom.
    df_run = (total["_df"] / (1 + (several - 1).clip(lower=0) / 4)).where(known)
    languages = pairs["_ms"] / pairs["languages"]
    run = (total["_between"] / total["_df"].where(known)).fillna(0.0) / pairs["_runs"]
    left = total["_within"] / total["_df_left"].where(total["_df_left"] > 0)
    left = left.fillna(0.0) / (pairs["_runs"] * pairs["languages"])
    left = left.where(known & (run > 0), 0.0)
    sum_of_all = languages + run - left
    variance = pd.concat([sum_of_all, languages, run], axis=1).max(axis=1)
    variance = variance.where(languages.notna())
    squares = languages**2 / (pairs["languages"] - 1)
    squares += (run**2 / df_run).fillna(0.0)
    squares += (left**2 / total["_df_left"].where(total["_df_left"] > 0)).fillna(0.0)
    df = (variance**2 / squares).where(squares > 0, pairs["languages"] - 1)
    pairs["se"] = np.sqrt(variance)
    # What is subtracted must not leave fewer degrees of freedom than the poorest component has.
    floor = pd.concat([pairs["languages"] - 1.0, df_run], axis=1).min(axis=1)
    pairs["df"] = df.clip(lower=floor).where(pairs["languages"] > 1)
    margin = t.ppf(0.5 + level / 2, pairs["df"]) * pairs["se"]
    pairs["low"], pairs["high"] = pairs["gain"] - margin, pairs["gain"] + margin
    with np.errstate(divide="ignore", invalid="ignore"):
        pairs["p"] = 2 * t.sf((pairs["gain"] / pairs["se"]).abs(), pairs["df"])
    pairs["over"] = np.where(known, "languages and runs", "languages")
    return pairs


@dataclass(frozen=True)
class RunError:
    """How far the mean of all gains would move in other runs.

    What languages have in common moves them all: it is part of the error of a mean over languages,
    and cancels where languages are compared.

    Attributes:
        variance: Of the mean of all gains, in squared points; 0 where nothing was run twice.
        df: Its degrees of freedom.
        known: Whether anything was run twice.
    """

    variance: float
    df: float
    known: bool

    def widen(self, se: FloatLike, df: FloatLike) -> tuple[FloatLike, FloatLike]:
        """Standard errors and degrees of freedom (Satterthwaite) with the error of runs added."""
        if not self.variance > 0:
            return se, df
        variance = se**2 + self.variance
        return variance**0.5, variance**2 / (se**4 / df + self.variance**2 / self.df)


def run_error(gains: pd.DataFrame) -> RunError:
    """The error of runs in the mean of all gains.

    Runs of one target with one seed count as one, since they share the baseline's run.

    Args:
        gains: Gains as :func:`xanalysis.stats.gains` gives them.
    """
    setting = ["study", "model", "recipe", "target"]
    cell = [*setting, "intermediate", "language", "metric"]
    moved = gains["gain"] - gains.groupby(cell, dropna=False)["gain"].transform("mean")
    frame = gains[setting].assign(seed=gains["seed"].astype("string"), moved=moved)
    runs = frame.dropna(subset="seed").groupby([*setting, "seed"])["moved"].mean()
    grouped = runs.groupby(setting)
    spread, many = grouped.var(), grouped.size()
    several = many > 1
    if not several.any():
        return RunError(0.0, np.inf, known=False)
    cells = gains[cell].drop_duplicates().groupby(setting).size()
    share = cells / cells.sum()
    # A target that was run once is taken to vary as the others do on average.
    spread = spread.where(several, spread[several].mean()).reindex(share.index)
    many = many.reindex(share.index)
    # Without a seed there is no target training: nothing that luck could move.
    parts = (share**2 * spread / many).fillna(0.0)
    total = float(parts.sum())
    squares = float((parts[several] ** 2 / (many[several] - 1)).sum())
    return RunError(total, total**2 / squares if squares > 0 else np.inf, known=True)
