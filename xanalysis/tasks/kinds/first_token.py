"""What the kinds share that read a sequence's first token: encoding, and one set of logits each."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from torch import nn
from transformers import PreTrainedTokenizerBase

from xanalysis.tasks.examples import Example
from xanalysis.tasks.kinds.base import FlatBatch, Kind
from xanalysis.tasks.kinds.encoding import rows, tokenise
from xanalysis.tasks.task import Task


class Labelled(NamedTuple):
    """A text or a pair of texts, the number of its example, and the example's label as an id."""

    example: int
    first: str
    second: str | None
    label: int


class FirstToken(Kind):
    """A kind whose head reads nothing but the first token."""

    first_only = True

    @abstractmethod
    def sequences(
        self, examples: Sequence[Example], task: Task, training: bool
    ) -> Iterator[Labelled]:
        """What is tokenised, examples in their order.

        Raises:
            InputError: A label is none of the task's, or is missing in training.
        """

    def encode(
        self,
        examples: Sequence[Example],
        task: Task,
        tokenizer: PreTrainedTokenizerBase,
        *,
        max_length: int,
        training: bool,
    ) -> pa.Table:
        """One row per sequence, with its example's ``label`` (-1 where held back)."""
        found = list(self.sequences(examples, task, training))
        ids = tokenise(
            tokenizer, [each.first for each in found], [each.second for each in found], max_length
        )
        labels = np.asarray([each.label for each in found], np.int64)
        return rows(ids, [each.example for each in found], label=labels)

    def outputs(self, head: nn.Module, batch: FlatBatch) -> list[dict[str, np.ndarray]]:
        """``logits`` of each sequence, ``[outputs]``."""
        return [{"logits": row} for row in head(batch.first).float().cpu().numpy()]
