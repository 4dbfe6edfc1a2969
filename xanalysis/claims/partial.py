"""What the numbers at hand say when some of an average's parts lack."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xanalysis.claims.compute import measure
from xanalysis.claims.operators.base import Operator, number
from xanalysis.claims.operators.targets import Expected
from xanalysis.claims.printed import value_of
from xanalysis.claims.selection import CannotCompute

if TYPE_CHECKING:
    from xanalysis.claims.evidence_set import EvidenceSet
    from xanalysis.claims.quantity import Quantity


def at_hand(
    evidence: EvidenceSet,
    quantity: Quantity,
    operator: Operator,
    restrict: dict[str, str] | None,
    error: CannotCompute,
) -> str:
    """The average over the parts that are there, and what the others would have to be.

    Only for one average over listed values of its outermost column, because then every part counts
    the same: the claimed mean of n parts fixes the mean of those that lack.

    Returns:
        A clause for the rule, or nothing.
    """
    if quantity.by is not None or not quantity.average_over:
        return ""
    column = quantity.average_over[-1]
    listed = quantity.where.get(column)
    absent = [cell[column] for cell in error.missing if column in cell]
    if not isinstance(listed, tuple) or len(absent) != len(error.missing):
        return ""
    present = tuple(value for value in listed if value not in absent)
    reduced = quantity.model_copy(update={"where": {**quantity.where, column: present}})
    try:
        measured, _ = measure(evidence, reduced, None, restrict)
    except CannotCompute:
        return ""
    value = float(measured.values[0])
    text = f"; over the {len(present)} of {len(listed)} {column}s at hand it is {number(value)}"
    if isinstance(operator, Expected) and operator.value is not None and absent:
        needed = value_of(operator.value) * len(listed) - value * len(present)
        text += (
            f", so that the other {len(absent)} would have to average "
            f"{number(needed / len(absent))} for {operator.value}"
        )
    return text
