"""The tidy results table: one row per score.

| column | type | meaning |
|---|---|---|
| study | str | what the rows belong to: a store's grid, a paper |
| model | str | pretrained model |
| recipe | str | recipe (and variant) that was run, or the table that was read |
| intermediate | str | intermediate task; ``none`` is the baseline |
| target | str | target task |
| task_type | str | the target's group (classification, structured_prediction, ...) |
| language | str | canonical code of the test language (``xanalysis.languages``) |
| metric | str | name of the metric |
| split | str | dev or test |
| seed | Int64 | random seed; missing where a source gives none |
| score | float | 0-100 |
| n_examples | Int64 | test examples behind the score; missing where unknown |
| se | float | standard error of the score, same unit; missing where unknown |
| se_source | str | examples, seeds, binomial, published, or none |
| degenerate | bool | the run collapsed (see the runner); kept, and marked |
| source | str | where the row comes from: a run, or file and line |
| run_key | str | content key of the evaluation stage; empty for published numbers |
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from xanalysis.errors import InputError, nearest_name
from xanalysis.results import BASELINE as BASELINE

COLUMNS: dict[str, str] = {
    "study": "str",
    "model": "str",
    "recipe": "str",
    "intermediate": "str",
    "target": "str",
    "task_type": "str",
    "language": "str",
    "metric": "str",
    "split": "str",
    "seed": "Int64",
    "score": "float64",
    "n_examples": "Int64",
    "se": "float64",
    "se_source": "str",
    "degenerate": "bool",
    "source": "str",
    "run_key": "str",
}
REQUIRED = ("intermediate", "target", "language", "score")
_DEFAULTS: dict[str, object] = {
    "study": "unnamed",
    "model": "unknown",
    "recipe": "",
    "task_type": "unknown",
    "metric": "unknown",
    "split": "test",
    "seed": pd.NA,
    "n_examples": pd.NA,
    "se": np.nan,
    "se_source": "none",
    "degenerate": False,
    "source": "",
    "run_key": "",
}
KEY: Sequence[str] = (
    "study",
    "model",
    "recipe",
    "intermediate",
    "target",
    "language",
    "metric",
    "split",
    "seed",
)


def variant_of(recipe: str) -> str:
    """What stands behind the slash of ``recipe``; ``base`` for the recipe's own grid."""
    return recipe.partition("/")[2] or "base"


def conform(frame: pd.DataFrame, source: str = "table") -> pd.DataFrame:
    """Order, complete and type the columns of a results table.

    Args:
        frame: At least the columns in ``REQUIRED``; others of the schema get their defaults;
            columns outside the schema are kept, after the schema's.
        source: What to call the table in errors.

    Returns:
        A new frame with the schema's columns and types and a fresh index.

    Raises:
        InputError: A required column is missing, a value has the wrong type, a score is not finite
            or outside 0-100, or one score stands twice. Lines count from 2 (below a CSV's header).
    """
    missing = [name for name in REQUIRED if name not in frame.columns]
    if missing:
        raise InputError(
            f"column '{missing[0]}' is missing",
            file=source,
            line=1,
            expected="the columns " + ", ".join(REQUIRED),
            nearest=nearest_name(missing[0], map(str, frame.columns)),
        )
    result = pd.DataFrame(index=range(len(frame)))
    for name, kind in COLUMNS.items():
        column = frame[name].reset_index(drop=True) if name in frame else _DEFAULTS[name]
        result[name] = _typed(column, name, kind, source, len(frame))
    bad = ~np.isfinite(result["score"]) | (result["score"] < 0) | (result["score"] > 100)
    if bad.any():
        row = int(np.flatnonzero(bad)[0])
        raise InputError(
            f"score is {result['score'].iloc[row]}",
            file=source,
            line=row + 2,
            expected="a number from 0 to 100",
        )
    twice = result.duplicated(list(KEY))
    if twice.any():
        row = int(np.flatnonzero(twice)[0])
        cell = ", ".join(f"{k}={result[k].iloc[row]}" for k in KEY)
        raise InputError(f"the same score stands twice ({cell})", file=source, line=row + 2)
    for name in frame.columns:
        if name not in COLUMNS:
            result[name] = frame[name].to_numpy()
    return result


def _typed(column: object, name: str, kind: str, source: str, length: int) -> pd.Series:
    series = column if isinstance(column, pd.Series) else pd.Series([column] * length)
    if kind == "str":
        return series.fillna(str(_DEFAULTS.get(name, ""))).astype(str).astype(object)
    if kind == "bool":
        words = series.fillna(False).astype(str).str.strip().str.lower()
        bad = ~words.isin(["true", "false", "0", "1", "0.0", "1.0", ""])
        if not bad.any():
            return words.isin(["true", "1", "1.0"])
        expected = "true or false"
    else:
        numbers = pd.to_numeric(series, errors="coerce").astype("float64")
        bad = numbers.isna() & series.notna() & (series.astype(str).str.strip() != "")
        expected = "a whole number" if kind == "Int64" else "a number"
        if kind == "Int64":
            bad |= numbers.notna() & (numbers != numbers.round())
        if not bad.any():
            return numbers.astype("Int64") if kind == "Int64" else numbers
    row = int(np.flatnonzero(bad)[0])
    raise InputError(
        f"column '{name}' is {series.iloc[row]!r}", file=source, line=row + 2, expected=expected
    )
