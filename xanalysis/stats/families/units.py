"""From gains to one number per language, and what is known about each language.

A language's plain mean would mix its gains with which targets it happens to be tested in. The
language means used here are those of the additive model gain = language + target x intermediate,
fitted by least squares over the cells: in a full grid they are the plain means.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd

from xanalysis.errors import InputError
from xanalysis.languages import frame as describe
from xanalysis.stats.gain import cell_gains, gains, one_metric
from xanalysis.stats.pairs import RunError, run_error

SINGLE = "(single-language)"
LANGUAGE_COLUMNS = ("family", "genus", "script", "cc100_gib", "lineage", "syntactic", "geographic")
# What a gain is of, whatever the language; with it, one cell.
_CONTEXT = ["study", "model", "recipe", "intermediate", "target", "metric", "split"]
_CELL = [*_CONTEXT, "language"]


@dataclass(frozen=True)
class Units:
    """Cells and languages of a comparison.

    Attributes:
        cells: One row per study, model, intermediate, target and language: ``gain``, ``se``, ...
            and the language's ``family``, ``genus``, ``group`` (the family, or ``SINGLE``).
        languages: One row per language: ``mean`` (adjusted), ``cells``, ``family``, ``genus``,
            ``group``, distances, ...; sorted by code.
        notes: What was left out.
        runs: The gains that the cells average, one row per seed where seeds are known.
    """

    cells: pd.DataFrame
    languages: pd.DataFrame
    notes: tuple[str, ...]
    runs: pd.DataFrame

    @cached_property
    def run_error(self) -> RunError:
        """How far the mean over all languages would move in other runs."""
        return run_error(self.runs)


def units(data: pd.DataFrame, *, training_language: str = "en") -> Units:
    """Cells and languages of results or gains.

    Args:
        data: A results table (gains are taken first) or gains.
        training_language: Distances are measured to it, and its own gains are left out: they are
            not transfer.

    Raises:
        InputError: Fewer than three languages are left, or a gain is missing or infinite.
    """
    if "gain" not in data.columns:
        data = gains(data)
    notes = list(data.attrs.get("notes", []))
    bad = ~np.isfinite(data["gain"].astype("float64"))
    if bad.any():
        row = data[bad].iloc[0]
        raise InputError(
            f"the gain of {row['intermediate']} on {row['target']} in {row['language']} is "
            f"{row['gain']}",
            expected="finite gains",
        )
    own = data["language"] == training_language
    if own.any():
        notes.append(
            f"{int(own.sum())} gains in the training language '{training_language}' left out: "
            "they are not transfer"
        )
        data = data[~own]
    if data["degenerate"].any():
        notes.append(f"{int(data['degenerate'].sum())} gains of degenerate runs are included")
    by_seed = "seeds" not in data.columns
    cells, dropped = one_metric(cell_gains(data) if by_seed else data)
    notes += dropped
    runs = data.merge(cells[_CELL], on=_CELL) if by_seed else cells.assign(seed="")
    known = describe(list(dict.fromkeys(cells["language"])), to=training_language)
    if len(known) < 3:
        many = "1 language" if len(known) == 1 else f"{len(known)} languages"
        raise InputError(
            f"the gains are in {many} besides '{training_language}'",
            expected="at least 3 languages to compare families",
        )
    sizes = known.groupby("family")["language"].transform("size")
    known["group"] = known["family"].where(sizes > 1, SINGLE)
    columns = ["language", "family", "genus", "group", "script"]
    cells = cells.merge(known[columns], on="language", how="left", validate="many_to_one")
    means = language_means(cells)
    languages = means.merge(known, on="language", validate="one_to_one").sort_values("language")
    found = Units(cells, languages.reset_index(drop=True), tuple(notes), runs)
    if not found.run_error.known:
        notes.append(
            "no setting was run twice: intervals of means hold for these runs, not for others"
        )
    return replace(found, notes=tuple(notes))


def evened(cells: pd.DataFrame) -> pd.Series:
    """Gains without what their pairs of tasks give to all languages, plus its mean.

    Languages are tested on different targets; a language that only an easy target has would
    otherwise look as if it gained more. Means of these by language are ``language_means``.
    """
    own = cells["language"].map(language_means(cells).set_index("language")["mean"])
    left = (cells["gain"] - own).astype("float64")
    context = left.groupby([cells[name] for name in _CONTEXT], dropna=False).transform("mean")
    return cells["gain"] - context + context.mean()


def language_means(cells: pd.DataFrame) -> pd.DataFrame:
    """Adjusted mean gain per language: ``language``, ``mean``, ``cells``."""
    languages, rows = np.unique(cells["language"].to_numpy(str), return_inverse=True)
    numbers = cells.groupby(_CONTEXT, dropna=False).ngroup().to_numpy()
    gain = cells["gain"].to_numpy(np.float64)
    # Remove the contexts' means from both sides (Frisch-Waugh), then solve for the languages.
    counts = np.zeros((numbers.max() + 1, len(languages)))
    np.add.at(counts, (numbers, rows), 1.0)
    totals = counts.sum(axis=1)
    sums = np.bincount(numbers, weights=gain)
    per_language = np.bincount(rows, weights=gain)
    left = np.diag(counts.sum(axis=0)) - counts.T @ (counts / totals[:, None])
    right = per_language - counts.T @ (sums / totals)
    effects = np.linalg.lstsq(left, right, rcond=None)[0]
    weight = counts.sum(axis=0)
    effects += (per_language.sum() - weight @ effects) / weight.sum()
    return pd.DataFrame({"language": languages, "mean": effects, "cells": weight.astype(int)})
