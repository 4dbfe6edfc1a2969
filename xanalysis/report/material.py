"""What a report is made from: results, and everything that is computed from them, once each.

Nothing is computed before a part of the report asks for it; what cannot be computed raises
`InputError`, which becomes a sentence in the report (`xanalysis.report.parts.attempt`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy.stats import t

from xanalysis.errors import InputError
from xanalysis.languages import frame as describe
from xanalysis.languages import lookup
from xanalysis.report import text
from xanalysis.results.schema import BASELINE
from xanalysis.study import Study

if TYPE_CHECKING:
    from xanalysis.claims import Audit, ClaimFile, Verdict
    from xanalysis.stats.families import FamilyComparison
    from xanalysis.stats.meta.over_results import GainsMeta

# Where one test gives several metrics, the first of these is shown.
_METRICS = ("accuracy", "f1", "em", "mean_average_precision")
LEVEL = 0.95


@dataclass(frozen=True)
class Material:
    """The inputs of a report, and what follows from them.

    Attributes:
        results: Tidy table of scores.
        study: Where claim files, templates and the store are.
        claims: Claim files to check.
        sources: Name to SHA-256 of the files the results were read from.
        evidence: What claims are checked against, as for :func:`xanalysis.claims.verify`. None: the
            study's evidence/ and the results.
    """

    results: pd.DataFrame
    study: Study
    claims: Sequence[Path] = ()
    sources: Mapping[str, str] | None = None
    evidence: Sequence[Any] | None = None

    @cached_property
    def gains(self) -> pd.DataFrame:
        """Gains of one metric per target, as :func:`xanalysis.stats.gains` gives them."""
        from xanalysis.stats import gains

        if self.results.empty:
            raise InputError("there are no results")
        table = gains(self.results)
        notes = list(table.attrs.get("notes", []))
        keep = self.metrics
        chosen = table["metric"] == table["target"].map(keep)
        if not chosen.all():
            notes.append(
                "one metric per target is shown: "
                + ", ".join(f"{name} {metric}" for name, metric in sorted(keep.items()))
            )
        table = table[chosen].reset_index(drop=True)
        table.attrs["notes"] = notes
        return table

    @cached_property
    def metrics(self) -> dict[str, str]:
        """The metric that stands for each target."""
        found = {}
        for target, names in self.results.groupby("target")["metric"].unique().items():
            rank = {name: i for i, name in enumerate(_METRICS)}
            found[str(target)] = min(map(str, names), key=lambda n: (rank.get(n, 99), n))
        return found

    @cached_property
    def cells(self) -> pd.DataFrame:
        """Gains averaged over seeds, with ``row``: the intermediate as it is called in the grid."""
        from xanalysis.stats import cell_gains

        cells = cell_gains(self.gains)
        cells["row"] = self.row_names(cells)
        return cells

    @cached_property
    def has_gains(self) -> bool:
        """Whether there is a baseline to measure gains from."""
        try:
            return not self.gains.empty
        except InputError:
            return False

    @cached_property
    def rows(self) -> list[str]:
        """The grid's rows in order of their mean gain, best first."""
        means = self.cells.groupby("row")["gain"].mean()
        return [str(name) for name in means.sort_values(ascending=False, kind="stable").index]

    @cached_property
    def targets(self) -> list[str]:
        """The grid's columns: targets by type, then name."""
        kinds = self.results[["task_type", "target"]].drop_duplicates()
        return [str(name) for name in kinds.sort_values(["task_type", "target"])["target"].unique()]

    def row_names(self, frame: pd.DataFrame) -> pd.Series:
        """Names of the grid's rows: more than the intermediate only where that is not unique."""
        names = frame["intermediate"].astype(str)
        for column in self._apart:
            names = names + " · " + frame[column].astype(str)
        return names

    @cached_property
    def _apart(self) -> list[str]:
        """What else tells rows apart; not a study that its recipes name already."""
        table = self.results
        found = [c for c in ("model", "study", "recipe") if table[c].nunique() > 1]
        return [
            column
            for place, column in enumerate(found)
            if not any(table.groupby(c)[column].nunique().max() == 1 for c in found[place + 1 :])
        ]

    @cached_property
    def runs(self) -> pd.DataFrame:
        """Mean gain over languages of every training run (row, target, seed), and degeneracy."""
        gains = self.gains.assign(row=self.row_names(self.gains))
        grouped = gains.groupby(["row", "target", "seed"], sort=True, dropna=False)
        return grouped.agg(
            gain=("gain", "mean"),
            languages=("language", "nunique"),
            degenerate=("degenerate", "any"),
        ).reset_index()

    @cached_property
    def grid(self) -> pd.DataFrame:
        """Mean gain over languages of every row x target, with its interval.

        Columns row, target, gain, se, low, high, languages, over (what the interval holds for, as
        in ``pair_gains``), significant (Holm over the grid), missing. Missing cells have a row of
        their own.
        """
        from statsmodels.stats.multitest import multipletests

        from xanalysis.stats.pairs import pair_gains

        named = self.gains.assign(row=self.row_names(self.gains))
        grid = pair_gains(named, ["row", "target"], level=LEVEL).set_index(["row", "target"])
        every = pd.MultiIndex.from_product([self.rows, self.targets], names=["row", "target"])
        grid = grid[["gain", "languages", "se", "low", "high", "p", "over"]].reindex(every)
        grid["missing"] = grid["gain"].isna()
        grid["languages"] = grid["languages"].fillna(0).astype(int)
        known = grid["p"].notna()
        grid["significant"] = False
        if known.any():
            grid.loc[known, "significant"] = multipletests(grid.loc[known, "p"], method="holm")[0]
        table: pd.DataFrame = grid.drop(columns="p").reset_index()
        return table

    @cached_property
    def languages(self) -> pd.DataFrame:
        """One row per language: mean gain, its interval over cells, name, family, place, ...

        Means are adjusted for the pairs of tasks that a language has.
        """
        from xanalysis.stats.families.units import evened

        grouped = evened(self.cells).groupby(self.cells["language"])
        table = grouped.agg(mean="mean", spread="std", cells="size").reset_index()
        margin = table["spread"] / np.sqrt(table["cells"])
        margin *= t.ppf(0.5 + LEVEL / 2, (table["cells"] - 1).clip(lower=1))
        table["low"], table["high"] = table["mean"] - margin, table["mean"] + margin
        known = [code for code in table["language"] if _known(code)]
        facts = describe(known or ["en"])  # the columns, where no language is known
        table = table.drop(columns="spread").merge(facts, on="language", how="left")
        for column in ("name", "family", "genus", "script"):
            if column not in table:
                table[column] = None
        table["name"] = table["name"].fillna(table["language"])
        table["family"] = table["family"].fillna("(unknown)")
        return table

    @cached_property
    def families(self) -> FamilyComparison:
        """Families compared."""
        from xanalysis.stats import compare_families

        return compare_families(self.gains)

    @cached_property
    def effects(self) -> pd.DataFrame:
        """One effect per intermediate and target (of a study, model and recipe): the mean gain.

        Its standard error is that over languages and runs; that of the gain itself where there is
        only one language.
        """
        from xanalysis.stats.pairs import pair_gains

        keys = [
            "study",
            "model",
            "recipe",
            "intermediate",
            "target",
            "metric",
            "split",
            "task_type",
        ]
        grouped = self.cells.groupby(keys, sort=True, dropna=False)
        effects = grouped.agg(
            languages=("language", "nunique"),
            language=("language", "first"),
            gain=("gain", "mean"),
            own=("se", "mean"),
            seeds=("seeds", "max"),
        ).reset_index()
        several = effects["languages"] > 1
        pairs = pair_gains(self.gains, keys)[[*keys, "se"]]
        effects = effects.merge(pairs, on=keys, how="left")
        effects["se"] = effects["own"].where(~several, effects["se"])
        effects["language"] = effects["language"].where(~several, "all")
        return effects

    @cached_property
    def meta(self) -> GainsMeta:
        """The effects pooled, by the first of study, model, intermediate that divides them."""
        from xanalysis.stats.meta.over_results import meta_of_gains

        for name in ("study", "model", "intermediate", "target"):
            if self.effects[name].nunique() > 1:
                return meta_of_gains(self.effects, by=name)
        return meta_of_gains(self.effects)

    @cached_property
    def claim_files(self) -> list[tuple[Path, ClaimFile]]:
        """The claim files, read."""
        from xanalysis.claims import load_claims

        return [(path, load_claims(path)) for path in self.claims]

    @cached_property
    def verdicts(self) -> list[list[Verdict]]:
        """Verdicts, per claim file; an audit has them already."""
        from xanalysis.claims import verify

        audited = dict(self.audits)
        return [
            list(audited[path.stem].verdicts)
            if path.stem in audited
            else verify(claims, self._evidence(claims), study=self.study)
            for path, claims in self.claim_files
        ]

    @cached_property
    def audits(self) -> list[tuple[str, Audit]]:
        """Audits of the files whose claims come from documents with marks or confidences."""
        from xanalysis.claims import audit

        found = []
        for path, claims in self.claim_files:
            sources = [source for claim in claims.claims for source in claim.sources]
            if any(s.verified is not None or s.confidence is not None for s in sources):
                found.append((path.stem, audit(claims, self._evidence(claims), study=self.study)))
        return found

    def _evidence(self, claims: ClaimFile) -> Sequence[Any] | None:
        if claims.evidence:
            return None  # the file names its own
        if self.evidence is not None:
            return self.evidence
        own = [] if self.results.empty else [self.results]
        return [*self.study.files("evidence").values(), *own]

    @property
    def subtitle(self) -> str:
        """What was analysed, in one line."""
        table = self.results
        if table.empty:
            return "No results"
        baseline = int((table["intermediate"] == BASELINE).sum())
        parts = [
            text.counted(table["intermediate"].nunique() - bool(baseline), "intermediate task"),
            text.counted(table["target"].nunique(), "target task"),
            text.counted(table["language"].nunique(), "language"),
            text.counted(int(table["seed"].nunique()), "seed"),
            text.counted(len(table), "score"),
        ]
        return ", ".join(parts) + f"; {', '.join(sorted(map(str, table['model'].unique()))[:4])}"


def _known(code: Any) -> bool:
    try:
        lookup(str(code))
    except InputError:
        return False
    return True
