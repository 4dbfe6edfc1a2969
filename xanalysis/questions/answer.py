"""From a question and results to its answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from xanalysis import languages
from xanalysis.errors import InputError
from xanalysis.questions.record import ContrastSpec, Question
from xanalysis.results.schema import variant_of
from xanalysis.stats.contrast import Contrast, contrast, sentence, slope_sentence


@dataclass(frozen=True)
class Answer:
    """The answer of one contrast.

    Attributes:
        spec: What was asked.
        result: The numbers; None where they could not be had.
        words: One sentence from the numbers, or why there are none.
        resource: One on the effect of the size of the pretraining text; empty without one.
    """

    spec: ContrastSpec
    result: Contrast | None
    words: str
    resource: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        numbers = None if self.result is None else self.result.to_dict()
        said = {"what": self.spec.what, "answer": self.words, "resource": self.resource}
        return {**said, "numbers": numbers}


def answer(question: Question, results: pd.DataFrame) -> list[Answer]:
    """Answer a question's contrasts from a results table, English left out.

    Raises:
        InputError: The table is no table of results.
    """
    # English is what was trained on: its score is no transfer.
    abroad = results[results["language"] != "en"]
    known = languages.frame(list(abroad["language"].unique())).set_index("language")
    abroad = abroad.assign(
        variant=[variant_of(str(recipe)) for recipe in abroad["recipe"]],
        resource=abroad["language"].map(known["resource"]),
    )
    return [_answer(spec, abroad) for spec in question.contrasts]


def _answer(spec: ContrastSpec, abroad: pd.DataFrame) -> Answer:
    try:
        found = contrast(abroad, spec.treatment, spec.control, value=spec.value, match=spec.match)
    except InputError as error:
        return Answer(spec, None, f"{spec.what}: cannot be answered, {error.message}.")
    slope = found.resource
    resource = "" if slope is None else slope_sentence(slope, found.level)
    return Answer(spec, found, sentence(found, spec.what), resource)
