"""Which of several choices is right (XCOPA, HellaSwag, CommonsenseQA): one sequence per choice."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, cast

import numpy as np
import pyarrow as pa
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from xanalysis.errors import InputError
from xanalysis.tasks.examples import ChoiceExample, Example
from xanalysis.tasks.kinds.base import FlatBatch
from xanalysis.tasks.kinds.encoding import HELD_BACK
from xanalysis.tasks.kinds.first_token import FirstToken, Labelled
from xanalysis.tasks.kinds.heads import Pooled, stacked
from xanalysis.tasks.task import Task


class MultipleChoice(FirstToken):
    """A score for every choice, read off the first token; softmax over an example's choices."""

    name = "multiple_choice"

    def sequences(
        self, examples: Sequence[Example], task: Task, training: bool
    ) -> Iterator[Labelled]:
        """One per choice.

        The context with question and choice, or the question with the choice where there is no
        context.
        """
        for number, example in enumerate(cast(Sequence[ChoiceExample], examples)):
            label = _label(example, task, training)
            asked = [text for text in (example["context"], example["question"]) if text] or [""]
            for choice in example["choices"]:
                yield Labelled(number, asked[0], " ".join([*asked[1:], choice]), label)

    def head(self, width: int, task: Task) -> nn.Module:
        """A hidden layer and one logit."""
        return Pooled(width, 1)

    def loss(self, head: nn.Module, batch: FlatBatch) -> tuple[Tensor, Tensor]:
        """Cross-entropy over the choices, a term per example."""
        starts, counts = _runs(batch.features["example"])
        logits = head(batch.first).float().flatten()
        labels = torch.as_tensor(
            np.asarray(batch.features["label"])[starts], dtype=torch.int64, device=logits.device
        )
        loss = F.cross_entropy(
            stacked(logits, counts), labels, ignore_index=HELD_BACK, reduction="sum"
        )
        return loss, (labels != HELD_BACK).sum()

    def decode(
        self,
        outputs: Sequence[dict[str, np.ndarray]],
        features: pa.Table,
        examples: Sequence[Example],
        task: Task,
    ) -> list[dict[str, Any]]:
        """Number of the choice with the highest logit."""
        logits: list[list[float]] = [[] for _ in examples]
        for number, output in zip(features["example"].to_pylist(), outputs, strict=True):
            logits[number].append(float(output["logits"][0]))
        return [
            {"id": example["id"], "prediction": int(np.argmax(scores))}
            for example, scores in zip(examples, logits, strict=True)
        ]


def _label(example: ChoiceExample, task: Task, training: bool) -> int:
    label, count = example["label"], len(example["choices"])
    if label is None and not training:
        return HELD_BACK
    if label is None or not 0 <= label < count:
        raise InputError(
            f"{task.name}: example {example['id']} has "
            + ("no label" if label is None else f"label {label}"),
            expected=f"a choice from 0 to {count - 1}",
        )
    return label


def _runs(example: Any) -> tuple[np.ndarray, np.ndarray]:
    """Where each example's rows start, and how many they are."""
    owner = np.asarray(example)
    starts = np.concatenate([[0], np.flatnonzero(np.diff(owner)) + 1])
    return starts, np.diff([*starts, len(owner)])
