"""The mixed model of a contrast's scores, and what is read from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from xanalysis import languages
from xanalysis.errors import InputError
from xanalysis.languages.record import LOW_GIB
from xanalysis.stats.mixed import fit_mixed

# Kenward-Roger costs more with every row and differs from Satterthwaite only in small samples.
_SMALL = 2000
# The variance of an effect over fewer levels than this is as good as unknown: such an effect is
# averaged over the levels there are, and said to hold for them alone.
_FEW = 5
# What both sides have in common.
_COMMON = (
    ("target", "language"),
    ("target", "seed"),
    ("target", "intermediate"),
    ("run",),
)
# What makes the effect differ.
_VARYING = ("language", "target", "intermediate")
SINGLE = "single-language families"
# By the size of the text in CC-100; see Language.resource.
RESOURCES = {
    "unseen": "unseen in pretraining",
    "low": f"below {LOW_GIB:g} GiB",
    "high": f"{LOW_GIB:g} GiB and more",
}


@dataclass
class Model:
    """How the scores of a contrast are modelled.

    Attributes:
        rows: As ``sides`` makes them.
        level: Of intervals.
        random: Factors over whose levels the effect varies at random.
        fixed: Factors over whose levels it is averaged.
        notes: What that means for the reader.
        formula: The model that was fitted first.
    """

    rows: pd.DataFrame
    level: float
    random: list[str] = field(default_factory=list)
    fixed: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    formula: str = ""

    @classmethod
    def of(cls, rows: pd.DataFrame, match: Sequence[str], level: float) -> Model:
        """The model that the rows allow.

        Args:
            rows: As ``sides`` makes them.
            match: What agrees between the sides. What they differ in is no sample of more.
            level: Of intervals.
        """
        self = cls(rows, level)
        changed = rows[rows["phase"] > 0]
        for name in _VARYING:
            many = int(changed[name].nunique())
            sampled = many >= _FEW and (name in match or name == "language")
            if sampled:
                self.random.append(name)
            elif many > 1:
                self.fixed.append(name)
                names = ", ".join(sorted(changed[name].unique()))
                self.notes.append(
                    f"averaged over {many} levels of {name} ({names}), and true of them only"
                )
        if rows.groupby("target")["seed"].nunique().max() < 2:
            self.notes.append("one seed: how much runs differ is known only between settings")
        trained = rows[rows["trained"] > 0]
        if 0 < trained["start"].nunique() == trained["made"].nunique():
            self.notes.append(
                "one intermediate training per setting: their luck is not known and not counted"
            )
        return self

    @property
    def of_gains(self) -> bool:
        """Whether the effect is a difference of gains, each over baselines of its own."""
        return not _equal(self.rows["phase"], self.rows["effect"])

    def effect(self) -> pd.Series:
        """Estimate, se, df, low, high and p of the effect."""
        table, self.formula = self._fit(self.rows, ["effect"])
        return table.iloc[0]

    def groups(self) -> pd.DataFrame:
        """Effects by family (those with two languages or more), resource and task type."""
        codes = self.rows["language"]
        known = languages.frame(sorted(codes.unique())).set_index("language")
        rows = self.rows.assign(
            family=codes.map(known["family"]),
            resource=codes.map(known["resource"].map(RESOURCES)),
        )
        sizes = rows.groupby("family")["language"].nunique()
        rows.loc[rows["family"].map(sizes) < 2, "family"] = SINGLE
        parts = []
        for by in ("family", "resource", "task_type"):
            try:
                parts.append(self._group(rows, by))
            except InputError as error:
                self.notes.append(f"no means by {by}: {error.message}")
        columns = ["by", "group", "languages", "estimate", "se", "low", "high"]
        return pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame()

    def _group(self, rows: pd.DataFrame, by: str) -> pd.DataFrame:
        touched = rows[rows["effect"] > 0]
        counts = touched.groupby(by)["language"].nunique()
        groups = sorted(counts.index)
        if len(groups) < 2:
            return pd.DataFrame(columns=["by", "group", "languages"])
        columns = [f"effect_{number}" for number in range(len(groups))]
        rows = rows.assign(
            **{
                column: rows["effect"] * (rows[by] == group)
                for column, group in zip(columns, groups, strict=True)
            }
        )
        alone = touched.groupby(by)["target"].nunique().max() < 2
        of_types = by == "task_type" and (alone or "target" in self.fixed)
        without = ("target",) if of_types else ()
        means, _ = self._fit(rows, columns, without=without)
        means = means.reset_index(drop=True).assign(by=by, group=groups)
        means["languages"] = [int(counts[group]) for group in groups]
        return means

    def resource(self) -> tuple[pd.Series, int, int] | None:
        """Slope of the effect on log10 of the languages' text in CC-100 (GiB).

        Returns:
            The coefficient, the number of languages in it and of those outside CC-100; None where
            fewer than five languages, or one size, cannot give a slope.
        """
        codes = sorted(self.rows.loc[self.rows["effect"] > 0, "language"].unique())
        known = languages.frame(codes).set_index("language")
        size = np.log10(known.loc[known["pretrained"], "cc100_gib"])
        if len(size) < _FEW or size.nunique() < 3:
            return None
        rows = self.rows[self.rows["language"].isin(size.index)]
        centred = rows["language"].map(size - size.mean()).to_numpy(float)
        rows = rows.assign(
            size=centred,
            effect_size=rows["effect"] * centred,
            phase_size=rows["phase"] * centred,
        )
        beside = ["effect", "size"]
        if self.of_gains:
            beside.append("phase_size")
        table, _ = self._fit(rows, ["effect_size"], beside=beside)
        return table.iloc[0], len(size), len(known) - len(size)

    def _fit(
        self,
        rows: pd.DataFrame,
        effects: Sequence[str],
        *,
        beside: Sequence[str] = (),
        without: Sequence[str] = (),
    ) -> tuple[pd.DataFrame, str]:
        """Estimates of the columns ``effects``, with the columns ``beside`` in the model, too.

        The term ``phase`` is in it where the effect is a difference of gains. A random term is left
        out if its factor has one level, as many as rows, or those of another.
        """
        rows = rows.copy()
        several = [name for name in ("target", "metric") if rows[name].nunique() > 1]
        if several == ["target", "metric"] and _nested(rows):
            several.remove("metric")
        columns = [*several, *effects, *beside]
        if self.of_gains:
            columns.append("phase")
        for name in self.fixed:
            if name not in without:
                columns += _averaged(rows, name)
        terms: list[str] = []
        # What the fixed part or a slope tells apart already is no level of an intercept.
        seen = [_code(rows, names) for names in (["target"], ["target", "phase"])]
        for common in _COMMON:
            if common == ("target", "intermediate") and not {*common} & {*self.random}:
                continue  # the few levels there are stand in the fixed part
            code = _code(rows, common)
            if 1 < max(code) + 1 < len(rows) and code not in seen:
                seen.append(code)
                terms.append(f"(1|{':'.join(common)})")
        trained = rows[rows["trained"] > 0]
        if trained["made"].nunique() < trained["start"].nunique() < trained["run"].nunique():
            # Targets that one intermediate training serves share its luck.
            terms.append("(0 + trained|start)")
        for name in self.random:
            if name not in without:
                terms.append(f"(0 + phase|{name})")
                terms += [f"(0 + effect|{name})"] if self.of_gains else []
        formula = " + ".join(["score ~ " + " + ".join(columns), *terms])
        model = fit_mixed(formula, rows)
        small = len(rows) <= _SMALL and len(effects) == 1
        method = "kenward-roger" if small else "satterthwaite"
        table = model.coefficient_table(method=method, level=self.level).set_index("term")
        return table.loc[list(effects)], formula


def _code(rows: pd.DataFrame, names: Sequence[str]) -> tuple[int, ...]:
    """The partition of the rows by some columns."""
    return tuple(rows.groupby(list(names), sort=False, dropna=False).ngroup())


def _averaged(rows: pd.DataFrame, name: str) -> list[str]:
    """Add columns that sum to zero over a factor's levels: the effect is then their plain mean.

    Where each side has levels of its own, its mean is over these.
    """
    changed = rows["phase"] > 0
    apart = rows[changed].groupby(name)["side"].nunique().max() == 1
    added: list[str] = []
    for side in sorted(rows["side"].unique()) if apart else [None]:
        inside = changed if side is None else changed & (rows["side"] == side)
        names = sorted(rows.loc[inside, name].unique())
        for one in names[:-1]:
            column = f"by_{name}_{len(added)}"
            rows[column] = (inside & (rows[name] == one)).astype(float) - (
                inside & (rows[name] == names[-1])
            ).astype(float)
            added.append(column)
    return added


def _nested(rows: pd.DataFrame) -> bool:
    """Whether every target has one metric."""
    return bool((rows.groupby("target")["metric"].nunique() == 1).all())


def _equal(left: pd.Series, right: pd.Series) -> bool:
    return bool(np.allclose(left.to_numpy(float), right.to_numpy(float)))
