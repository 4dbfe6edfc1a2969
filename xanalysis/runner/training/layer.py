"""One encoder layer on CPUs, forward and backward written out.

Autograd would run two dozen small operations where this runs six products and a few kernels, and
would keep what can be had again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from xanalysis.runner.training import kernels
from xanalysis.runner.training.attention import (
    Attended,
    AttendedFirst,
    attend,
    attend_back,
    attend_first,
    attend_first_back,
)
from xanalysis.runner.training.crew import Crew
from xanalysis.runner.training.dropout import Dropout
from xanalysis.runner.training.layout import Layout
from xanalysis.runner.training.product import Product


@dataclass(frozen=True)
class Part:
    """The part of a batch that is worked on.

    Attributes:
        share: Its number.
        layout: Of its sequences.
        drop: Dropout of hidden states.
        drop_scores: Dropout of attention probabilities.
        crew: Who runs its kernels.
    """

    share: int
    layout: Layout
    drop: Dropout
    drop_scores: Dropout
    crew: Crew


@dataclass(frozen=True)
class _Normed:
    """What ``_norm`` keeps: centred and scaled sums, one over their spread, dropout's keys."""

    centred: Tensor
    spread: np.ndarray
    draws: np.ndarray


@dataclass(frozen=True)
class Kept:
    """What a layer keeps of a part for its way back."""

    rows: Tensor
    attended: Attended | AttendedFirst
    mixed: Tensor
    first: _Normed
    between: Tensor
    derivative: Tensor
    inner: Tensor
    second: _Normed


class Layer:
    """A layer of a BERT or XLM-R encoder, of plain linear modules and GELU.

    Args:
        module: The Hugging Face module.
        heads: Number of attention heads.
        shares: How many parts of a batch are worked on at the same time.
        dtype: The numbers that products are computed in, bfloat16 or float32.
    """

    def __init__(self, module: Any, heads: int, shares: int, dtype: torch.dtype) -> None:
        own = module.attention.self
        self._heads = heads
        self.qkv = Product([own.query, own.key, own.value], shares, dtype)
        self.dense = Product([module.attention.output.dense], shares, dtype)
        self.wide = Product([module.intermediate.dense], shares, dtype)
        self.narrow = Product([module.output.dense], shares, dtype)
        self.products = (self.qkv, self.dense, self.wide, self.narrow)
        self.norms = (module.attention.output.LayerNorm, module.output.LayerNorm)

    def forward(self, rows: Tensor, part: Part, first_only: bool) -> tuple[Tensor, Kept]:
        """Run the layer.

        Args:
            rows: Hidden states, ``[tokens, width]``, in the layer's numbers.
            part: Of the batch.
            first_only: For the first token of each sequence only.

        Returns:
            Hidden states, ``[tokens, width]`` or ``[sequences, width]``, and what ``backward``
            needs.
        """
        crew, layout, heads = part.crew, part.layout, self._heads
        attended: Attended | AttendedFirst
        residual = rows
        if first_only:
            mixed, attended = attend_first(rows, self.qkv, layout, heads, part.drop_scores)
            residual = rows[layout.offsets[:-1]]
        else:
            qkv, bias = self.qkv(rows), self.qkv.bias
            mixed, attended = attend(qkv, bias, layout, heads, part.drop_scores, crew)
        between, first = self._norm(0, residual, self.dense, mixed, part)
        derivative = self.wide(between)
        inner = torch.empty_like(derivative)
        crew.run(kernels.gelu, len(inner), derivative, self.wide.bias, inner)
        result, second = self._norm(1, between, self.narrow, inner, part)
        kept = Kept(rows, attended, mixed, first, between, derivative, inner, second)
        return result, kept

    def backward(self, gradient: Tensor, kept: Kept, part: Part) -> tuple[Tensor, list[Tensor]]:
        """The way back; products keep the gradients of their parameters.

        Args:
            gradient: Of the result.
            kept: What ``forward`` kept.
            part: What ``forward`` was given.

        Returns:
            The gradient of the rows, and those of the LayerNorms' weights and biases.
        """
        share, crew = part.share, part.crew
        of_between, of_branch, second = self._norm_back(1, gradient, kept.second, part)
        of_inner = self.narrow.back(of_branch, kept.inner, share)
        self.narrow.of_bias[share] = second.pop()
        width = of_inner.shape[1]
        self.wide.of_bias[share] = crew.total(
            kernels.times, len(of_inner), (width,), of_inner, kept.derivative
        )
        of_between = self.wide.back(of_inner, kept.between, share, onto=of_between)
        of_residual, of_branch, first = self._norm_back(0, of_between, kept.first, part)
        of_mixed = self.dense.back(of_branch, kept.mixed, share)
        self.dense.of_bias[share] = first.pop()
        if isinstance(kept.attended, AttendedFirst):
            of_rows = attend_first_back(of_mixed, kept.attended, self.qkv, share)
            of_rows.index_add_(0, part.layout.offsets[:-1], of_residual)
        else:
            of_qkv, self.qkv.of_bias[share] = attend_back(of_mixed, kept.attended, crew)
            of_rows = self.qkv.back(of_qkv, kept.rows, share, onto=of_residual)
        return of_rows, [*first, *second]

    def _norm(
        self, which: int, residual: Tensor, product: Product, rows: Tensor, part: Part
    ) -> tuple[Tensor, _Normed]:
        """LayerNorm of ``residual`` and the dropped product of ``rows``."""
        norm = self.norms[which]
        branch, result = product(rows), torch.empty_like(residual)
        kept = _Normed(branch, np.empty(len(branch), np.float32), part.drop.draws())
        parameters = (product.bias, norm.weight.detach(), norm.bias.detach(), np.float32(norm.eps))
        given = (residual, branch, *parameters, kept.draws, result, kept.spread)
        part.crew.run(kernels.norm, len(branch), *given)
        return result, kept

    def _norm_back(
        self, which: int, gradient: Tensor, kept: _Normed, part: Part
    ) -> tuple[Tensor, Tensor, list[Tensor]]:
        """Gradients of the sum, of the branch, and of weight, bias and the branch's bias."""
        weight = self.norms[which].weight.detach()
        of_sum, of_branch = torch.empty_like(gradient), torch.empty_like(gradient)
        given = (gradient, kept.centred, kept.spread, weight, kept.draws, of_sum, of_branch)
        shape = (3, gradient.shape[1])
        sums = part.crew.total(kernels.norm_back, len(gradient), shape, *given)
        return of_sum, of_branch, list(sums)
