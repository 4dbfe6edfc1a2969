"""What of the material a report shows, where several parts of it show the same."""

from __future__ import annotations

import numpy as np
import pandas as pd

from xanalysis.report.material import Material
from xanalysis.stats.families.units import SINGLE

TRAINING = "en"
_MOST_CONTRASTS = 40


def distance_languages(material: Material) -> pd.DataFrame:
    """The languages of the model of distances: of known family, without the training language."""
    table = material.languages
    return table[(table["language"] != TRAINING) & (table["family"] != "(unknown)")]


def corpus_languages(material: Material) -> pd.DataFrame:
    """Those of them whose corpus size is known, with ``corpus``, the logarithm of GiB."""
    table = distance_languages(material)
    seen = table[table["cc100_gib"] > 0].copy()
    seen["corpus"] = np.log10(seen["cc100_gib"].astype("float64"))
    return seen


def shown_contrasts(material: Material) -> pd.DataFrame:
    """The contrasts that are shown, largest first: between families, at most the largest."""
    table = between_families(material)
    shown = table.head(_MOST_CONTRASTS).reset_index(drop=True)
    shown["label"] = shown["first"] + " \u2212 " + shown["second"]
    shown["significant"] = shown["p_simultaneous"] < 0.05
    return shown


def between_families(material: Material) -> pd.DataFrame:
    """All contrasts but those with the pooled single languages, which are no family."""
    table = material.families.contrasts
    table = table[(table["first"] != SINGLE) & (table["second"] != SINGLE)]
    size = table["difference"].abs()
    return table.assign(size=size).sort_values("size", ascending=False, kind="stable")
