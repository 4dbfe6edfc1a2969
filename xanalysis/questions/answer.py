"""From a question and results to its answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from xanalysis.errors import InputError
from xanalysis.questions.record import ContrastSpec, Question
from xanalysis.stats.contrast import Contrast, contrast, sentence


@dataclass(frozen=True)
class Answer:
    """The answer of one contrast.

    Attributes:
        spec: What was asked.
        result: The numbers; None where they could not be had.
        words: One sentence from the numbers, or why there are none.
    """

    spec: ContrastSpec
    result: Contrast | None
    words: str

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        numbers = None if self.result is None else self.result.to_dict()
        return {"what": self.spec.what, "answer": self.words, "numbers": numbers}


def answer(question: Question, results: pd.DataFrame) -> list[Answer]:
    """Answer a question's contrasts from a results table, English left out.

    Raises:
        InputError: The table is no table of results.
    """
    # English is what was trained on: its score is no transfer.
    abroad = results[results["language"] != "en"]
    found = []
    for spec in question.contrasts:
        try:
            result = contrast(
                abroad,
                spec.treatment,
                spec.control,
                value=spec.value,
                match=spec.match,
            )
        except InputError as error:
            found.append(Answer(spec, None, f"{spec.what}: cannot be answered, {error.message}."))
            continue
        found.append(Answer(spec, result, sentence(result, spec.what)))
    return found
