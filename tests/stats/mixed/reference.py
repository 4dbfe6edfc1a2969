"""The models that tests/reference/mixed/reference.R fitted, with their data and its numbers."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from xanalysis import fit_mixed

FOLDER = Path(__file__).parents[2] / "reference" / "mixed"
NAMES = sorted(path.stem for path in FOLDER.glob("*.json"))


@cache
def numbers(name: str) -> dict[str, Any]:
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


@cache
def table(name: str) -> pd.DataFrame:
    if name in ("unbalanced", "missing_cell", "singular_correlation"):
        grid = table("grid")
        part = grid[(grid["model"] == "m0") & (grid["keep"] == 1)]
        hole = (part["family"] == "Dravidian") & (part["task_type"] == "qa")
        return part[~hole] if name == "missing_cell" else part
    if name == "InstEval_few":
        whole = table("InstEval")
        return whole[whole["s"].astype(int) <= 80]
    own = FOLDER / f"{name}.csv.gz"
    if not own.exists():
        return table(name.split("_")[0])
    data = pd.read_csv(own)
    if name == "InstEval":
        data = data.astype(dict.fromkeys(["s", "d", "dept", "service"], str))
    if name == "sleepstudy":
        data["w"] = 1.0 + np.arange(1, len(data) + 1) % 4
    return data


@cache
def fitted(name: str):
    case = numbers(name)
    return fit_mixed(
        case["formula"],
        table(name),
        reml=case["reml"],
        weights="w" if name.endswith("weights") else None,
    )


def column(name: str, key: str) -> np.ndarray:
    return np.atleast_1d(np.asarray(numbers(name)[key], dtype=float))
