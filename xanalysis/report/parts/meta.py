"""Meta-analysis of the gains: forest and funnel."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pandas as pd

from xanalysis.report import text
from xanalysis.report.document import Column, Finding, Item, Section, Table
from xanalysis.report.figures import FIGURES
from xanalysis.report.material import Material
from xanalysis.report.parts import attempt, sentences
from xanalysis.report.rowsets import EFFECTS, effect_set

if TYPE_CHECKING:
    from xanalysis.stats.meta.analysis import MetaAnalysis


def part(material: Material) -> Section:
    """The section."""
    section = Section("meta", "Meta-analysis")
    attempt(section, "The meta-analysis", lambda: _meta(material, section))
    return section


def _meta(material: Material, section: Section) -> Iterator[Item]:
    found = material.meta
    analysis = found.analysis
    pooled = analysis.coefficients.iloc[0]
    low, high = analysis.prediction
    ahead = text.interval(low, high)
    told = (
        f"Pooled over {analysis.k:,} pairs of intermediate and target task: "
        f"{text.number(pooled['estimate'], sign=True)} points "
        f"{text.interval(pooled['low'], pooled['high'])}; a further study's true gain would lie in "
        f"{ahead} (95 % prediction interval)."
    )
    section.findings.append(Finding(told, "tab-forest"))
    rows = []
    if found.groups is not None and found.by is not None:
        ordered = found.groups.sort_values("estimate", ascending=False, kind="stable")
        for r in ordered.to_dict("records"):
            rows.append(
                {
                    "label": str(r[found.by]),
                    "estimate": r["estimate"],
                    "low": r["low"],
                    "high": r["high"],
                    "effects": r.get("k", r.get("effects", float("nan"))),
                    "kind": "group",
                }
            )
    rows.append(
        {"label": "pooled", "estimate": pooled["estimate"], "low": pooled["low"],
         "high": pooled["high"], "effects": analysis.k, "kind": "pooled"}
    )  # fmt: skip
    rows.append(
        {"label": "prediction interval", "estimate": pooled["estimate"], "low": low, "high": high,
         "effects": float("nan"), "kind": "prediction"}
    )  # fmt: skip
    frame = pd.DataFrame(rows)
    nested = f", nested in {' and '.join(found.nesting)}" if found.nesting else ""
    method = f"{analysis.method}, tests {analysis.test}{nested}"
    yield from FIGURES["forest"](
        frame,
        alt_text=f"Forest plot. Pooled gain {text.number(pooled['estimate'], sign=True)} points "
        f"{text.interval(pooled['low'], pooled['high'])}, prediction interval {ahead}.",
        note=f"{analysis.k:,} effects ({method}): the mean gain of an intermediate on a target "
        "task, with its standard error over languages and runs. Squares: subgroups by "
        f"{found.by}, larger for more effects. Diamond: pooled. Wide bar: prediction interval.",
    )
    yield Table(
        "tab-forest",
        f"Pooled gains by {found.by}" if found.by else "Pooled gain",
        (
            Column("label", "group"),
            Column("effects", "effects", "count"),
            Column("estimate", "gain", "gain"),
            Column("low", "95 % interval", "interval", high="high"),
        ),
        frame,
        sentences(found.notes),
        [
            effect_set(label) if kind == "group" else EFFECTS
            for label, kind in zip(frame["label"], frame["kind"], strict=True)
        ],
    )
    names = material.row_names(found.cells) + " → " + found.cells["target"].astype(str)
    egger = found.egger
    yield _heterogeneity(analysis, egger)
    asymmetry = (
        "Asymmetry cannot be tested: the standard errors are all alike, or there are too few "
        "effects."
        if egger is None
        else f"Egger's test of asymmetry: p {'' if egger['p'] < 0.001 else '= '}"
        f"{text.p_value(float(egger['p']))}."
    )
    yield FIGURES["funnel"](
        analysis.funnel().assign(name=names.to_numpy()),
        center=analysis.estimate,
        alt_text=f"Funnel plot of {analysis.k:,} effects around "
        f"{text.number(analysis.estimate, sign=True)} points. {asymmetry}",
        note="Dashed: where 95 % of the effects would lie if sampling error were all there is. "
        + asymmetry,
    )


def _heterogeneity(analysis: MetaAnalysis, egger: pd.Series | None) -> Table:
    spread = analysis.heterogeneity.assign(
        shown=[_symbol(str(name)) for name in analysis.heterogeneity["quantity"]]
    )
    statistic, df, p = analysis.q
    tests = [{"shown": "Cochran's Q", "value": statistic, "df": df, "p": p}]
    if egger is not None:
        known = {"value": egger["statistic"], "df": egger["df"], "p": egger["p"]}
        tests.append({"shown": "Egger's t, of asymmetry", **known})
    spread = pd.concat([spread, pd.DataFrame(tests)], ignore_index=True)
    ends = (Column("low", "95 % interval", "interval", high="high"),)
    return Table(
        "tab-heterogeneity",
        "Heterogeneity and asymmetry",
        (
            Column("shown", "quantity"),
            Column("value", "value", "number"),
            *(ends if spread["low"].notna().any() else ()),
            Column("df", "df", "plain", 1),
            Column("p", "p", "p"),
        ),
        spread,
        rows=[EFFECTS] * len(spread),
    )


def _symbol(quantity: str) -> str:
    """``tau2[run]`` as it is written in papers: τ², between runs."""
    name, _, level = quantity.partition("[")
    shown = {"tau2": "τ²", "tau": "τ", "I2": "I² (%)"}.get(name, name)
    return f"{shown}, between {level.rstrip(']')}s" if level else shown
