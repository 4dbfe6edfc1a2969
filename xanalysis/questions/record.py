"""What a research question is: its recipes, an estimand and the contrasts that answer it."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from xanalysis.yamlio import load_model

Scale = Literal["small", "full"]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ContrastSpec(_Strict):
    """The planned contrast.

    Attributes:
        what: What is done in place of what, as the beginning of a sentence.
        treatment: Column of the results to value or values: one side. Besides the columns of the
            table there are ``variant`` (of the recipe; ``base`` is its own grid), which is the same
            on every scale, and ``resource`` (of the language: ``unseen``, ``low``, ``high``).
        control: The other side; without it the treatment is set against its baseline.
        value: ``gain`` over the baseline, or ``score``.
        match: Columns that must agree between the sides.
    """

    what: str
    treatment: dict[str, str | tuple[str, ...]]
    control: dict[str, str | tuple[str, ...]] | None = None
    value: Literal["gain", "score"] = "gain"
    match: tuple[str, ...] = ("intermediate", "target", "language")


class Question(_Strict):
    """One research question.

    Attributes:
        title: A few words.
        question: As its document asks it.
        source: The document that asks.
        estimand: What is estimated, in one sentence.
        recipe: Recipe of the small grid: generated tasks, the embedded model, minutes.
        full: Recipe of the question as asked, on the benchmark's own tasks; None without one.
        contrasts: What answers it, the main one first.
        claims: Claim file with the expected answers.
        limits: What the small grid cannot say.
        full_limits: What the full grid cannot say.
    """

    title: str
    question: str
    source: str = ""
    estimand: str
    recipe: str
    full: str | None = None
    contrasts: tuple[ContrastSpec, ...] = Field(min_length=1)
    claims: str | None = None
    limits: str = ""
    full_limits: str = ""

    def at(self, scale: Scale) -> str:
        """Name of the recipe on a scale; the only one where there is but one."""
        return self.full if scale == "full" and self.full is not None else self.recipe


def load_question(path: str | Path) -> Question:
    """Read a question.

    Raises:
        InputError: With file and line.
    """
    return load_model(path, Question)
