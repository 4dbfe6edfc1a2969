"""Masked language modelling: the text itself is the label."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import pyarrow as pa
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import PreTrainedTokenizerBase

from xanalysis.tasks.examples import Example, TextExample
from xanalysis.tasks.kinds.base import FlatBatch, Kind
from xanalysis.tasks.kinds.encoding import frame, lists, rows
from xanalysis.tasks.task import Task

AT_ONCE = 512  # tokens decoded together in an evaluation
_MASKED, _RANDOM = 0.8, 0.1  # of the chosen tokens; the rest stay as they are (BERT)


class MaskedLM(Kind):
    """Predicts masked tokens with the encoder's own embeddings as decoder.

    Args:
        mask: Share of tokens to predict.
    """

    name = "mlm"

    def __init__(self, mask: float = 0.15) -> None:
        self._mask = mask

    def encode(
        self,
        examples: Sequence[Example],
        task: Task,
        tokenizer: PreTrainedTokenizerBase,
        *,
        max_length: int,
        training: bool,
    ) -> pa.Table:
        """One row per piece of a text, masked once and for all (by its content and number).

        ``places`` are the chosen places of a row, ``originals`` the ids that stood there.
        """
        before, _, after = frame(tokenizer)
        room = max_length - len(before) - len(after)
        texts = [example["text"] for example in cast(Sequence[TextExample], examples)]
        encoded = tokenizer(
            texts,
            add_special_tokens=False,
            return_attention_mask=False,
            return_token_type_ids=False,
            verbose=False,
        )["input_ids"]
        special = set(tokenizer.all_special_ids)
        plain = np.array(sorted(set(tokenizer.get_vocab().values()) - special))
        ids, owner, places, originals = [], [], [], []
        for number, tokens in enumerate(encoded):
            random = np.random.default_rng([number, zlib.crc32(texts[number].encode())])
            for first in range(0, len(tokens), room):
                piece = np.array(tokens[first : first + room])
                chosen = np.flatnonzero(random.random(len(piece)) < self._mask)
                if len(chosen) == 0:
                    chosen = random.integers(len(piece), size=1)
                originals.append(piece[chosen])
                fate = random.random(len(chosen))
                piece[chosen] = np.select(
                    [fate < _MASKED, fate < _MASKED + _RANDOM],
                    [tokenizer.mask_token_id, random.choice(plain, len(chosen))],
                    piece[chosen],
                )
                ids.append([*before, *piece.tolist(), *after])
                places.append(chosen + len(before))
                owner.append(number)
        return rows(ids, owner, places=lists(places), originals=lists(originals))

    def head(self, width: int, task: Task) -> nn.Module:
        """What stands between the encoder and its embeddings used as decoder."""
        return Transform(width)

    def loss(self, head: nn.Module, batch: FlatBatch) -> tuple[Tensor, Tensor]:
        """Cross-entropy, a term per chosen token."""
        hidden, gold = _chosen(batch)
        loss = F.cross_entropy(_logits(head, hidden, batch), gold, reduction="sum")
        return loss, torch.tensor(len(gold), device=loss.device)

    def outputs(self, head: nn.Module, batch: FlatBatch) -> list[dict[str, np.ndarray]]:
        """``loss`` of every chosen token, in nats, and whether the best guess is a ``hit``."""
        found = []
        # A row of logits is as long as the vocabulary: never all of them at once.
        for hidden, gold in zip(*(torch.split(t, AT_ONCE) for t in _chosen(batch)), strict=True):
            logits = _logits(head, hidden, batch)
            losses = F.cross_entropy(logits, gold, reduction="none")
            found.append(torch.stack([losses, (logits.argmax(dim=1) == gold).to(losses)]))
        losses, hits = torch.cat(found, dim=1).cpu().numpy()
        ends = np.cumsum([len(row) for row in batch.features["places"]])[:-1]
        parts = zip(np.split(losses, ends), np.split(hits, ends), strict=True)
        return [{"loss": loss, "hit": hit} for loss, hit in parts]

    def decode(
        self,
        outputs: Sequence[dict[str, np.ndarray]],
        features: pa.Table,
        examples: Sequence[Example],
        task: Task,
    ) -> list[dict[str, Any]]:
        """Mean loss per chosen token (nats), the number of them, and how many are guessed."""
        owner = features["example"].to_numpy()
        sums = np.zeros((len(examples), 3))
        columns = [(o["loss"].sum(), len(o["loss"]), o["hit"].sum()) for o in outputs]
        np.add.at(sums, owner, np.array(columns).reshape(-1, 3))
        return [
            {
                "id": example["id"],
                "prediction": loss / max(terms, 1),
                "terms": int(terms),
                "hits": int(hits),
            }
            for example, (loss, terms, hits) in zip(examples, sums.tolist(), strict=True)
        ]


def _chosen(batch: FlatBatch) -> tuple[Tensor, Tensor]:
    """Hidden states of the chosen tokens, ``[tokens, width]``, and the ids that stood there."""
    places = [np.asarray(row, np.int64) for row in batch.features["places"]]
    firsts = np.repeat(batch.offsets[:-1].cpu().numpy(), [len(row) for row in places])
    gold = np.concatenate([np.asarray(row, np.int64) for row in batch.features["originals"]])
    device = batch.hidden.device
    where = torch.from_numpy(np.concatenate(places) + firsts).to(device)
    return batch.hidden[where], torch.from_numpy(gold).to(device)


def _logits(head: nn.Module, hidden: Tensor, batch: FlatBatch) -> Tensor:
    """Logits over the vocabulary, ``[tokens, vocabulary]``."""
    if batch.embeddings is None:
        raise ValueError("masked language modelling needs the encoder's embeddings")
    return F.linear(head(hidden), batch.embeddings).float()


class Transform(nn.Module):
    """A linear layer, GELU and a LayerNorm.

    Starts as near the identity as that allows, since the encoder's own head is not at hand: a fresh
    random layer would first have to be unlearnt.

    Args:
        width: Of the encoder.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.dense = nn.Linear(width, width)
        nn.init.eye_(self.dense.weight)
        nn.init.zeros_(self.dense.bias)
        self.norm = nn.LayerNorm(width)

    def forward(self, hidden: Tensor) -> Tensor:
        """What is compared with the embeddings, ``[tokens, width]``."""
        compared: Tensor = self.norm(F.gelu(self.dense(hidden)))
        return compared
