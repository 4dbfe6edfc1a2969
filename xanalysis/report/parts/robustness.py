"""Robustness: without each family, with and without degenerate runs, seeds, related languages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
from scipy.stats import t

from xanalysis.report import text
from xanalysis.report.document import Column, Item, Section, Table
from xanalysis.report.figures import FIGURES
from xanalysis.report.material import LEVEL, Material
from xanalysis.report.parts import attempt
from xanalysis.report.rowsets import DEGENERATE, LANGUAGES, SCORES, family_set, without_set
from xanalysis.report.slugs import anchor
from xanalysis.stats.pairs import run_error

_ACCOUNTINGS = {
    "none": "nothing: as if independent",
    "family": "families",
    "family > genus": "families and genera",
    "tree": "the family tree",
}
_MOST_SINGLE = 300  # runs without a second seed beyond which they are not drawn once more


def part(material: Material) -> Section:
    """The section."""
    section = Section("robustness", "Robustness")
    attempt(section, "Leaving out each family", lambda: _leave_one_out(material))
    attempt(section, "How related languages move the estimates", lambda: _related(material))
    attempt(section, "In how many languages gains hold", lambda: _holds(material))
    attempt(section, "The spread over seeds", lambda: _seeds(material))
    attempt(section, "Degenerate runs", lambda: _degenerate(material))
    return section


def _leave_one_out(material: Material) -> Iterator[Item]:
    table = material.families.leave_one_out
    low, high = table["mean"].min(), table["mean"].max()
    yield FIGURES["intervals"](
        table,
        id="fig-leave-one-out",
        title="Mean gain over languages without each family, 95 % intervals",
        alt_text=f"Leaving out any one family moves the mean gain between "
        f"{text.number(low, sign=True)} and {text.number(high, sign=True)} points.",
        label="without",
        value="mean",
        note="(none): all languages.",
    )
    yield Table(
        "tab-leave-one-out",
        "Without each family",
        (
            Column("without", "without"),
            Column("languages", "languages", "count"),
            Column("mean", "mean gain", "gain"),
            Column("low", "95 % interval", "interval", high="high"),
            Column("p_families", "p (families differ)", "p"),
        ),
        table,
        rows=[without_set(str(name)) for name in table["without"]],
    )


def _related(material: Material) -> Iterator[Item]:
    found = material.families
    if len(found.galton):
        yield Table(
            "tab-galton",
            "How estimates move with each way of accounting for related languages",
            (
                Column("estimate", "estimate"),
                Column("accounting", "accounting for"),
                Column("value", "value", "gain"),
                Column("low", "95 % interval", "interval", high="high"),
                Column("se", "s.e.", "number"),
                Column("p", "p", "p"),
            ),
            found.galton.replace({"accounting": _ACCOUNTINGS}),
            "Slopes are points per standard deviation, one number at a time. Languages that "
            "descend from one another or live side by side are not independent (Galton's "
            "problem): an estimate that stands only in the first line does not stand.",
            [LANGUAGES] * len(found.galton),
        )
    if len(found.moran):
        yield Table(
            "tab-moran",
            "Moran's I: are near languages alike?",
            (
                Column("distance", "nearness by"),
                Column("what", "of"),
                Column("value", "I", "number"),
                Column("expected", "expected", "number"),
                Column("p", "p", "p"),
            ),
            found.moran,
            rows=[LANGUAGES] * len(found.moran),
        )


def _holds(material: Material) -> Iterator[Item]:
    yield Table(
        "tab-holds",
        "In how many languages is the gain above zero?",
        (
            Column("scope", "scope"),
            Column("languages", "languages", "count"),
            Column("holds", "above zero (Holm)", "count"),
            Column("at_least", "in at least", "count"),
            Column("unknown", "error unknown", "count"),
        ),
        material.families.holds,
        "In at least: partial conjunction, the number of languages that the data prove at 5 %.",
        [family_set(str(name)) for name in material.families.holds["scope"]],
    )


def _seeds(material: Material) -> Iterator[Item]:
    runs = material.runs
    repeated = runs.groupby(["row", "target"])["seed"].nunique().max() > 1
    if runs["seed"].isna().all():
        yield (
            "The results give no seeds, so how far repeated runs lie apart cannot be told; each "
            "mark is one score of each cell."
        )
    elif not repeated:
        yield "Every cell has a single seed, so how far repeated runs lie apart cannot be told."
    if not repeated and len(runs) > _MOST_SINGLE:
        return  # the grid shows the same numbers
    yield FIGURES["seeds"](runs, material.rows, material.targets,
                           "A cross is a run that collapsed (degenerate).")  # fmt: skip
    yield _spread(runs, material.targets)


def _spread(runs: pd.DataFrame, targets: Sequence[str]) -> Table:
    """How far the seeds of each target's cells lie apart."""
    cells = runs.groupby(["row", "target"])["gain"].agg(["size", "std", "min", "max"]).reset_index()
    cells["range"] = (cells["max"] - cells["min"]).where(cells["size"] > 1)
    widest = cells.sort_values("range", ascending=False, kind="stable").drop_duplicates("target")
    table = runs.groupby("target").agg(runs=("gain", "size"), degenerate=("degenerate", "sum"))
    table["sd"] = cells.groupby("target")["std"].median()
    table = table.join(widest.set_index("target")[["range", "row"]])
    table = table.reindex([name for name in targets if name in table.index]).reset_index()
    table["row"] = table["row"].where(table["range"].notna(), "")
    there = [
        anchor(row, target) if row else None
        for row, target in zip(table["row"], table["target"], strict=True)
    ]
    return Table(
        "tab-seeds",
        "How far seeds lie apart, by target task",
        (
            Column("target", "target task"),
            Column("runs", "training runs", "count"),
            Column("degenerate", "degenerate", "count"),
            Column("sd", "median s.d.", "number"),
            Column("range", "largest distance", "number"),
            Column("row", "there"),
        ),
        table,
        "Of a run's gain, the mean over languages: standard deviation and distance between the "
        "seeds of one cell, in points.",
        [SCORES] * len(table),
        {"range": there, "row": there},
    )


def _degenerate(material: Material) -> Iterator[Item]:
    gains = material.gains
    bad = gains["degenerate"].astype(bool)
    runs = material.runs
    if not bad.any():
        yield f"None of the {len(runs)} training runs behind the gains is marked as degenerate."
        return
    rows = []
    for name, part in (("all runs", gains), ("without degenerate runs", gains[~bad])):
        means = part.groupby("language")["gain"].mean().to_numpy(np.float64)
        margin = np.nan
        if len(means) > 1:
            se, df = means.std(ddof=1) / np.sqrt(len(means)), float(len(means) - 1)
            se, df = run_error(part).widen(se, df)
            margin = float(t.ppf(0.5 + LEVEL / 2, df) * se)
        mean = float(means.mean()) if len(means) else np.nan
        rows.append((name, len(part), len(means), mean, mean - margin, mean + margin))
    yield Table(
        "tab-degenerate",
        "With and without degenerate runs",
        (
            Column("runs", "runs"),
            Column("scores", "gains", "count"),
            Column("languages", "languages", "count"),
            Column("mean", "mean gain", "gain"),
            Column("low", "95 % interval", "interval", high="high"),
        ),
        pd.DataFrame(rows, columns=["runs", "scores", "languages", "mean", "low", "high"]),
        f"{int(runs['degenerate'].sum())} of {len(runs)} training runs, or their baselines, "
        "collapsed. Intervals hold for further languages and, where runs were repeated, runs.",
        [SCORES, DEGENERATE],
    )
