"""The rows of a table that a model is fitted to, and their weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from xanalysis.errors import InputError, unknown_name
from xanalysis.stats.mixed.formula import MixedFormula

Floats = NDArray[np.float64]
Weights = str | Sequence[float] | Floats | pd.Series

_WEIGHTS, _VARIANCES = "(weights)", "(variances)"
# What pandas calls columns of objects that are all numbers.
_NUMBERS = ("floating", "integer", "mixed-integer-float", "decimal")


def count(dropped: pd.DataFrame) -> str:
    """How many rows were dropped for which reason, in words."""
    counts = dropped["reason"].value_counts()
    return f"{len(dropped)} rows dropped: " + ", ".join(f"{k} ({v})" for k, v in counts.items())


def complete(
    formula: MixedFormula,
    data: pd.DataFrame,
    weights: Weights | None,
    variances: Weights | None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The columns used, without rows that miss a value; and which rows were dropped, and why."""
    if not isinstance(data, pd.DataFrame):
        raise InputError(f"data is a {type(data).__name__}", expected="a pandas DataFrame")
    if weights is not None and variances is not None:
        raise InputError("weights and variances exclude each other", expected="one of them")
    columns: dict[str, Any] = {}
    for name in formula.columns():
        if name not in data.columns:
            raise unknown_name("column", name, [str(c) for c in data.columns])
        columns[name] = _usable(data[name], name)
    for key, given in ((_WEIGHTS, weights), (_VARIANCES, variances)):
        if given is None:
            continue
        if isinstance(given, str):
            if given not in data.columns:
                raise unknown_name("column", given, [str(c) for c in data.columns])
            columns[key] = data[given]
        else:
            if isinstance(given, pd.Series) and not given.index.equals(data.index):
                raise InputError(
                    f"{key[1:-1]} have another index than the data",
                    expected="the data's index, or values in the order of the rows",
                )
            try:
                values = np.asarray(given, dtype=float)
            except (TypeError, ValueError) as error:
                raise InputError(f"{key[1:-1]} are no numbers") from error
            if values.shape != (len(data),):
                raise InputError(
                    f"{key[1:-1]} has shape {values.shape}", expected=f"({len(data)},) as the data"
                )
            columns[key] = values
    used = pd.DataFrame(columns, index=data.index)
    reason = pd.Series("", index=used.index, dtype=object)
    for name in used.columns:
        column = used[name]
        missing = column.isna().to_numpy()
        if missing.any():
            reason = reason.mask(missing & (reason == "").to_numpy(), f"{name} is missing")
        if pd.api.types.is_float_dtype(column.dtype):
            infinite = np.isinf(column.to_numpy(dtype=float, na_value=np.nan))
            if infinite.any():
                raise InputError(
                    f"column '{name}' is infinite in row {used.index[int(infinite.argmax())]} "
                    f"({int(infinite.sum())} such rows)",
                    expected="finite values",
                )
    gone = (reason != "").to_numpy()
    dropped = pd.DataFrame({"row": used.index[gone], "reason": reason[gone].to_numpy(dtype=str)})
    used = used[~gone] if gone.any() else used
    for name in used.columns:
        if isinstance(used[name].dtype, pd.CategoricalDtype):
            used = used.assign(**{name: used[name].cat.remove_unused_categories()})
    return used, dropped


def _usable(column: pd.Series | pd.DataFrame, name: str) -> pd.Series:
    """A column of the data, numbers held as objects made numbers.

    Raises:
        InputError: It stands twice, or holds what is neither number nor name.
    """
    if isinstance(column, pd.DataFrame):
        raise InputError(f"column '{name}' stands in the data {column.shape[1]} times")
    if pd.api.types.is_complex_dtype(column.dtype):
        raise InputError(f"column '{name}' is complex", expected="real numbers")
    if column.dtype == object:
        if pd.api.types.infer_dtype(column) in _NUMBERS:
            return pd.to_numeric(column)
        odd = column.map(lambda value: isinstance(value, list | dict | set | np.ndarray))
        if odd.any():
            kind = type(column[odd].iloc[0]).__name__
            raise InputError(f"column '{name}' holds values of the kind '{kind}'")
    return column


def residual_weights(
    data: pd.DataFrame, has_weights: bool, has_variances: bool
) -> tuple[Floats, float | None]:
    """Weight of each row, and sigma² where it is known."""
    if not has_weights and not has_variances:
        return np.ones(len(data)), None
    key = _WEIGHTS if has_weights else _VARIANCES
    if not pd.api.types.is_numeric_dtype(data[key].dtype):
        raise InputError(f"{key[1:-1]} are no numbers")
    values = data[key].to_numpy(dtype=float)
    if (values <= 0).any():
        row = data.index[int((values <= 0).argmax())]
        raise InputError(
            f"{key[1:-1]} must be greater than 0, but is {values.min():g} in row {row}"
        )
    if has_weights:
        return values, None
    mean = float(values.mean())
    return mean / values, mean
