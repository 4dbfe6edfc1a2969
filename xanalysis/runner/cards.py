"""Graphics cards that a plan is costed for where none is at hand."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Card:
    """A card and the rate it is taken to sustain.

    Attributes:
        name: As in ``A100-80GB``.
        peak: Operations per second of dense bfloat16 products, from the data sheet.
        share: Share of it that a training is taken to sustain.
        basis: Where the two come from.
    """

    name: str
    peak: float
    share: float
    basis: str

    def hours(self, flops: float) -> float:
        """Hours that so many floating-point operations take."""
        return flops / (self.peak * self.share) / 3600


# The share is an assumption between what is measured for pretraining with full batches (50.6 %:
# 350 million parameters, 512 tokens; mosaicml/llm-foundry@061f2c7, scripts/train/benchmarking) and
# what small batches of short sentences leave of it.
A100 = Card(
    "A100-80GB",
    312e12,
    0.40,
    "40 % of the data sheet's 312 TFLOP/s in bfloat16; pretraining with full batches reaches 51 %, "
    "short sentences in small batches less",
)
