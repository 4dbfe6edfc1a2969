"""From finished evaluations to the tidy results table."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xanalysis.errors import InputError
from xanalysis.runner.files import explained, write_text
from xanalysis.runner.known import Known
from xanalysis.runner.plan import Cell, Plan, Stage
from xanalysis.runner.provenance import beside, describe, text
from xanalysis.runner.spec import EvalSpec
from xanalysis.runner.store import Store

if TYPE_CHECKING:
    import pandas as pd


def write_results(plan: Plan, store: Store, known: Known | None = None) -> Path | None:
    """Write ``results/<recipe>.parquet`` from the evaluations that are there.

    ``<recipe>.provenance.json`` beside it says where its rows come from.

    Returns:
        The table's file; None when there is not one evaluation yet.
    """
    from xanalysis.results import write_results as write

    known = known or Known()
    table = collect(plan, store, known)
    if table.empty:
        return None
    content = describe(plan, table["run_key"].unique(), store, known.provenance)
    with explained(store.root):
        file = write(table, store.root / "results" / f"{plan.recipe.name}.parquet")
        write_text(beside(file), text(content))
        return file


def collect(plan: Plan, store: Store, known: Known | None = None) -> pd.DataFrame:
    """The tidy table of a plan's evaluations that are in the store or known from other tables.

    Returns:
        Columns as in :mod:`xanalysis.results.schema`. ``study`` is the recipe, ``recipe`` it
        or ``recipe/variant``; ``degenerate`` marks every score of a line in which a training
        collapsed.
    """
    import pandas as pd

    from xanalysis.results.schema import COLUMNS, conform
    from xanalysis.tasks.catalogue import TASKS

    rows: list[dict[str, Any]] = []
    collapsed = _Collapsed(plan, store)
    known = known or Known()
    elsewhere = known.done(plan)
    for cell in plan.cells:
        stage = plan.stages[cell.key]
        if not store.has(cell.key):
            if cell.key in elsewhere:
                rows += _copied(plan, cell, known.rows[cell.key])
            continue
        scores = _read(store.path(cell.key) / "scores.json")
        task = TASKS[cell.target]
        for language, found in scores["languages"].items():
            se, source = _standard_error(found)
            rows.append(
                {
                    "study": plan.recipe.name,
                    "model": stage.model.name,
                    "recipe": cell.recipe,
                    "intermediate": cell.intermediate,
                    "target": cell.target,
                    "task_type": task.task_type,
                    "language": language,
                    "metric": scores["official"],
                    "split": plan.recipe.splits.get(cell.target, {}).get(
                        scores["split"], scores["split"]
                    ),
                    "seed": cell.seed,
                    "score": found["score"],
                    "n_examples": found["n_examples"],
                    "se": se,
                    "se_source": source,
                    "degenerate": collapsed(stage),
                    "source": f"run {cell.key[:12]}",
                    "run_key": cell.key,
                }
            )
    if not rows:
        return pd.DataFrame(columns=list(COLUMNS))
    return conform(pd.DataFrame(rows), f"results of {plan.recipe.name}")


def _copied(
    plan: Plan, cell: Cell, found: Mapping[str, Mapping[str, Any]]
) -> Iterator[dict[str, Any]]:
    """The known rows of a cell's evaluation, under this plan's names."""
    from xanalysis.results.schema import COLUMNS

    spec = plan.stages[cell.key].spec
    assert isinstance(spec, EvalSpec)
    for language in spec.languages:
        yield {
            **{name: found[language][name] for name in COLUMNS},
            "study": plan.recipe.name,
            "recipe": cell.recipe,
            "intermediate": cell.intermediate,
            "target": cell.target,
            "seed": cell.seed,
        }


class _Collapsed:
    """Whether a training in a stage's line collapsed, read once per training."""

    def __init__(self, plan: Plan, store: Store) -> None:
        self._plan, self._store = plan, store
        self._known: dict[str, bool] = {}

    def __call__(self, stage: Stage) -> bool:
        if stage.start is None:
            return False
        if stage.start not in self._known:
            file = self._store.path(stage.start) / "training.json"
            own = bool(_read(file)["degenerate"]) if file.is_file() else False
            self._known[stage.start] = own or self(self._plan.stages[stage.start])
        return self._known[stage.start]


def _standard_error(found: dict[str, Any]) -> tuple[float, str]:
    """Standard error over test examples, and where it is from.

    Where all examples came out alike their spread is zero, which no one believes: then the binomial
    one of (k + 1/2) / (n + 1) right answers.
    """
    se, score, n = found.get("se"), float(found["score"]), int(found["n_examples"])
    if se is not None and math.isfinite(se) and se > 0:
        return float(se), "examples"
    if n < 1 or 0 < score < 100:
        return math.nan, "none"
    p = (n * score / 100 + 0.5) / (n + 1)
    return 100 * math.sqrt(p * (1 - p) / n), "binomial"


def _read(file: Path) -> dict[str, Any]:
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(
            f"cannot be read ({type(error).__name__})",
            file=file,
            expected="a stage as it was published; `xanalysis store gc --broken` removes it",
        ) from None
    if not isinstance(data, dict):
        raise InputError("is no record of an evaluation", file=file)
    return data
