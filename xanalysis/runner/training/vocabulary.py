"""Train only the embedding rows that the data use, without changing what is learnt.

Nearly half of XLM-R large's parameters are embedding rows, and an English training set touches a
few per cent of them. A row that never occurs has a zero gradient, so full AdamW would leave it
alone but for weight decay, which multiplies it by ``1 - lr * wd`` at every step; that product is
applied at the end.
"""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn


class TrimmedVocabulary:
    """Replaces a model's word embeddings by those of some ids, until restored.

    Args:
        model: A BERT-like module with ``embeddings.word_embeddings``.
        used: Sorted ids of every token the training and its dev evaluations can meet.
    """

    def __init__(self, model: Any, used: np.ndarray) -> None:
        self._embeddings: Any = model.embeddings
        self._full: nn.Embedding = self._embeddings.word_embeddings
        weight = self._full.weight
        self.used = torch.from_numpy(np.asarray(used, dtype=np.int64)).to(weight.device)
        small = Rows(nn.Parameter(weight.detach()[self.used].clone()))
        self._place = torch.full((weight.shape[0],), -1, dtype=torch.int64, device=weight.device)
        self._place[self.used] = torch.arange(len(self.used), device=weight.device)
        self._embeddings.word_embeddings = small

    def __call__(self, input_ids: Tensor) -> Tensor:
        """Vocabulary ids to rows of the small matrix."""
        return self._place[input_ids]

    def restore(self, decay: float) -> None:
        """Put the whole matrix back, trained rows in place.

        Args:
            decay: What weight decay did to a row without gradient: the product of
                ``1 - lr * wd`` over the steps.
        """
        small = self._embeddings.word_embeddings
        with torch.no_grad():
            weight = self._full.weight
            if decay != 1.0:
                weight.mul_(decay)
            weight[self.used] = small.weight
        self._embeddings.word_embeddings = self._full


class Rows(nn.Module):
    """An embedding matrix whose gradient, on CPUs, lives in memory that is used again.

    A batch touches a few of the rows. Fresh zeros for the gradient of all of them took 2.5 % of a
    training step, nearly all of it for the system to hand out the memory.

    Args:
        weight: The matrix, ``[rows, width]``, trained.
    """

    def __init__(self, weight: nn.Parameter) -> None:
        super().__init__()
        self.weight = weight
        self._gradient: Tensor | None = None
        self._touched: list[Tensor] = []

    def forward(self, ids: Tensor) -> Tensor:
        """Rows by number: ``[..., width]``."""
        if self.weight.is_cpu and torch.is_grad_enabled():
            return cast(Tensor, _Rows.apply(self.weight, ids, self))  # type: ignore[no-untyped-call]
        return F.embedding(ids, self.weight)

    def collect(self, ids: Tensor, gradient: Tensor) -> None:
        """Add the gradient of some rows to that of the matrix.

        Args:
            ids: Which rows, in any shape.
            gradient: Of what they gave, ``[..., width]``.
        """
        ids, gradient = ids.flatten(), gradient.flatten(0, -2)
        if self._gradient is None:
            self._gradient = torch.zeros_like(self.weight)
        if self.weight.grad is None:
            while self._touched:
                self._gradient.index_fill_(0, self._touched.pop(), 0.0)
            self.weight.grad = self._gradient
        self._touched.append(ids)
        self.weight.grad.index_add_(0, ids, gradient)


class _Rows(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, weight: Tensor, ids: Tensor, owner: Rows) -> Tensor:
        ctx.save_for_backward(ids)
        ctx.owner = owner
        return F.embedding(ids, weight)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[None, None, None]:
        ctx.owner.collect(*ctx.saved_tensors, gradient)
        return None, None, None
