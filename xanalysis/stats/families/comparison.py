"""Do language families gain differently? One comparison, several answers beside each other."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import f as f_distribution
from scipy.stats import studentized_range, t

from xanalysis.errors import InputError, unknown_name
from xanalysis.stats.families.inference import (
    games_howell,
    holm,
    language_tests,
    partial_conjunction,
    permutation_test,
    welch,
)
from xanalysis.stats.families.units import SINGLE, Units, language_means, units
from xanalysis.stats.pairs import RunError

BY = ("task_type", "target", "intermediate", "model", "study", "metric")


@dataclass(frozen=True)
class FamilyComparison:
    """Gains compared between language families. The unit is the language, never the score.

    Every frame has the column ``by`` in front (``all`` without ``by``).

    Attributes:
        means: family, languages, mean, se, df, low, high, ``single`` (pooled families of one
            language each: their mean stands for no family).
        contrasts: first, second, difference, se, df, statistic, p, ``p_holm``, ``p_simultaneous``
            and the simultaneous interval (Tukey-Kramer) low, high, and ``hedges_g``.
        tests: test, statistic, df1, df2, p: the overall F test on language means, the permutation
            of whole languages, Welch's ANOVA.
        leave_one_out: without, languages, mean, low, high, ``p_families``: the overall mean and
            the permutation test without each family.
        holds: scope (a family, or ``all languages``), languages, ``holds`` (gain above zero, Holm),
            ``at_least`` (partial conjunction: in at least so many), ``unknown`` (no error known).
        languages: language, mean, cells, family, genus, group and the typology used.
        galton: estimate, accounting, value, se, df, p, low, high, relatedness: how the estimates
            move with each way of accounting for related languages.
        moran: distance, what, value, expected, p: Moran's I of the means and of the residuals.
        by: What the comparison is split by, or None.
        interaction: Permutation p-value of family x ``by``; None without ``by``.
        level: Of intervals.
        notes: What was left out, pooled or could not be computed, and why.
    """

    means: pd.DataFrame
    contrasts: pd.DataFrame
    tests: pd.DataFrame
    leave_one_out: pd.DataFrame
    holds: pd.DataFrame
    languages: pd.DataFrame
    galton: pd.DataFrame
    moran: pd.DataFrame
    by: str | None
    interaction: float | None
    level: float
    notes: tuple[str, ...]

    @cached_property
    def classical(self) -> pd.DataFrame:
        """Games-Howell contrasts by pingouin; on demand, because pingouin takes long to load."""
        found = []
        for name, part in self.languages.groupby("by", sort=False):
            games = games_howell(part)
            games.insert(0, "by", name)
            found.append(games)
        return pd.concat(found, ignore_index=True)

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain values, frames as lists of rows."""
        frames = (
            "means",
            "contrasts",
            "tests",
            "classical",
            "leave_one_out",
            "holds",
            "languages",
            "galton",
            "moran",
        )
        result: dict[str, Any] = {"by": self.by, "level": self.level}
        result.update({name: getattr(self, name).to_dict("records") for name in frames})
        return {**result, "interaction": self.interaction, "notes": list(self.notes)}


def compare_families(
    data: pd.DataFrame,
    by: str | None = None,
    *,
    level: float = 0.95,
    permutations: int = 4999,
    training_language: str = "en",
    random_state: int = 0,
) -> FamilyComparison:
    """Compare gains between language families.

    Each language counts once: its gains over targets, intermediates and seeds become one adjusted
    mean (:mod:`xanalysis.stats.families.units`), and families are compared on these means. In a
    full grid this is the test of the family effect in the mixed model with crossed random
    intercepts. Families with one language in the data are pooled into one group and marked.

    Args:
        data: A results table (gains are taken first) or gains.
        by: Also compare within each level of this column; one of ``BY``.
        level: Of intervals.
        permutations: Shuffles of whole languages over families.
        training_language: Left out, because its gains are not transfer; distances are to it.
        random_state: Seed of the permutations.

    Raises:
        InputError: Fewer than three languages or one family, gains that are all the same, values
            that are not finite, or an unknown ``by``.
    """
    if by is not None and by not in BY:
        raise unknown_name("grouping", by, BY)
    base = units(data, training_language=training_language)
    notes = list(base.notes)
    families = base.languages["family"].nunique()
    if families < 2:
        raise InputError(
            f"all languages are of one family ({base.languages['family'].iloc[0]})",
            expected="at least two families to compare",
        )
    if np.ptp(base.languages["mean"]) < 1e-12:
        raise InputError("the gain is the same in every language: families cannot be compared")
    single = base.languages.loc[base.languages["group"] == SINGLE, "family"]
    if len(single):
        notes.append(
            f"{len(single)} families have one language each and are pooled: "
            + ", ".join(sorted(single))
        )
    parts = [("all", base)] if by is None else _split(base, by)
    frames: dict[str, list[pd.DataFrame]] = {}
    for name, part in parts:
        for key, frame in _compare(part, level, permutations, random_state, name, notes).items():
            frame.insert(0, "by", name)
            frames.setdefault(key, []).append(frame)
    joined = {key: pd.concat(found, ignore_index=True) for key, found in frames.items()}
    from xanalysis.stats.families.galton import galton_table, moran_table

    galton = galton_table(base, level=level, notes=notes)
    return FamilyComparison(
        **joined,
        galton=galton,
        moran=moran_table(base, notes=notes),
        by=by,
        interaction=None
        if by is None
        else interaction_test(base, by, permutations=permutations, random_state=random_state),
        level=level,
        notes=tuple(dict.fromkeys(notes)),
    )


def interaction_test(
    base: Units, by: str, *, permutations: int = 4999, random_state: int = 0
) -> float:
    """Do families differ differently in each level of ``by``? Whole languages are shuffled.

    The statistic is the between-family sum of squares of each language's deviations from its own
    mean over the levels, added over levels; only languages that have all levels take part.

    Returns:
        The p-value; NaN where fewer than two levels or no two families have complete languages.
    """
    wide = pd.concat(
        {name: part.languages.set_index("language")["mean"] for name, part in _split(base, by)},
        axis=1,
    ).dropna()
    groups = base.languages.set_index("language")["group"].reindex(wide.index).to_numpy(str)
    if wide.shape[1] < 2 or len(set(groups)) < 2 or len(set(groups)) >= len(groups):
        return float("nan")
    values = wide.to_numpy(np.float64)
    values = values - values.mean(axis=1, keepdims=True)
    values = values - values.mean(axis=0, keepdims=True)
    _, numbers = np.unique(groups, return_inverse=True)
    member = np.eye(numbers.max() + 1)[numbers]
    sizes = member.sum(axis=0)[:, None]
    rng = np.random.default_rng(random_state)

    def statistic(order: np.ndarray) -> float:
        return float((((member.T @ values[order]) ** 2) / sizes).sum())

    observed = statistic(np.arange(len(values)))
    beyond = sum(
        statistic(rng.permutation(len(values))) >= observed - 1e-12 for _ in range(permutations)
    )
    return (beyond + 1) / (permutations + 1)


def _split(base: Units, by: str) -> list[tuple[str, Units]]:
    """The comparison's input within each level of ``by``, with means of their own."""
    parts = []
    for name, cells in base.cells.groupby(by, sort=True):
        means = language_means(cells)
        facts = base.languages.drop(columns=["mean", "cells"])
        languages = means.merge(facts, on="language").reset_index(drop=True)
        runs = base.runs[base.runs[by] == name]
        parts.append((str(name), Units(cells, languages, (), runs)))
    return parts


def _compare(
    part: Units, level: float, permutations: int, seed: int, name: str, notes: list[str]
) -> dict[str, pd.DataFrame]:
    languages = part.languages
    groups = languages["group"].to_numpy(str)
    means = languages["mean"].to_numpy(np.float64)
    sizes = languages.groupby("group")["mean"].agg(["size", "mean", "var"])
    df = len(languages) - len(sizes)
    spread = float("nan")
    if len(sizes) < 2:
        notes.append(f"{name}: no family has two languages, so families cannot be tested")
    if df > 0:
        spread = float(((sizes["size"] - 1) * sizes["var"].fillna(0)).sum() / df)
    statistic, p_permutation = permutation_test(
        means, groups, permutations=permutations, random_state=seed
    )
    tests = [
        (
            "F on language means",
            statistic,
            len(sizes) - 1,
            df,
            float(f_distribution.sf(statistic, len(sizes) - 1, df)) if df > 0 else np.nan,
        ),
        (f"permutation of languages ({permutations})", statistic, np.nan, np.nan, p_permutation),
    ]
    if (anova := welch(languages)) is not None:
        tests.append(("Welch ANOVA", *anova))
    return {
        "means": _means(sizes, spread, df, part.run_error, level),
        "contrasts": _contrasts(sizes, spread, df, level),
        "tests": pd.DataFrame(tests, columns=["test", "statistic", "df1", "df2", "p"]),
        "leave_one_out": _leave_one_out(part, level, permutations, seed),
        "holds": _holds(part),
        "languages": _language_table(languages),
    }


def _means(
    sizes: pd.DataFrame, variance: float, left: int, runs: RunError, level: float
) -> pd.DataFrame:
    se = np.sqrt(variance / sizes["size"])
    df = pd.Series(float(left), index=sizes.index)
    if left > 0:
        se, df = runs.widen(se, df)
    margin = t.ppf(0.5 + level / 2, df) * se if left > 0 else se
    return pd.DataFrame(
        {
            "family": sizes.index,
            "languages": sizes["size"].to_numpy(int),
            "mean": sizes["mean"].to_numpy(),
            "se": se.to_numpy(),
            "df": df.to_numpy(),
            "low": (sizes["mean"] - margin).to_numpy(),
            "high": (sizes["mean"] + margin).to_numpy(),
            "single": (sizes.index == SINGLE),
        }
    )


def _contrasts(sizes: pd.DataFrame, variance: float, df: int, level: float) -> pd.DataFrame:
    count = len(sizes)
    # Tukey-Kramer: exact for equal sizes, conservative otherwise (Hayter 1984).
    critical = np.nan
    if df > 0 and variance > 0:
        critical = float(studentized_range.ppf(level, count, df)) / np.sqrt(2)
    rows = []
    for first, second in combinations(sizes.index, 2):
        a, b = sizes.loc[first], sizes.loc[second]
        difference = float(a["mean"] - b["mean"])
        se = float(np.sqrt(variance * (1 / a["size"] + 1 / b["size"])))
        if not (df > 0 and se > 0):
            rows.append([first, second, difference, *[np.nan] * 8])
            continue
        statistic = difference / se
        simultaneous = float(studentized_range.sf(abs(statistic) * np.sqrt(2), count, df))
        small = 1 - 3 / (4 * df - 1)
        rows.append(
            [
                first,
                second,
                difference,
                se,
                df,
                statistic,
                2 * float(t.sf(abs(statistic), df)),
                simultaneous,
                difference - critical * se,
                difference + critical * se,
                small * difference / np.sqrt(variance),
            ]
        )
    columns = ["first", "second", "difference", "se", "df", "statistic", "p", "p_simultaneous"]
    frame = pd.DataFrame(rows, columns=[*columns, "low", "high", "hedges_g"])
    frame.insert(7, "p_holm", holm(frame["p"].to_numpy(np.float64)))
    return frame


def _leave_one_out(part: Units, level: float, permutations: int, seed: int) -> pd.DataFrame:
    rows = []
    languages = part.languages
    for family in ["(none)", *sorted(languages["family"].unique())]:
        left = languages[languages["family"] != family]
        if len(left) < 3:
            continue
        values = left["mean"].to_numpy(np.float64)
        error = float(values.std(ddof=1) / np.sqrt(len(left)))
        error, df = part.run_error.widen(error, float(len(left) - 1))
        margin = float(t.ppf(0.5 + level / 2, df)) * error
        _, p = permutation_test(
            values, left["group"].to_numpy(str), permutations=permutations, random_state=seed
        )
        mean = float(values.mean())
        rows.append((family, len(left), mean, mean - margin, mean + margin, p))
    columns = ["without", "languages", "mean", "low", "high", "p_families"]
    return pd.DataFrame(rows, columns=columns)


def _holds(part: Units) -> pd.DataFrame:
    tests = language_tests(part.cells).merge(part.languages[["language", "family"]], on="language")
    rows = []
    scopes = [("all languages", tests), *tests.groupby("family", sort=True)]
    for scope, rows_of in scopes:
        p = rows_of["p"].to_numpy(np.float64)
        known = p[~np.isnan(p)]
        rows.append(
            (
                scope,
                len(rows_of),
                int(np.sum(holm(p) <= 0.05)),
                partial_conjunction(known),
                int(np.isnan(p).sum()),
            )
        )
    columns = ["scope", "languages", "holds", "at_least", "unknown"]
    return pd.DataFrame(rows, columns=columns)


def _language_table(languages: pd.DataFrame) -> pd.DataFrame:
    columns = ["language", "name", "mean", "cells", "family", "genus", "group", "script"]
    columns += ["cc100_gib", "genetic", "geographic", "syntactic", "phonological", "inventory"]
    columns += ["featural", "syntactic_imputed", "featural_imputed"]
    return languages[columns].reset_index(drop=True)
