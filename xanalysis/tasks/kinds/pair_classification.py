"""One label for a text or a pair of texts (XNLI, PAWS-X)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, cast

import numpy as np
import pyarrow as pa
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from xanalysis.tasks.examples import Example, PairExample
from xanalysis.tasks.kinds.base import FlatBatch
from xanalysis.tasks.kinds.encoding import HELD_BACK, label_ids
from xanalysis.tasks.kinds.first_token import FirstToken, Labelled
from xanalysis.tasks.kinds.heads import Pooled
from xanalysis.tasks.task import Task


class PairClassification(FirstToken):
    """A classifier on the first token."""

    name = "pair_classification"

    def sequences(
        self, examples: Sequence[Example], task: Task, training: bool
    ) -> Iterator[Labelled]:
        """One per example."""
        pairs = cast(Sequence[PairExample], examples)
        labels = label_ids([pair["label"] for pair in pairs], task, pairs, training)
        for number, (pair, label) in enumerate(zip(pairs, labels.tolist(), strict=True)):
            yield Labelled(number, pair["text_a"], pair["text_b"], label)

    def head(self, width: int, task: Task) -> nn.Module:
        """A hidden layer and one logit per label."""
        return Pooled(width, len(task.labels))

    def loss(self, head: nn.Module, batch: FlatBatch) -> tuple[Tensor, Tensor]:
        """Cross-entropy."""
        logits = head(batch.first).float()
        labels = torch.as_tensor(np.asarray(batch.features["label"]), device=logits.device)
        loss = F.cross_entropy(logits, labels, ignore_index=HELD_BACK, reduction="sum")
        return loss, (labels != HELD_BACK).sum()

    def decode(
        self,
        outputs: Sequence[dict[str, np.ndarray]],
        features: pa.Table,
        examples: Sequence[Example],
        task: Task,
    ) -> list[dict[str, Any]]:
        """The label with the highest logit."""
        return [
            {"id": example["id"], "prediction": task.labels[int(output["logits"].argmax())]}
            for example, output in zip(examples, outputs, strict=True)
        ]
