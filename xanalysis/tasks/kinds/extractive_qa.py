"""The answer to a question as a span of its context (SQuAD, XQuAD, MLQA, TyDiQA-GoldP)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import pyarrow as pa
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import PreTrainedTokenizerBase

from xanalysis.errors import InputError
from xanalysis.tasks.examples import Example, QAExample
from xanalysis.tasks.kinds.base import FlatBatch, Kind
from xanalysis.tasks.kinds.encoding import HELD_BACK, frame, lists, ragged, rows
from xanalysis.tasks.kinds.heads import stacked
from xanalysis.tasks.kinds.spans import MAX_ANSWER, best_answer
from xanalysis.tasks.task import Task

DOC_STRIDE = 128  # from the start of one window to that of the next
MAX_QUERY = 64


class ExtractiveQA(Kind):
    """Start and end scores on every token of sliding windows over the context.

    The first token stands for "not in this window", and where a task has unanswerable questions
    for "no answer".
    """

    name = "extractive_qa"

    def encode(
        self,
        examples: Sequence[Example],
        task: Task,
        tokenizer: PreTrainedTokenizerBase,
        *,
        max_length: int,
        training: bool,
    ) -> pa.Table:
        """One row per window.

        Columns: ``context`` (place of the first context token in the row), ``window`` (number of
        that token in the context), ``char_starts`` and ``char_ends`` of the context tokens, and
        ``start`` and ``end`` (places of the answer in the row, to train on; 0 where it is not in
        the window, -1 where nothing is trained).

        Raises:
            InputError: An answer to train on does not stand where its example says.
        """
        questions = cast(Sequence[QAExample], examples)
        before, between, after = frame(tokenizer)
        contexts = list(dict.fromkeys(example["context"] for example in questions))
        number_of = {context: number for number, context in enumerate(contexts)}
        asked = _tokenise(tokenizer, [example["question"] for example in questions])["input_ids"]
        read = _tokenise(tokenizer, contexts, offsets=True)
        ids: list[list[int]] = []
        columns: dict[str, list[Any]] = {
            name: [] for name in ("example", "context", "window", "starts", "ends", "start", "end")
        }
        for number, example in enumerate(questions):
            query = asked[number][:MAX_QUERY]
            place = number_of[example["context"]]
            tokens = read["input_ids"][place]
            offsets = np.asarray(read["offset_mapping"][place], np.int32).reshape(-1, 2)
            gold = _gold(example, offsets, task) if training else None
            head = [*before, *query, *between]
            room = max_length - len(head) - len(after)
            for first in _windows(len(tokens), room):
                last = min(first + room, len(tokens))
                ids.append([*head, *tokens[first:last], *after])
                start, end = _within(gold, first, last, len(head), training)
                values = (number, len(head), first, *offsets[first:last].T, start, end)
                for column, value in zip(columns.values(), values, strict=True):
                    column.append(value)
        return rows(
            ids,
            columns["example"],
            context=np.asarray(columns["context"], np.int64),
            window=np.asarray(columns["window"], np.int64),
            char_starts=lists(columns["starts"]),
            char_ends=lists(columns["ends"]),
            start=np.asarray(columns["start"], np.int64),
            end=np.asarray(columns["end"], np.int64),
        )

    def head(self, width: int, task: Task) -> nn.Module:
        """A start and an end logit per token."""
        return nn.Linear(width, 2)

    def loss(self, head: nn.Module, batch: FlatBatch) -> tuple[Tensor, Tensor]:
        """Mean of the start's and the end's cross-entropy, a term per window."""
        logits = head(batch.hidden).float()
        lengths = batch.offsets.diff()
        total = logits.new_zeros(())
        for side, name in enumerate(("start", "end")):
            gold = torch.as_tensor(np.asarray(batch.features[name]), device=logits.device)
            scores = stacked(logits[:, side], lengths)
            total = total + F.cross_entropy(scores, gold, ignore_index=HELD_BACK, reduction="sum")
        return total / 2, (gold != HELD_BACK).sum()

    def outputs(self, head: nn.Module, batch: FlatBatch) -> list[dict[str, np.ndarray]]:
        """``start`` and ``end`` logits of the first token and the context's, ``[1 + context]``."""
        logits = head(batch.hidden).float().cpu().numpy()
        found = []
        for first, skip, read in zip(
            batch.offsets[:-1].tolist(),
            batch.features["context"],
            batch.features["char_starts"],
            strict=True,
        ):
            places = first + np.concatenate([[0], skip + np.arange(len(read))]).astype(np.int64)
            found.append({"start": logits[places, 0], "end": logits[places, 1]})
        return found

    def decode(
        self,
        outputs: Sequence[dict[str, np.ndarray]],
        features: pa.Table,
        examples: Sequence[Example],
        task: Task,
    ) -> list[dict[str, Any]]:
        """The best span's text; empty where "no answer" scores higher and the task allows it.

        ``no_answer`` is the score of "no answer" minus that of the best span.
        """
        owner = features["example"].to_numpy()
        edges = np.searchsorted(owner, np.arange(len(examples) + 1))
        windows = features["window"].to_numpy()
        starts = ragged(features["char_starts"])
        ends = ragged(features["char_ends"])
        found: list[dict[str, Any]] = []
        for number, example in enumerate(cast(Sequence[QAExample], examples)):
            mine = range(edges[number], edges[number + 1])
            span, margin = best_answer(
                [outputs[row] for row in mine],
                windows[edges[number] : edges[number + 1]],
                [starts[row] for row in mine],
                [ends[row] for row in mine],
            )
            text = example["context"][span[0] : span[1]].strip()
            if margin > 0 and may_be_unanswerable(task):
                text = ""
            found.append({"id": example["id"], "prediction": text, "no_answer": margin})
        return found


def may_be_unanswerable(task: Task) -> bool:
    """Whether the task's official metric knows questions without an answer."""
    return task.metric.startswith("squad_v2")


def _tokenise(tokenizer: Any, texts: Sequence[str], *, offsets: bool = False) -> Any:
    return tokenizer(
        list(texts),
        add_special_tokens=False,
        return_attention_mask=False,
        return_token_type_ids=False,
        return_offsets_mapping=offsets,
        verbose=False,
    )


def _windows(tokens: int, room: int) -> list[int]:
    """First tokens of the windows over a context; neighbours share at least one answer's length."""
    step = max(1, min(DOC_STRIDE, room - MAX_ANSWER))
    count = 1 + max(0, -(-(tokens - room) // step))
    return [index * step for index in range(count)]


def _gold(example: QAExample, offsets: np.ndarray, task: Task) -> tuple[int, int] | None:
    """First and last context token of the first gold answer; None where there is none."""
    if not example["answers"]:
        return None
    text, said = example["answers"][0], example["answer_starts"][0]
    # Answers in the wild are off by a character or two.
    near = (said + shift for shift in (0, -1, 1, -2, 2) if said + shift >= 0)
    start = next((place for place in near if example["context"].startswith(text, place)), None)
    if start is None:
        raise InputError(
            f"{task.name}: '{text[:60]}', the answer to question {example['id']}, does not stand "
            f"at character {said} of its context",
            expected="characters counted from 0",
        )
    end = start + len(text)
    # The last token that begins before the answer does or at it, and the first that ends with it
    # or after: a token that covers a boundary belongs to the answer.
    inside = np.flatnonzero((offsets[:, 1] > start) & (offsets[:, 0] < end))
    return None if len(inside) == 0 else (int(inside[0]), int(inside[-1]))


def _within(
    gold: tuple[int, int] | None, first: int, last: int, shift: int, training: bool
) -> tuple[int, int]:
    """Places of the answer in a row."""
    if gold is None:
        return (0, 0) if training else (HELD_BACK, HELD_BACK)
    if gold[0] < first or gold[1] >= last:
        return 0, 0
    return gold[0] - first + shift, gold[1] - first + shift
