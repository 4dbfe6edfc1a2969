"""How large the data sets are, so that a grid is costed before any of them is at hand.

``counts.csv`` holds numbers of examples with the page or file that states each; the numbers of test
examples stand in the catalogue (``Task.test_sizes``). ``lengths.csv`` holds mean lengths in XLM-R's
sub-words as the kinds of task encode them, measured by :mod:`xanalysis.tasks.sizes.build`. What is
in neither is unknown.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from xanalysis.tasks.catalogue import TASKS

FOLDER = Path(__file__).parent
ANY = "*"


@dataclass(frozen=True)
class Size:
    """Examples of one task in one language and split.

    Attributes:
        examples: Their number; None where it is unknown. Of sentence retrieval, queries.
        tokens: Mean sub-words of an example, all its sequences together; None where unknown.
        sequences: Mean sequences of an example: choices, windows of a long context, and of
            retrieval a query with the candidates that come with it.
    """

    examples: int | None = None
    tokens: float | None = None
    sequences: float = 1.0

    def read(self, limit: int) -> float | None:
        """Tokens of an example whose sequences are cut at ``limit``."""
        if self.tokens is None:
            return None
        return self.sequences * min(self.tokens / max(self.sequences, 1e-9), limit)


def published(task: str, language: str, split: str) -> Size:
    """What is known of a task's examples without having them.

    Args:
        task: A name of the catalogue.
        language: Of the examples; translations of English training data have their own.
        split: Official split.
    """
    count = TASKS[task].test_sizes.get(language) if split == "test" else None
    for place in ((task, split, language), (task, split, ANY)):
        if count is None:
            count = _counts().get(place)
    tokens, sequences = _lengths().get((task, language)) or _lengths().get((task, ANY), (None, 1.0))
    return Size(count, tokens, sequences)


@cache
def _counts() -> dict[tuple[str, str, str], int]:
    with (FOLDER / "counts.csv").open(encoding="utf-8", newline="") as file:
        return {
            (row["task"], row["split"], row["language"]): int(row["examples"])
            for row in csv.DictReader(file)
        }


@cache
def _lengths() -> dict[tuple[str, str], tuple[float | None, float]]:
    with (FOLDER / "lengths.csv").open(encoding="utf-8", newline="") as file:
        return {
            (row["task"], row["language"]): (float(row["tokens"]), float(row["sequences"]))
            for row in csv.DictReader(file)
        }
