"""Which rows of an evidence set a quantity is about, and whether they are one number each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from xanalysis.claims.evidence_set import AVERAGE, LANGUAGE_COLUMNS, EvidenceSet, Ids
from xanalysis.claims.operators.base import Needs
from xanalysis.claims.quantity import Quantity

# Two rows that differ in one of these are two numbers, unless they are averaged over.
IDENTITY = (
    "study", "model", "recipe", "setting", "system", "intermediate", "target", "language",
    "metric", "split",
)  # fmt: skip


class CannotCompute(Exception):
    """The evidence does not hold what a quantity needs.

    Args:
        reason: Why, in a sentence.
        missing: The cells that lack.
        silent: The evidence has nothing at all of what is asked for, so that it need not be named.
    """

    def __init__(
        self, reason: str, missing: Sequence[dict[str, str]] = (), silent: bool = False
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.missing = tuple(missing)
        self.silent = silent


@dataclass
class Selection:
    """Rows of an evidence set.

    Attributes:
        treat: What is measured.
        base: For a gain, the baseline's rows.
        notes: Anything that was decided on the way.
    """

    treat: Ids
    base: Ids = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    notes: list[str] = field(default_factory=list)


def select(
    evidence: EvidenceSet, quantity: Quantity, needs: Needs, restrict: dict[str, str] | None
) -> Selection:
    """The rows that fit a quantity's conditions.

    Raises:
        CannotCompute: A group, a level or the baseline lacks.
    """
    where: dict[str, str | Sequence[str]] = {**(restrict or {}), **quantity.where}
    asked = {
        c: [wanted] if isinstance(wanted, str) else list(wanted) for c, wanted in where.items()
    }
    if quantity.by is not None and needs.labels:
        asked[quantity.by] = list(needs.labels)
    absent: list[dict[str, str]] = []
    silent = False
    for column, values in asked.items():
        unknown = [value for value in values if value not in evidence.known(column)]
        absent += [{column: value} for value in unknown]
        silent |= len(unknown) == len(values)
    if absent:
        first = ", ".join("=".join(*cell.items()) for cell in absent[:6])
        more = f" and {len(absent) - 6} more" if len(absent) > 6 else ""
        raise CannotCompute(f"there are no rows with {first}{more}", absent, silent)
    fixed = where.get("intermediate")
    if quantity.measure == "gain":
        conditions = {k: v for k, v in where.items() if k != "intermediate"}
        base_where = {
            k: v
            for k, v in conditions.items()
            if k not in ("recipe", "variant", "system", "setting")
        }
        base = evidence.select({**base_where, "intermediate": quantity.baseline})
        treat = evidence.select(conditions)
        names = evidence.levels("intermediate")
        drop = [i for i, name in enumerate(names) if name == quantity.baseline]
        treat = treat[~np.isin(evidence.codes("intermediate")[treat], drop)]
        if fixed is not None:
            wanted = {fixed} if isinstance(fixed, str) else set(fixed)
            keep = [i for i, name in enumerate(names) if name in wanted]
            treat = treat[np.isin(evidence.codes("intermediate")[treat], keep)]
        if not len(base):
            raise CannotCompute(
                f"there is no baseline ({quantity.baseline})",
                [{"intermediate": quantity.baseline}],
                silent=not len(treat),
            )
    else:
        treat, base = evidence.select(where), np.empty(0, dtype=np.int64)
    chosen = Selection(treat, base)
    _drop_averages(evidence, quantity, chosen)
    if not len(chosen.treat):
        raise CannotCompute("no row fits all the conditions", [_flat(where)], silent=True)
    if quantity.by is not None:
        here = set(np.unique(evidence.codes(quantity.by)[chosen.treat]))
        levels = evidence.levels(quantity.by)
        gone = [
            {quantity.by: x, **_flat(where)} for x in needs.labels if levels.index(x) not in here
        ]
        if gone:
            raise CannotCompute("some groups have no rows under these conditions", gone)
    return chosen


def _flat(where: dict[str, str | Sequence[str]]) -> dict[str, str]:
    return {k: v if isinstance(v, str) else "|".join(v) for k, v in where.items()}


def _drop_averages(evidence: EvidenceSet, quantity: Quantity, chosen: Selection) -> None:
    """Printed averages give way to the languages behind them; alone, they stand for the mean."""
    levels = evidence.levels("language")
    wanted = quantity.where.get("language")
    by_language = quantity.by in ("language", *LANGUAGE_COLUMNS)
    if AVERAGE not in levels or wanted == AVERAGE or by_language:
        if by_language and AVERAGE in levels:
            code = levels.index(AVERAGE)
            chosen.treat = chosen.treat[evidence.codes("language")[chosen.treat] != code]
        return
    code = levels.index(AVERAGE)
    is_average = evidence.codes("language")[chosen.treat] == code
    if is_average.all():
        chosen.notes.append("the averages over languages are as printed")
    else:
        has_languages = np.unique(evidence.codes("target")[chosen.treat[~is_average]])
        both = np.isin(evidence.codes("target")[chosen.treat], has_languages)
        if (is_average & ~both).any():
            chosen.notes.append("where no languages are given, the printed average is used")
        chosen.treat = chosen.treat[~(is_average & both)]


def refuse_ambiguous(evidence: EvidenceSet, chosen: Selection, dims: Sequence[str]) -> None:
    """Refuse rows that differ in what is neither fixed nor averaged over.

    Which split is tested may differ from target to target (the tests of some are not public), as
    long as each target is tested on one; then it is noted.

    Raises:
        CannotCompute: They do.
    """
    rows = chosen.treat
    settled = {*dims, "seed"}
    if settled & {"recipe", "variant", "system"}:
        settled |= {"recipe", "system", "setting"}
    for column in IDENTITY:
        if column in settled or column not in evidence.frame:
            continue
        codes = np.unique(evidence.codes(column)[rows])
        if len(codes) == 1:
            continue
        names = [evidence.levels(column)[code] or "(empty)" for code in codes]
        shown = ", ".join(names[:4]) + (", …" if len(names) > 4 else "")
        if column == "split" and "target" in settled and _one_each(evidence, rows):
            chosen.notes.append(f"targets are tested on different splits ({shown})")
            continue
        raise CannotCompute(
            f"the rows differ in {column} ({shown}), which the quantity neither fixes nor "
            "averages over"
        )


def _one_each(evidence: EvidenceSet, rows: Ids) -> bool:
    """Whether every target is tested on one split."""
    targets, splits = evidence.codes("target")[rows], evidence.codes("split")[rows]
    return len(np.unique(targets)) == len(np.unique(np.column_stack([targets, splits]), axis=0))
