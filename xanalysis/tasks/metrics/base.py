"""What every metric does."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from xanalysis.errors import InputError
from xanalysis.tasks.examples import Example
from xanalysis.tasks.task import Task

Predictions = Sequence[Mapping[str, Any]]
Counts = NDArray[np.float64]


class Metric(ABC):
    """A score that is a function of sums over examples.

    So that a paired bootstrap over examples can recompute it from stored counts: ``counts`` gives
    one row per scored example, ``score`` a function of the column sums.
    """

    name: ClassVar[str]

    @abstractmethod
    def counts(
        self, predictions: Predictions, examples: Sequence[Example], task: Task, language: str
    ) -> Counts:
        """One row per scored example, ``[examples, columns]``.

        Raises:
            InputError: Predictions and examples do not belong together.
        """

    @abstractmethod
    def score(self, sums: Counts) -> dict[str, float]:
        """Scores from column sums, the official one (0-100) first."""

    def __call__(
        self, predictions: Predictions, examples: Sequence[Example], task: Task, language: str
    ) -> dict[str, float]:
        """Scores of these predictions, the official one (0-100) first."""
        return self.score(self.counts(predictions, examples, task, language).sum(axis=0))

    def per_example(
        self, predictions: Predictions, examples: Sequence[Example], task: Task, language: str
    ) -> list[float] | None:
        """Each example's own score (0-100) where the official one is their mean, else None."""
        counts = self.counts(predictions, examples, task, language)
        if not self.is_mean:
            return None
        return [next(iter(self.score(row).values())) for row in counts]

    is_mean: ClassVar[bool] = True


def paired(
    predictions: Predictions, examples: Sequence[Example]
) -> list[tuple[Mapping[str, Any], Any]]:
    """Predictions beside their examples.

    Raises:
        InputError: There is not exactly one prediction for each example.
    """
    if len(predictions) != len(examples):
        raise InputError(
            f"{len(predictions)} predictions for {len(examples)} examples",
            expected="one prediction per example",
        )
    for prediction, example in zip(predictions, examples, strict=True):
        if prediction["id"] != example["id"]:
            raise InputError(
                f"prediction for '{prediction['id']}' where example '{example['id']}' stands",
                expected="predictions in the order of the examples",
            )
    return list(zip(predictions, examples, strict=True))


def percent(part: float, whole: float) -> float:
    """100 part / whole; 0 of nothing is 0."""
    return 100.0 * float(part) / float(whole) if whole else 0.0
