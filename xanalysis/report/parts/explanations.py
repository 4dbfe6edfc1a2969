"""What explains gain: partial effects of distance to the training language and of corpus size."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from xanalysis.errors import InputError
from xanalysis.report import text
from xanalysis.report.document import Column, Finding, Item, Section, Table
from xanalysis.report.figures import FIGURES
from xanalysis.report.material import Material
from xanalysis.report.parts import attempt, sentences
from xanalysis.report.rowsets import model_set
from xanalysis.report.shown import corpus_languages, distance_languages


@dataclass(frozen=True)
class Number:
    """A number that gain may move with: on an axis, in a sentence, and what one unit of it is."""

    axis: str
    phrase: str
    unit: str


_WHOLE = "over its whole range from 0 to 1"
SYNTACTIC = Number("syntactic distance to English (URIEL)", "syntactic distance to English", _WHOLE)
GEOGRAPHIC = Number(
    "geographic distance to English (URIEL)", "geographic distance to English", _WHOLE
)
CORPUS = Number(
    "log10 of the language's GiB in CC-100",
    "the size of a language's corpus in CC-100",
    "for every tenfold corpus",
)


def part(material: Material) -> Section:
    """The section."""
    section = Section("explanations", "What explains gain")
    attempt(section, "The effect of distance", lambda: _distances(material, section))
    attempt(section, "The effect of corpus size", lambda: _corpus(material, section))
    return section


def _distances(material: Material, section: Section) -> Iterator[Item]:
    numbers = {"syntactic": SYNTACTIC, "geographic": GEOGRAPHIC}
    yield from _model(section, distance_languages(material), numbers, "distance")


def _corpus(material: Material, section: Section) -> Iterator[Item]:
    seen = corpus_languages(material)
    lost = len(distance_languages(material)) - len(seen)
    if lost:
        yield (
            "One language that is not in CC-100 has no corpus size and is left out here."
            if lost == 1
            else f"{lost} languages are not in CC-100, have no corpus size and are left out here."
        )
    numbers = {"corpus": CORPUS, "syntactic": SYNTACTIC}
    yield from _model(section, seen, numbers, "corpus", draw=("corpus",))


def _model(
    section: Section,
    table: pd.DataFrame,
    numbers: Mapping[str, Number],
    key: str,
    draw: tuple[str, ...] = (),
) -> Iterator[Item]:
    from xanalysis.stats import fit_mixed

    if table["family"].nunique() < 2 or len(table) < len(numbers) + 4:
        raise InputError(
            f"{text.counted(len(table), 'language')} of "
            f"{text.counted(table['family'].nunique(), 'family', 'families')} are too few for a "
            f"model with {len(numbers)} numbers and a family effect"
        )
    formula = f"mean ~ {' + '.join(numbers)} + (1|family)"
    model = fit_mixed(formula, table)
    coefficients = model.coefficients.copy()
    coefficients["what"] = [
        numbers[str(term)].axis if str(term) in numbers else str(term)
        for term in coefficients["term"]
    ]
    yield Table(
        f"tab-model-{key}",
        f"Mixed model of language means: {formula}",
        (
            Column("what", "term"),
            Column("estimate", "estimate", "gain"),
            Column("low", "95 % interval", "interval", high="high"),
            Column("se", "s.e.", "number"),
            Column("df", "df", "number", 1),
            Column("p", "p", "p"),
        ),
        coefficients,
        f"{model.n_rows} languages; restricted maximum likelihood, Satterthwaite's degrees of "
        "freedom. The unit of a distance's slope is the whole range from 0 to 1."
        + f" {sentences(model.notes)}".rstrip(),
        [model_set(key)] * len(coefficients),
    )
    for name in draw or tuple(numbers):
        row = coefficients[coefficients["term"] == name]
        if row.empty:
            continue
        r = row.iloc[0]
        at = np.linspace(table[name].min(), table[name].max(), 25)
        curve = model.means(name, at={name: at.tolist()})
        curve = curve.rename(columns={name: "x", "estimate": "mean"})
        points = pd.DataFrame({"x": table[name], "y": table["mean"], "label": table["name"]})
        number = numbers[name]
        slope = (
            f"{text.number(r['estimate'], sign=True)} points {number.unit}, "
            f"95 % interval {text.interval(r['low'], r['high'])}"
        )
        if r["low"] > 0 or r["high"] < 0:
            way = "rises" if r["estimate"] > 0 else "falls"
            told = f"Gain {way} with {number.phrase}: {slope}."
            section.findings.append(Finding(told, f"tab-model-{key}"))
        yield FIGURES["partial"](
            curve,
            points.dropna(),
            id=f"fig-partial-{key}-{name}",
            title=f"Partial effect of {number.phrase}",
            axis=number.axis,
            alt_text=f"Scatter of {len(points.dropna())} languages with the model's line: {slope}.",
            note="Line and band: the model's marginal mean with its 95 % interval, other numbers "
            "at their means. Points: the languages' mean gains, as measured.",
        )
