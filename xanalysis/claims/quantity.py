"""A quantity: which numbers a claim speaks of, and how they are averaged."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from xanalysis.claims.printed import Printed
from xanalysis.errors import unknown_name

COLUMNS = (
    "study", "model", "recipe", "variant", "intermediate", "target", "task_type", "language",
    "metric", "split", "seed", "system", "setting", "table", "source", "family", "genus", "script",
    "macroarea", "resource", "start",
)  # fmt: skip


def known_column(name: str) -> str:
    """``name``, if it is a column of evidence."""
    if name not in COLUMNS:
        raise ValueError(str(unknown_name("column", name, COLUMNS)))
    return name


Column = Annotated[
    str, AfterValidator(known_column), Field(json_schema_extra={"enum": list(COLUMNS)})
]
Name = Annotated[str, Field(min_length=1, max_length=200)]


class Strict(BaseModel):
    """Base of everything in a claim file: unknown keys are refused, and it stays as read."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Condition(Strict):
    """What a unit must satisfy to be counted: above or below a number.

    Attributes:
        greater: It must be above this.
        less: It must be below this.
    """

    greater: Printed | None = None
    less: Printed | None = None

    @model_validator(mode="after")
    def _one(self) -> Condition:
        if (self.greater is None) == (self.less is None):
            raise ValueError("say either 'greater' or 'less'")
        return self


class Quantity(Strict):
    """A number, or one per group, computed from scores.

    Attributes:
        measure: ``score``; ``gain`` (score minus the score without intermediate training of the
            same model, target, language and metric); ``share`` (percent) or ``count`` of the
            ``unit``s whose gain or score satisfies a condition; ``rank`` (1 is best) of groups.
        of: What share, count and rank look at.
        where: Rows to use: column to value or values.
        by: Column whose values are the groups. ``variant`` is what stands behind the slash of
            ``recipe``, and ``base`` for the recipe's own grid: it is the same on every scale.
            ``start`` is what the target training began from, ``pretrained`` or ``intermediate``;
            ``resource`` is ``unseen``, ``low`` or ``high``, by the language's text in CC-100.
        average_over: Columns that are averaged out one after the other, in the benchmark's own
            order: metrics, then languages, then targets. Seeds are averaged first, always.
        unit: Column whose values are counted (share, count).
        satisfying: When a unit counts (share, count).
        generalise: Averaged columns whose values are a sample of more of their kind, so that their
            spread counts as uncertainty. Languages are, unless said otherwise; targets are not.
        baseline: The intermediate task that gains are against.
    """

    measure: Literal["score", "gain", "share", "count", "rank"] = "score"
    of: Literal["score", "gain"] = "gain"
    where: dict[Column, Name | tuple[Name, ...]] = {}
    by: Column | None = None
    average_over: tuple[Column, ...] = ()
    unit: Column | None = None
    satisfying: Condition | None = None
    generalise: tuple[Column, ...] = ("language",)
    baseline: Name = "none"

    @model_validator(mode="after")
    def _complete(self) -> Quantity:
        counting = self.measure in ("share", "count")
        if counting and (self.unit is None or self.satisfying is None):
            raise ValueError(f"a {self.measure} needs 'unit' and 'satisfying'")
        if not counting and (self.unit is not None or self.satisfying is not None):
            raise ValueError("'unit' and 'satisfying' belong to share and count")
        if self.measure == "rank" and self.by is None:
            raise ValueError("a rank needs 'by'")
        if self.by is not None and self.by in self.average_over:
            raise ValueError(f"'{self.by}' is both in 'by' and in 'average_over'")
        return self
