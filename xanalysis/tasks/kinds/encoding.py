"""What the kinds' encoders share: tokenising in bulk, label ids, feature tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from transformers import PreTrainedTokenizerBase

from xanalysis.errors import InputError, nearest_name
from xanalysis.tasks.examples import Example
from xanalysis.tasks.task import Task

HELD_BACK = -1  # the label of an example whose gold label is not published


def tokenise(
    tokenizer: PreTrainedTokenizerBase,
    first: Sequence[str],
    second: Sequence[str | None],
    max_length: int,
) -> list[list[int]]:
    """Token ids of texts and pairs of texts, the longer one cut where both do not fit.

    Args:
        tokenizer: A fast tokenizer.
        first: The texts.
        second: Their partners, or None.
        max_length: Tokens per sequence, special tokens included.
    """
    ids: list[list[int]] = [[]] * len(first)
    paired = [i for i, text in enumerate(second) if text is not None]
    single = [i for i, text in enumerate(second) if text is None]
    for chosen, partners in ((paired, [second[i] for i in paired]), (single, None)):
        if chosen:
            encoded = tokenizer(
                [first[i] for i in chosen],
                partners,
                truncation="longest_first",
                max_length=max_length,
                return_attention_mask=False,
                return_token_type_ids=False,
            )["input_ids"]
            for i, sequence in zip(chosen, encoded, strict=True):
                ids[i] = sequence
    return ids


def frame(tokenizer: PreTrainedTokenizerBase) -> tuple[list[int], list[int], list[int]]:
    """Ids before, between and after the two parts of a pair (``<s>``, ``</s></s>``, ``</s>``).

    A single sequence stands between the first and the last.
    """
    encoded = tokenizer("a", "b")
    ids, part = encoded["input_ids"], encoded.sequence_ids(0)
    second = part.index(1)
    own = [i for i, owner in enumerate(part) if owner is not None]
    middle = [ids[i] for i in range(own[0], second) if part[i] is None]
    return ids[: own[0]], middle, ids[own[-1] + 1 :]


def label_ids(
    labels: Sequence[str | None], task: Task, examples: Sequence[Example], training: bool
) -> np.ndarray:
    """Label names as ids; in an evaluation an unknown label is as one held back.

    Raises:
        InputError: A label to train on is not one of the task's, or is missing.
    """
    known = {label: number for number, label in enumerate(task.labels)}
    ids = np.empty(len(labels), np.int64)
    for i, label in enumerate(labels):
        if label in known:
            ids[i] = known[label]
        elif not training:
            ids[i] = HELD_BACK
        else:
            raise InputError(
                f"{task.name}: example {examples[i]['id']} has "
                + ("no label" if label is None else f"unknown label '{label}'"),
                expected="one of " + ", ".join(task.labels),
                nearest=None if label is None else nearest_name(label, known),
            )
    return ids


def rows(input_ids: Sequence[Any], example: Iterable[int], **columns: Any) -> pa.Table:
    """A feature table: ``input_ids``, ``example`` and the kind's own columns."""
    return pa.table(
        {
            "input_ids": pa.array(input_ids, pa.list_(pa.int32())),
            "example": pa.array(list(example), pa.int32()),
            **{
                name: values if isinstance(values, pa.Array) else pa.array(values)
                for name, values in columns.items()
            },
        }
    )


def lists(values: Sequence[Any]) -> pa.Array:
    """A column of integer lists."""
    return pa.array(values, pa.list_(pa.int32()))


def ragged(column: pa.ChunkedArray) -> list[np.ndarray]:
    """A column of integer lists as arrays."""
    array = column.combine_chunks()
    edges = array.offsets.to_numpy()
    values = array.flatten().to_numpy()
    return np.split(values, edges[1:-1] - edges[0]) if len(array) else []
