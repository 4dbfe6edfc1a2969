"""Families: languages grouped by family, marginal means, contrasts and tests."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from xanalysis.report import text
from xanalysis.report.document import Column, Finding, Item, Section, Table
from xanalysis.report.figures import FIGURES
from xanalysis.report.material import Material
from xanalysis.report.names import own_name
from xanalysis.report.parts import attempt, sentences
from xanalysis.report.rowsets import LANGUAGES, contrast_set, family_set
from xanalysis.report.shown import between_families, shown_contrasts


def part(material: Material) -> Section:
    """The section."""
    section = Section("families", "Language families")
    attempt(section, "Gains by language", lambda: _languages(material))
    attempt(section, "The map of languages", lambda: _map(material))
    attempt(section, "The comparison of families", lambda: _families(material, section))
    attempt(section, "The table of languages", lambda: _language_table(material))
    return section


def _languages(material: Material) -> Iterator[Item]:
    yield from FIGURES["caterpillar"](
        material.languages,
        "Each dot is a language's mean gain over its intermediate and target tasks, evened out for "
        "which of them it has; the bar is a 95 % t-interval over those cells.",
    )


def _map(material: Material) -> Iterator[Item]:
    placed = material.languages.dropna(subset=["latitude", "longitude"])
    if len(placed):
        yield FIGURES["worldmap"](
            material.languages, "Places are URIEL's, one point per language; the coast is Natural "
            "Earth's.",
        )  # fmt: skip


def _families(material: Material, section: Section) -> Iterator[Item]:
    found = material.families
    means = found.means.sort_values("mean", ascending=False, kind="stable").reset_index(drop=True)
    means["label"] = means["family"] + " (" + means["languages"].astype(str) + ")"
    tests = found.tests
    shuffled = tests[tests["test"].str.startswith("permutation")]
    p = float(shuffled["p"].iloc[0]) if len(shuffled) else float("nan")
    if p == p:
        verdict = "differ" if p < 0.05 else "do not demonstrably differ"
        told = (
            f"Language families {verdict} in gain (permutation of whole languages, "
            f"p {text.p_value(p) if p < 0.001 else '= ' + text.p_value(p)}; "
            f"{len(means)} groups, {len(found.languages)} languages)."
        )
        section.findings.append(Finding(told, "tab-family-tests"))
    first = means.iloc[0]
    yield FIGURES["intervals"](
        means,
        id="fig-families",
        title="Marginal mean gain by family (number of languages), with 95 % intervals",
        alt_text=f"Highest: {first['family']} ({text.number(first['mean'], sign=True)} points), "
        f"lowest: {means.iloc[-1]['family']} ({text.number(means.iloc[-1]['mean'], sign=True)}).",
        label="label",
        value="mean",
        hollow="single",
        note="The language is the unit: each counts once. Hollow: families with a single language "
        "here, pooled; their mean stands for no family.",
    )
    yield Table(
        "tab-families",
        "Marginal means by family",
        (
            Column("family", "family"),
            Column("languages", "languages", "count"),
            Column("mean", "mean gain", "gain"),
            Column("low", "95 % interval", "interval", high="high"),
            Column("se", "s.e.", "number"),
        ),
        means,
        rows=[family_set(str(name)) for name in means["family"]],
    )
    yield Table(
        "tab-family-tests",
        "Do families differ? Overall tests",
        (
            Column("test", "test"),
            Column("statistic", "F", "number"),
            Column("df1", "df 1", "number", 1),
            Column("df2", "df 2", "number", 1),
            Column("p", "p", "p"),
        ),
        tests,
        sentences(found.notes),
        [LANGUAGES] * len(tests),
    )
    yield from _contrasts(material)


def _contrasts(material: Material) -> Iterator[Item]:
    shown, number = shown_contrasts(material), len(between_families(material))
    most = (
        f"The {len(shown)} largest of {number} contrasts; the others are among the results of "
        "compare-families. "
        if number > len(shown)
        else ""
    )
    if len(shown):
        top = shown.iloc[0]
        yield FIGURES["intervals"](
            shown.head(20),
            id="fig-contrasts",
            title="The largest contrasts between families, simultaneous 95 % intervals",
            alt_text=f"Largest contrast: {top['label']}, "
            f"{text.number(top['difference'], sign=True)} points "
            f"{text.interval(top['low'], top['high'])}; "
            f"{int(shown['significant'].sum())} of {len(shown)} exclude zero.",
            label="label",
            value="difference",
            axis="difference of gains, points",
        )
        yield _contrast_table(shown, most)


def _contrast_table(shown: pd.DataFrame, most: str) -> Table:
    return Table(
        "tab-contrasts",
        "Contrasts between families",
        (
            Column("label", "contrast"),
            Column("difference", "difference", "gain", star="significant"),
            Column("low", "95 % interval", "interval", high="high"),
            Column("p_simultaneous", "p (simultaneous)", "p"),
            Column("p_holm", "p (Holm)", "p"),
            Column("hedges_g", "Hedges g", "number"),
        ),
        shown,
        most + "Intervals and p are simultaneous (Tukey\u2013Kramer); * p < .05. Single languages, "
        "pooled above, are no family and stand in no contrast.",
        [
            contrast_set(str(a), str(b))
            for a, b in zip(shown["first"], shown["second"], strict=True)
        ],
    )


def _language_table(material: Material) -> Iterator[Item]:
    table = material.languages.sort_values(["family", "name"], kind="stable").reset_index(drop=True)
    table["own"] = [own_name(code) for code in table["language"]]
    yield Table(
        "tab-languages",
        "Gain by language",
        (
            Column("language", "code"),
            Column("name", "language"),
            Column("own", "own name", "own"),
            Column("family", "family"),
            Column("genus", "genus"),
            Column("mean", "mean gain", "gain"),
            Column("low", "95 % interval", "interval", high="high"),
            Column("cells", "cells", "count"),
        ),
        table,
        "Families and genera: URIEL and WALS, see xanalysis.languages. Own names: CLDR.",
        [f"lang-{code}" for code in table["language"]],
    )
