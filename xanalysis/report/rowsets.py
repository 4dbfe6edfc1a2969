"""Sets of rows behind numbers that many rows make: families, pooled effects, models.

A mean of a family leads to the family's languages, each of which leads to its gains, those to
their scores, and those to their run.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

from xanalysis.errors import InputError
from xanalysis.report.material import Material
from xanalysis.report.shown import corpus_languages, distance_languages, shown_contrasts
from xanalysis.report.slugs import anchor, slug

LANGUAGES = "set-languages"
EFFECTS = "set-effects"
DEGENERATE = "set-degenerate"
SCORES = "rows-scores"


@dataclass(frozen=True)
class RowSet:
    """What went into a number.

    Attributes:
        id: Anchor.
        kind: What the set is one of, for a heading.
        title: What it is.
        members: A text and an anchor each.
    """

    id: str
    kind: str
    title: str
    members: tuple[tuple[str, str], ...]


def family_set(name: str) -> str:
    """The anchor of the languages of a family or group; all of them for ``(none)``."""
    return LANGUAGES if name in ("(none)", "all languages") else f"set-family-{slug(name)}"


def without_set(family: str) -> str:
    """The anchor of all languages but a family's; all of them for ``(none)``."""
    return LANGUAGES if family == "(none)" else f"set-without-{slug(family)}"


def contrast_set(first: str, second: str) -> str:
    """The anchor of the two families of a contrast."""
    return f"set-contrast-{slug(f'{first} {second}')}"


def effect_set(name: str) -> str:
    """The anchor of the effects that were pooled for a group."""
    return f"set-effects-{slug(name)}"


def model_set(key: str) -> str:
    """The anchor of the languages of a model (``distance`` or ``corpus``)."""
    return f"set-model-{key}"


def row_sets(material: Material) -> tuple[RowSet, ...]:
    """The sets that can be made of the material at hand."""
    found: list[RowSet] = []
    for make in (_families, _models, _effects, _degenerate):
        try:
            found += make(material)
        except (InputError, ArithmeticError):
            continue  # the section that needs them says why
    return tuple(found)


def _named(material: Material, part: pd.DataFrame) -> tuple[tuple[str, str], ...]:
    names = dict(zip(material.languages["language"], material.languages["name"], strict=True))
    return tuple((str(names.get(code, code)), f"lang-{code}") for code in part["language"])


def _models(material: Material) -> Iterator[RowSet]:
    for key, part in (
        ("distance", distance_languages(material)),
        ("corpus", corpus_languages(material)),
    ):
        yield RowSet(
            model_set(key),
            "Models",
            f"Languages of the model of {key} ({len(part)})",
            _named(material, part),
        )


def _families(material: Material) -> Iterator[RowSet]:
    languages = material.families.languages
    yield RowSet(
        LANGUAGES,
        "Families",
        f"All languages compared ({len(languages)})",
        _named(material, languages),
    )
    seen = set()
    for column in ("group", "family"):
        for name, part in languages.groupby(column, sort=True):
            if str(name) not in seen:
                seen.add(str(name))
                yield RowSet(
                    family_set(str(name)),
                    "Families",
                    f"{name} ({len(part)})",
                    _named(material, part),
                )
    everyone = ("all languages", LANGUAGES)
    for name in material.families.leave_one_out["without"].astype(str):
        if name != "(none)":
            left = (f"without {name}", family_set(name))
            yield RowSet(without_set(name), "Without a family", f"All but {name}", (everyone, left))
    for pair in shown_contrasts(material)[["first", "second"]].itertuples(index=False):
        members = tuple((str(name), family_set(str(name))) for name in pair)
        yield RowSet(
            contrast_set(*map(str, pair)), "Contrasts", " \u2212 ".join(map(str, pair)), members
        )


def _effects(material: Material) -> Iterator[RowSet]:
    found = material.meta
    cells = found.cells.assign(row=material.row_names(found.cells))

    def members(part: pd.DataFrame) -> tuple[tuple[str, str], ...]:
        pairs = part[["row", "target"]].drop_duplicates().itertuples(index=False)
        return tuple((f"{row} → {target}", anchor(str(row), str(target))) for row, target in pairs)

    yield RowSet(EFFECTS, "Pooled effects", f"All effects pooled ({len(cells)})", members(cells))
    if found.by is not None:
        for name, part in cells.groupby(found.by, sort=True):
            title = f"{found.by} {name} ({len(part)})"
            yield RowSet(effect_set(str(name)), "Pooled effects", title, members(part))


def _degenerate(material: Material) -> Iterator[RowSet]:
    runs = material.runs
    bad = runs.loc[runs["degenerate"], ["row", "target"]].drop_duplicates()
    if len(bad):
        left = tuple(
            (f"{row} → {target}", anchor(str(row), str(target)))
            for row, target in bad.itertuples(index=False)
        )
        yield RowSet(
            DEGENERATE, "Degenerate runs", f"All scores but degenerate ones, in ({len(left)})", left
        )
