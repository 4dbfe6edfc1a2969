"""The rows of a contrast: what is treated, what it is set against, and what made each score."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import pandas as pd

from xanalysis.errors import InputError, unknown_name
from xanalysis.results.schema import BASELINE, conform
from xanalysis.tasks.catalogue import TASKS

Where = Mapping[str, str | Sequence[str]]
_MADE = ["study", "model", "recipe", "intermediate"]
_SCORE = ["target", "language", "metric"]


def sides(
    results: pd.DataFrame,
    treatment: Where,
    control: Where | None,
    value: Literal["gain", "score"],
    match: Sequence[str],
    notes: list[str],
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Scores of both sides, and the matched cells.

    Args:
        results: Scores, as in :mod:`xanalysis.results.schema`.
        treatment: Column to value or values of one side.
        control: Of the other side; None sets the treatment against its baseline.
        value: Whether scores or gains over the baseline are compared.
        match: Columns that must agree between the sides.
        notes: Takes what was left out.

    Returns:
        One row per score with ``effect`` (1 where what is asked about is done), ``phase`` (1 after
        what the sides differ in, or after any intermediate training where gains are compared),
        ``side``, ``run`` (one fine-tuned model, which may serve several targets), ``start`` (one
        intermediate training), ``made`` (a start whatever its seed) and ``trained`` (1 after
        intermediate training); and the cells, with the ``difference`` of their means over seeds.

    Raises:
        InputError: A side has no rows or no baseline, or no cells match.
    """
    results = conform(results)
    rows = {1.0: _side(results, treatment, "treatment")}
    if control is not None:
        rows[0.0] = _side(results, control, "control")
        rows = _matched(rows, match, notes)
    elif value == "score":
        raise InputError("a contrast of scores needs a control", expected="control: {...}")
    if value == "score" or (len(rows) == 2 and set(rows[1.0]["target"]) & set(rows[0.0]["target"])):
        # Over the same baselines, a difference of gains is one of scores.
        return _score_rows(rows, match)
    return _gain_rows(results, rows, match)


def _side(results: pd.DataFrame, where: Where, name: str) -> pd.DataFrame:
    """The rows of a side; its baseline is no part of it unless it is asked for."""
    rows = results
    for column, wanted in where.items():
        if column not in results.columns:
            raise unknown_name("column", column, map(str, results.columns))
        values = [wanted] if isinstance(wanted, str) else list(wanted)
        rows = rows[rows[column].isin(values)]
    if "intermediate" not in where:
        rows = rows[rows["intermediate"] != BASELINE]
    if rows.empty:
        said = ", ".join(
            f"{column} = {wanted if isinstance(wanted, str) else ' or '.join(wanted)}"
            for column, wanted in where.items()
        )
        raise InputError(f"the {name} has no rows ({said})")
    return rows


def _matched(
    rows: dict[float, pd.DataFrame], match: Sequence[str], notes: list[str]
) -> dict[float, pd.DataFrame]:
    """Only the cells that both sides have."""
    keys = {side: pd.MultiIndex.from_frame(of[list(match)]) for side, of in rows.items()}
    both = keys[1.0].intersection(keys[0.0])
    if not len(both):
        raise InputError("no cell of the treatment has its counterpart in the control")
    lost = sum(len(key.unique()) - len(both.unique()) for key in keys.values())
    if lost:
        notes.append(f"{lost} cells have no counterpart on the other side")
    return {side: of[keys[side].isin(both)] for side, of in rows.items()}


def _score_rows(
    rows: Mapping[float, pd.DataFrame], match: Sequence[str]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Scores of both sides, and the matched cells."""
    same = set(rows[1.0]["run_key"]) & set(rows[0.0]["run_key"]) - {""}
    parts = []
    for side, of in rows.items():
        # A run that both sides list says nothing about their difference.
        parts.append(of[~of["run_key"].isin(same)].assign(effect=side, phase=side, side=side))
    if any(part.empty for part in parts):
        raise InputError("the sides are the same runs")
    both = _named(pd.concat(parts, ignore_index=True))
    means = both.groupby([*match, "effect"])["score"].mean().unstack("effect")
    cells = (means[1.0] - means[0.0]).dropna().rename("difference").reset_index()
    return both, cells


def _gain_rows(
    results: pd.DataFrame, rows: Mapping[float, pd.DataFrame], match: Sequence[str]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Scores of the sides and of their baselines, each baseline once, and the matched cells."""
    parts, gains = [], {}
    for side, treated in rows.items():
        base = _baselines(results, treated)
        for of, phase in ((treated, 1.0), (base, 0.0)):
            effect = phase * side if len(rows) == 2 else phase
            parts.append(of.assign(effect=effect, phase=phase, side=side))
        mean = base.groupby(_SCORE)["score"].mean().rename("baseline")
        gain = treated.join(mean, on=_SCORE, how="inner")
        gain["difference"] = gain["score"] - gain["baseline"]
        gains[side] = gain.groupby(list(match))["difference"].mean()
    cells = gains[1.0] - gains[0.0] if len(gains) == 2 else gains[1.0]
    return _named(pd.concat(parts, ignore_index=True)), cells.dropna().reset_index()


def _baselines(results: pd.DataFrame, treated: pd.DataFrame) -> pd.DataFrame:
    """Baselines of the treated rows, of their own recipe or, failing that, of their study."""
    base = results[results["intermediate"] == BASELINE]
    for keys in (
        ["study", "model", "recipe", *_SCORE, "split"],
        ["study", "model", *_SCORE, "split"],
    ):
        wanted = pd.MultiIndex.from_frame(treated[keys])
        found = base[pd.MultiIndex.from_frame(base[keys]).isin(wanted)]
        if not found.empty:
            listed = found["run_key"] != ""
            twice = listed & found.duplicated(["run_key", *_SCORE, "split"])
            return found[~twice]
    raise InputError("no row has a baseline of the same study, model and target")


def _named(rows: pd.DataFrame) -> pd.DataFrame:
    """The columns of the model; a seed may be common to several runs."""
    seed = rows["seed"].astype("string").fillna("none")
    made = rows[_MADE].astype("string").agg("|".join, axis=1)
    columns = ["target", "language", "intermediate", "task_type", "metric"]
    return rows[[*columns, "score", "effect", "phase", "side"]].assign(
        seed=seed,
        made=made,
        start=made + "|" + seed,
        # Without seed noise (retrieval with the model as it is) a run still stands for itself.
        run=made + "|" + rows["target"].map(_trained_by).astype("string") + "|" + seed,
        trained=(rows["intermediate"] != BASELINE).astype(float),
    )


def _trained_by(target: str) -> str:
    """What the fine-tuned model is trained on: targets with one training data set share it."""
    return (TASKS[target].train or "as it is") if target in TASKS else target
