"""How well masked tokens are guessed, each example's prediction counting as its tokens do."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from xanalysis.tasks.examples import Example
from xanalysis.tasks.metrics.base import Counts, Metric, Predictions, paired, percent
from xanalysis.tasks.task import Task


class MaskedAccuracy(Metric):
    """Share of the masked tokens whose most probable guess is right, and their perplexity.

    All of a text's chosen tokens are masked at once, as in training; pseudo-perplexity, which masks
    one token at a time (Salazar et al. 2020), is lower.
    """

    name = "masked_accuracy"
    is_mean = False

    def counts(
        self, predictions: Predictions, examples: Sequence[Example], task: Task, language: str
    ) -> Counts:
        """Columns: right guesses, tokens, their loss in nats."""
        rows = [
            (guess["hits"], guess["terms"], guess["prediction"] * guess["terms"])
            for guess, _ in paired(predictions, examples)
        ]
        return np.array(rows, dtype=np.float64).reshape(-1, 3)

    def score(self, sums: Counts) -> dict[str, float]:
        """Accuracy, and perplexity (which is no percentage)."""
        hits, terms, loss = sums
        return {"accuracy": percent(hits, terms), "perplexity": math.exp(loss / max(terms, 1))}


MASKED_ACCURACY = MaskedAccuracy()
