"""Gains: score minus the score of the shared baseline, with a standard error and where it is from.

All gains of one study, model, target and language share ONE baseline, so their errors are
correlated. The column ``shared`` names that baseline: give a model of gains a random intercept for
``target:language`` (or for ``shared``), or model the scores with the baseline as reference level.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from xanalysis.errors import InputError, unknown_name
from xanalysis.results.schema import BASELINE, conform

_KEYS = ("study", "model", "recipe", "intermediate", "target", "language", "metric", "split")
# From the best known to the least: a difference is as well known as its worse half.
SE_SOURCES = ("examples", "seeds", "binomial", "published", "none")
# Fewer say too little of their spread, if anything else does.
_ENOUGH_SEEDS = 5
# Several metrics of one test are one effect: the first of these that has a standard error counts.
_METRIC_ORDER = ("accuracy", "em", "exact_match", "f1")


def gains(
    results: pd.DataFrame,
    *,
    factor: str = "intermediate",
    baseline: str = BASELINE,
    store: str | Path | None = None,
) -> pd.DataFrame:
    """Gains over the baseline, one row per score that has one.

    A gain is paired by seed where the baseline was run with the same seed; otherwise it is taken to
    the mean of the baseline's seeds. A recipe without a baseline of its own takes the one of the
    same study, model and target if there is exactly one.

    Args:
        results: A table as in :mod:`xanalysis.results.schema`.
        factor: What the baseline is a level of: ``intermediate``, or ``model`` or ``recipe`` to
            compare models or recipes in place of intermediate tasks.
        baseline: The level of ``factor`` that gains are measured from.
        store: Store folder (``runs``) with per-example predictions; where a run's predictions are
            there, the standard error is that of the paired differences per example.

    Returns:
        The rows that are not the baseline, with the columns of the results and: ``baseline`` (its
        score), ``gain`` (points), ``se`` and ``se_source`` of the GAIN, ``paired`` (by seed),
        ``shared`` (name of the baseline that gains have in common) and ``baseline_run_key``.
        ``attrs["notes"]`` lists what was left out and why.

    Raises:
        InputError: No row is a baseline, no row has one, or ``factor`` is no column to compare by.
    """
    results = conform(results)
    if factor not in ("intermediate", "model", "recipe"):
        raise unknown_name("factor", factor, ("intermediate", "model", "recipe"))
    is_baseline = results[factor] == baseline
    if not is_baseline.any():
        raise InputError(
            f"no row has {factor} '{baseline}', so there is nothing to measure gains from",
            expected="one of " + ", ".join(sorted(results[factor].unique())[:12]),
        )
    if is_baseline.all():
        raise InputError(f"every row is the baseline ({factor} '{baseline}'): there are no gains")
    keys = [name for name in _KEYS if name != factor]
    treated, base = results[~is_baseline], results[is_baseline]
    matched = _match(treated, base, keys)
    if factor != "recipe":
        loose = [name for name in keys if name != "recipe"]
        alone = base.groupby(loose)["recipe"].transform("nunique") == 1
        matched = matched.combine_first(_match(treated, base[alone], loose))
    table = treated.join(matched)
    lost = table["baseline"].isna()
    notes = _lost(table[lost], factor)
    if lost.all():
        raise InputError(
            f"no score has a baseline of the same {', '.join(keys)}", expected=notes[0]
        )
    table = table[~lost].reset_index(drop=True)
    table["gain"] = table["score"] - table["baseline"]
    table["se"], table["se_source"] = _difference_se(table)
    table["paired"] = table["paired"].astype(bool)
    table["degenerate"] = table["degenerate"] | table["baseline_degenerate"].astype(bool)
    shared = [name for name in keys if name not in ("metric", "split")]
    table["shared"] = [
        " · ".join(filter(None, names)) for names in table[shared].itertuples(index=False)
    ]
    table = table.drop(columns=["baseline_se", "baseline_se_source", "baseline_degenerate"])
    twice = (table["run_key"] != "") & table.duplicated(
        ["run_key", "baseline_run_key", "language", "metric", "split", "target"]
    )
    if twice.any():
        notes.append(
            f"{int(twice.sum())} gains left out: the same run is listed under several recipes"
        )
        table = table[~twice].reset_index(drop=True)
    if store is not None:
        from xanalysis.stats.bootstrap import add_example_errors

        table = add_example_errors(table, Path(store))
        table.attrs["store"] = str(store)
    table.attrs["notes"] = notes
    return table


def cell_gains(table: pd.DataFrame) -> pd.DataFrame:
    """Gains averaged over seeds, one row per intermediate, target and language.

    Args:
        table: Gains as :func:`gains` gives them.

    Returns:
        The cells' keys, ``gain`` (mean), ``seeds`` (how many), ``se`` and ``se_source``. With
        predictions the error is that of crossed examples and seeds. Without, it comes from the
        spread over seeds where there are five, or nothing else is known: two or three seeds agree
        by chance too often. Else it is a single gain's: that of the mean is smaller.
        Degenerate runs are averaged in and marked.
    """
    keys = [*_KEYS, "task_type", "shared"]
    order = [*SE_SOURCES, *sorted({*table["se_source"].map(str)} - {*SE_SOURCES})]
    worst = pd.Categorical(table["se_source"], categories=order).codes
    grouped = table.assign(square=table["se"] ** 2, worst=worst).groupby(
        keys, sort=False, dropna=False
    )
    cells = grouped.agg(
        gain=("gain", "mean"),
        score=("score", "mean"),
        baseline=("baseline", "mean"),
        seeds=("gain", "size"),
        spread=("gain", "std"),
        se=("square", "mean"),
        se_source=("worst", "max"),
        n_examples=("n_examples", "max"),
        degenerate=("degenerate", "any"),
    ).reset_index()
    cells["se"] = np.sqrt(cells["se"])
    cells["se_source"] = cells["se_source"].map(dict(enumerate(order)))
    known = cells["se"].notna() & (cells["seeds"] < _ENOUGH_SEEDS)
    known |= cells["se_source"] == "examples"
    several = (cells["seeds"] > 1) & cells["spread"].notna() & ~known
    # Equal scores differ by rounding; as an error that would outweigh everything else.
    from_seeds = (cells["spread"] / np.sqrt(cells["seeds"])).where(cells["spread"] > 1e-9, 0.0)
    cells["se"] = cells["se"].where(~several, from_seeds)
    cells["se_source"] = cells["se_source"].where(~several, "seeds")
    if table.attrs.get("store") and (cells["seeds"] > 1).any():
        _crossed_errors(cells, grouped, Path(table.attrs["store"]))
    cells.attrs["notes"] = list(table.attrs.get("notes", []))
    return cells.drop(columns="spread")


def one_metric(cells: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """Keep one metric per test: EM and F1 of the same answers are not two effects.

    Args:
        cells: Cells, or gains of one seed.

    Returns:
        The cells whose metric has a standard error, or stands first in the usual order, and notes
        that say what was left out.
    """
    rank = {name: i for i, name in enumerate(_METRIC_ORDER)}
    order = cells["metric"].map(rank).fillna(len(rank)) + 100 * cells["se"].isna()
    key = ["study", "model", "recipe", "intermediate", "target", "language", "split"]
    kept = cells.assign(_order=order).sort_values("_order", kind="stable")
    kept = kept.drop_duplicates(key).sort_index().drop(columns="_order")
    lost = cells.drop(kept.index)
    if lost.empty:
        return cells, []
    what = ", ".join(
        f"{target} {metric}"
        for target, metric in lost[["target", "metric"]].drop_duplicates().to_numpy()
    )
    return kept, [f"{len(lost)} gains of a second metric of the same test left out: {what}"]


def _crossed_errors(cells: pd.DataFrame, grouped: Any, store: Path) -> None:
    """Errors over examples x seeds, for cells of several seeds whose predictions are all kept."""
    from xanalysis.stats.bootstrap import cell_differences, crossed_error

    for place, (_, part) in enumerate(grouped):
        if len(part) > 1 and (part["se_source"] == "examples").all():
            differences = cell_differences(part, store)
            if differences is not None:
                cells.loc[place, "se"] = crossed_error(differences)


def _match(treated: pd.DataFrame, base: pd.DataFrame, keys: Sequence[str]) -> pd.DataFrame:
    """The baseline of each treated row, by seed and else on average over seeds."""
    named = base.rename(
        columns={
            "score": "baseline",
            "se": "baseline_se",
            "se_source": "baseline_se_source",
            "degenerate": "baseline_degenerate",
            "run_key": "baseline_run_key",
        }
    )
    columns = [c for c in named.columns if c.startswith("baseline")]
    seeded = named.dropna(subset="seed").drop_duplicates([*keys, "seed"])
    by_seed = treated[[*keys, "seed"]].merge(
        seeded[[*keys, "seed", *columns]], on=[*keys, "seed"], how="left"
    )
    averaged = named.groupby(list(keys), sort=False, as_index=False).agg(
        baseline=("baseline", "mean"),
        baseline_se=("baseline_se", lambda v: float(np.sqrt(np.mean(np.square(v))))),
        baseline_se_source=("baseline_se_source", _worst),
        baseline_degenerate=("baseline_degenerate", "any"),
        baseline_run_key=("baseline_run_key", lambda v: v.iloc[0] if v.nunique() == 1 else ""),
    )
    on_average = treated[list(keys)].merge(averaged, on=list(keys), how="left")
    by_seed.index = on_average.index = treated.index
    paired = by_seed["baseline"].notna()
    result = by_seed[columns].where(paired, on_average[columns])
    result["paired"] = paired.where(result["baseline"].notna())
    return result


def _difference_se(table: pd.DataFrame) -> tuple[pd.Series, pd.Series]:
    """Standard error of a difference of two scores, as if they were independent.

    Two systems tested on the same examples usually agree on many of them, so this is too wide
    rather than too narrow; predictions (``store``) give the paired one.
    """
    se = (table["se"] ** 2 + table["baseline_se"] ** 2) ** 0.5
    ranks = {name: i for i, name in enumerate(SE_SOURCES)}
    last = len(SE_SOURCES) - 1
    both = table[["se_source", "baseline_se_source"]].apply(lambda c: c.map(ranks)).fillna(last)
    source = both.max(axis=1).astype(int).map(dict(enumerate(SE_SOURCES)))
    source = source.where(se.notna(), "none")
    return se.where(source != "none"), source


def _worst(sources: pd.Series) -> str:
    return max(
        map(str, sources), key=lambda name: SE_SOURCES.index(name) if name in SE_SOURCES else 99
    )


def _lost(rows: pd.DataFrame, factor: str) -> list[str]:
    if rows.empty:
        return []
    cells = rows[[factor, "model", "target", "language"]].drop_duplicates()
    shown = "; ".join(" ".join(map(str, cell)) for cell in cells.head(5).to_numpy())
    more = f"; … ({len(cells)} cells)" if len(cells) > 5 else ""
    return [f"{len(rows)} scores left out, because their baseline is missing: {shown}{more}"]
