"""From a quantity and an evidence set to measured numbers, the rows behind them, and what lacks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from xanalysis.claims.evidence_set import EvidenceSet, Ids
from xanalysis.claims.measured import Measured
from xanalysis.claims.operators.base import Needs
from xanalysis.claims.printed import EPSILON, value_of
from xanalysis.claims.quantity import Quantity
from xanalysis.claims.selection import IDENTITY, CannotCompute, Selection, refuse_ambiguous, select
from xanalysis.claims.uncertainty import Component, Floats, Ints
from xanalysis.claims.weights import Cells, average_weights, clusters, pooled, runs

# A gain's baseline is of the same study, model, split, target, language and metric.
MATCH = ("study", "model", "split", "target", "language", "metric")


@dataclass(frozen=True)
class Trace:
    """How a number came about.

    Attributes:
        rows: Rows of the evidence set that were used.
        cells: How many cells they are.
        notes: Anything that was decided on the way.
    """

    rows: Ids
    cells: int
    notes: tuple[str, ...] = ()


def measure(
    evidence: EvidenceSet,
    quantity: Quantity,
    needs: Needs | None = None,
    restrict: dict[str, str] | None = None,
) -> tuple[Measured, Trace]:
    """Compute a quantity from an evidence set.

    Args:
        evidence: The numbers.
        quantity: What to compute.
        needs: The groups that must be there.
        restrict: Further conditions on the rows (the claim's scope).

    Returns:
        The measured numbers and how they came about.

    Raises:
        CannotCompute: A group, a cell or the baseline lacks; or rows differ in a column that the
            quantity neither fixes nor averages over.
    """
    needs = needs or Needs()
    if quantity.measure in ("share", "count"):
        return _counted(evidence, quantity, restrict)
    if quantity.measure == "rank":
        return _ranked(evidence, quantity, needs, restrict)
    return _averaged(evidence, quantity, needs, restrict)


def _averaged(
    evidence: EvidenceSet, quantity: Quantity, needs: Needs, restrict: dict[str, str] | None
) -> tuple[Measured, Trace]:
    chosen = select(evidence, quantity, needs, restrict)
    cells = _cells(evidence, quantity, chosen)
    labels = [evidence.levels(quantity.by)[g] for g in cells.groups] if quantity.by else [""]
    if needs.pools:
        if any(not pool for pool in needs.pools) and set(labels) <= set(needs.labels):
            raise CannotCompute(f"there is no other {quantity.by} to compare with")
        cells, labels = pooled(cells, labels, needs.pools)
    weights = average_weights(cells)
    values = np.bincount(cells.group, weights * cells.value, len(labels)).astype(np.float64)
    slack = np.bincount(cells.group, weights * cells.half, len(labels)).astype(np.float64)
    components, method, why_not = _uncertainty(evidence, quantity, cells, weights)
    measured = Measured(
        labels=tuple(labels),
        values=values,
        slack=slack,
        components=components,
        by=quantity.by or "",
        unit=quantity.measure,
        method=method,
        why_not=why_not,
    )
    rows = np.concatenate([cells.rows, cells.base_rows])
    if "degenerate" in evidence.frame:
        collapsed = int(evidence.frame["degenerate"].to_numpy()[rows].sum())
        if collapsed:
            chosen.notes.append(f"{collapsed} of {len(rows)} rows are of runs that collapsed")
    return measured, Trace(rows, len(cells.value), tuple(chosen.notes))


def _keys(evidence: EvidenceSet, rows: Ids, columns: Sequence[str]) -> Ints:
    """One integer per distinct combination of columns."""
    key = np.zeros(len(rows), dtype=np.int64)
    for column in columns:
        key = key * len(evidence.levels(column)) + evidence.codes(column)[rows]
        if len(evidence.levels(column)) > 1 and key.size and key.max() > 2**40:
            key = np.unique(key, return_inverse=True)[1]
    return key


def _cells(evidence: EvidenceSet, quantity: Quantity, chosen: Selection) -> Cells:
    """Collapse rows (seeds) to cells and, for a gain, find each cell's baseline."""
    dims = [column for column in (quantity.by, *reversed(quantity.average_over)) if column]
    rows = chosen.treat
    refuse_ambiguous(evidence, chosen, dims)
    identity = [c for c in IDENTITY if c in evidence.frame]
    key = _keys(
        evidence, rows, [*identity, *(d for d in dims if d not in identity and d != "seed")]
    )
    first, cell_of = np.unique(key, return_index=True, return_inverse=True)[1:]
    lead = rows[first]
    n_seeds = np.bincount(cell_of)
    value = np.bincount(cell_of, evidence.score[rows]) / n_seeds
    half = np.bincount(cell_of, evidence.half[rows]) / n_seeds
    base_of = np.empty(0, dtype=np.int64)
    base_rows, base_cell_of = chosen.base, np.empty(0, dtype=np.int64)
    base_value = np.empty(0)
    if quantity.measure == "gain":
        found, base_cell_of, at, orphan = _baselines(evidence, lead, base_rows, (*MATCH, "recipe"))
        if orphan.any():  # a recipe without a baseline of its own takes the model's
            found, base_cell_of, at, orphan = _baselines(evidence, lead, base_rows, MATCH)
        if orphan.any():
            columns = ("target", "language", "metric")
            gone = [_cell(evidence, lead[i], columns, quantity.baseline)
                    for i in np.flatnonzero(orphan)[:50]]  # fmt: skip
            raise CannotCompute("cells lack their baseline", gone)
        base_of = at
        used = np.isin(base_cell_of, at)
        base_rows, base_cell_of = base_rows[used], base_cell_of[used]
        n_base = np.bincount(base_cell_of, minlength=len(found))
        sums = np.bincount(base_cell_of, evidence.score[base_rows], minlength=len(found))
        halves = np.bincount(base_cell_of, evidence.half[base_rows], minlength=len(found))
        base_value = sums / np.maximum(n_base, 1)
        value = value - base_value[at]
        half = half + (halves / np.maximum(n_base, 1))[at]
    group_codes = (
        evidence.codes(quantity.by)[lead] if quantity.by else np.zeros(len(lead), dtype=np.int64)
    )
    groups, group = np.unique(group_codes, return_inverse=True)
    return Cells(
        value=value,
        half=half,
        group=group,
        groups=groups,
        levels=[evidence.codes(c)[lead] for c in quantity.average_over if c != "seed"],
        names=[c for c in quantity.average_over if c != "seed"],
        lead=lead,
        rows=rows,
        cell_of=cell_of,
        base_rows=base_rows,
        base_of=base_of,
        base_cell_of=base_cell_of,
    )


def _baselines(
    evidence: EvidenceSet, lead: Ids, base_rows: Ids, columns: Sequence[str]
) -> tuple[Ints, Ints, Ints, npt.NDArray[np.bool_]]:
    """Baseline cells, the one of each baseline row and of each cell, and cells that have none."""
    columns = [column for column in columns if column in evidence.frame]
    together = _keys(evidence, np.concatenate([lead, base_rows]), columns)
    wanted = together[: len(lead)]
    found, base_cell_of = np.unique(together[len(lead) :], return_inverse=True)
    at = np.minimum(np.searchsorted(found, wanted), len(found) - 1)
    return found, base_cell_of, at, found[at] != wanted


def _cell(
    evidence: EvidenceSet, row: int, columns: Sequence[str], intermediate: str
) -> dict[str, str]:
    return {
        "intermediate": intermediate,
        **{c: str(evidence.levels(c)[evidence.codes(c)[row]]) for c in columns},
    }


def _uncertainty(
    evidence: EvidenceSet, quantity: Quantity, cells: Cells, weights: Floats
) -> tuple[tuple[Component, ...], str, str]:
    """Components for runs and for every column the quantity generalises over."""
    found, why_not = runs(evidence, cells, weights)
    if found is None:
        return (), "", why_not
    components = [found]
    for column in quantity.generalise:
        if column not in cells.names:
            continue
        part, why_not = clusters(cells, weights, column, evidence.levels(column))
        if part is None:
            return (), "", why_not
        components.append(part)
    sources = " and ".join(component.name for component in components)
    return tuple(components), f"Satterthwaite t over {sources}", ""


def _counted(
    evidence: EvidenceSet, quantity: Quantity, restrict: dict[str, str] | None
) -> tuple[Measured, Trace]:
    """Share or number of units that satisfy a condition."""
    assert quantity.unit is not None
    assert quantity.satisfying is not None
    inner = replace_quantity(quantity, by=quantity.unit)
    each, trace = _averaged(evidence, inner, Needs(), restrict)
    wanted = quantity.satisfying
    than = value_of(wanted.greater if wanted.greater is not None else wanted.less or "0")
    sign = 1.0 if wanted.greater is not None else -1.0
    gap = sign * (each.values - than)
    n = len(each)
    scale = 100.0 / n if quantity.measure == "share" else 1.0
    count = float(np.sum(gap > EPSILON))
    unsure = max(count - float(np.sum(gap - each.slack > EPSILON)),
                 float(np.sum(gap + each.slack > EPSILON)) - count)  # fmt: skip
    above, below = each.certain(than)
    sure, against = (above, below) if sign > 0 else (below, above)
    bounds = np.array([[sure * scale, (n - against) * scale]]) if each.can_infer else None
    return (
        replace(
            each,
            labels=("",),
            values=np.array([count * scale]),
            slack=np.array([unsure * scale]),
            components=(),
            bounds=bounds,
            unit=f"{quantity.measure} of {quantity.unit}s",
            by="",
            method=f"partial conjunction over {n} {quantity.unit}s; {each.method}",
        ),
        trace,
    )


def _ranked(
    evidence: EvidenceSet, quantity: Quantity, needs: Needs, restrict: dict[str, str] | None
) -> tuple[Measured, Trace]:
    """Rank of each group, 1 the highest, with bounds from simultaneous intervals of all pairs."""
    inner = replace_quantity(quantity)
    each, trace = _averaged(evidence, inner, needs, restrict)
    n = len(each)
    values = each.values
    ranks = 1.0 + np.array([np.sum(values > v + EPSILON) for v in values])
    loose = [
        np.sum(values + each.slack > v - s + EPSILON) - 1
        for v, s in zip(values, each.slack, strict=True)
    ]
    bounds = None
    if each.can_infer and n > 1:
        bounds = np.column_stack([np.ones(n), np.full(n, float(n))])
        pairs = [(i, j) for i in range(n) for j in range(i)]
        rows = np.zeros((len(pairs), n))
        for k, (i, j) in enumerate(pairs):
            rows[k, i], rows[k, j] = 1, -1
        found = each.intervals(rows)
        for k, (i, j) in enumerate(pairs):
            for ahead, behind, sure in ((i, j, found.low[k] > 0), (j, i, found.high[k] < 0)):
                bounds[behind, 0] += sure
                bounds[ahead, 1] -= sure
    return (
        replace(
            each,
            values=ranks,
            slack=np.maximum(np.array(loose, dtype=np.float64) + 1 - ranks, 0.0),
            components=(),
            bounds=bounds,
            unit="rank",
            method=f"simultaneous intervals of all {n * (n - 1) // 2} pairs; {each.method}",
        ),
        trace,
    )


def replace_quantity(quantity: Quantity, by: str | None = None) -> Quantity:
    """The score or gain that a share, count or rank looks at."""
    update: dict[str, object] = {"measure": quantity.of, "unit": None, "satisfying": None}
    if by is not None:
        update["by"] = by
    return quantity.model_copy(update=update)
