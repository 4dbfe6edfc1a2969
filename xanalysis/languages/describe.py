"""Languages as a table to join with results."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields

import pandas as pd

from xanalysis.languages.distance import distances
from xanalysis.languages.record import Language
from xanalysis.languages.table import lookup


def frame(codes: Sequence[str], to: str = "en") -> pd.DataFrame:
    """Everything known about languages, one row per code.

    Args:
        codes: Any codes that :func:`lookup` knows; repeated codes give one row.
        to: The language that distances are measured to.

    Returns:
        ``language`` (canonical code), the fields of :class:`Language`, ``pretrained``,
        ``resource``, the six distances to ``to`` and the shares of imputed features. Missing values
        are NaN or None.

    Raises:
        InputError: A code is not known.
    """
    languages = list(dict.fromkeys(lookup(code) for code in codes))
    names = [field.name for field in fields(Language)]
    table = pd.DataFrame([[getattr(x, name) for name in names] for x in languages], columns=names)
    table = table.rename(columns={"code": "language"})
    for name in ("latitude", "longitude", "cc100_gib"):
        table[name] = table[name].astype("float64")
    table["pretrained"] = [x.pretrained for x in languages]
    table["resource"] = [x.resource for x in languages]
    near = distances([x.code for x in languages], to=to)
    return table.join(near.drop(columns="language"))
