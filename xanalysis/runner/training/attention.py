"""Self-attention over concatenated sequences, each token seeing only its own sequence."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import Any, cast

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from xanalysis.runner.training import kernels
from xanalysis.runner.training.crew import Crew
from xanalysis.runner.training.dropout import Dropout
from xanalysis.runner.training.layout import Group, Layout
from xanalysis.runner.training.product import Product


@dataclass(frozen=True)
class Attended:
    """What attention in blocks keeps for its way back.

    Attributes:
        heads: Number of attention heads.
        draws: Dropout's keys, see ``kernels``.
        blocks: Of each group: queries, keys and values; attention probabilities; the place from
            which dropout counts.
    """

    heads: int
    draws: np.ndarray
    blocks: list[tuple[Group, Tensor, Tensor, int]]


def attend(
    qkv: Tensor,
    bias: Tensor,
    layout: Layout,
    heads: int,
    dropout: Dropout,
    crew: Crew,
    result: Tensor,
) -> Attended:
    """Attention in padded blocks of sequences of like length.

    One block at a time, because what a block needs stays in a core's cache. Scores and softmax are
    float32: in bfloat16, scores would lose more than everything else together. Other products run
    in the dtype of ``qkv``.

    Args:
        qkv: Queries, keys and values beside one another without their bias,
            ``[tokens, 3 * width]``, float32 or bfloat16, on the CPU.
        bias: Theirs, ``[3 * width]``, float32.
        layout: Of the batch.
        heads: Number of attention heads.
        dropout: On the attention probabilities.
        crew: Who runs the kernels.
        result: Gets what is attended to, ``[tokens, width]``.

    Returns:
        What ``attend_back`` needs.
    """
    width = result.shape[1]
    factor, draws = np.float32((width // heads) ** -0.5), dropout.draws()
    kept = Attended(heads, draws, [])
    shift = 0
    for group in layout.groups:
        given, rows = (group.starts, group.sizes, heads), group.sequences * heads
        block = qkv.new_empty(3, rows, group.width, width // heads)
        crew.run(kernels.pack, group.sequences, qkv, bias, *given, block)
        query, key, value = block
        scores = torch.bmm(query.float(), key.float().transpose(1, 2))
        weights = torch.empty_like(scores, dtype=qkv.dtype)
        dropped = torch.empty_like(weights)
        softmax = (scores, group.sizes, heads, factor, draws, shift, weights, dropped)
        crew.run(kernels.attend, rows, *softmax)
        mixed = torch.bmm(dropped, value)[None]
        crew.total(kernels.unpack, group.sequences, (width,), mixed, *given, result)
        kept.blocks.append((group, block, weights, shift))
        shift += weights.numel()
    return kept


def attend_back(gradient: Tensor, kept: Attended, crew: Crew, of_qkv: Tensor) -> Tensor:
    """The gradient of ``attend``'s ``bias`` from that of its result; ``of_qkv`` gets its own."""
    heads, width = kept.heads, gradient.shape[1]
    factor = np.float32((width // heads) ** -0.5)
    of_bias, nothing = torch.zeros(3 * width), torch.zeros(width)
    for group, block, weights, shift in kept.blocks:
        given, rows = (group.starts, group.sizes, heads), group.sequences * heads
        query, key, value = block
        outer = torch.empty_like(value)
        crew.run(kernels.pack, group.sequences, gradient, nothing, *given, outer[None])
        of_scores = torch.bmm(outer, value.transpose(1, 2))  # of the weights so far
        dropped = torch.empty_like(weights)
        softmax = (of_scores, weights, group.sizes, heads, factor, kept.draws, shift, dropped)
        crew.run(kernels.attend_back, rows, *softmax)
        of_block = torch.empty_like(block)
        torch.bmm(of_scores, key, out=of_block[0])
        torch.bmm(of_scores.transpose(1, 2), query, out=of_block[1])
        torch.bmm(dropped.transpose(1, 2), outer, out=of_block[2])
        of_bias += crew.total(
            kernels.unpack, group.sequences, (3 * width,), of_block, *given, of_qkv
        )
    return of_bias


class _GroupedAttention(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, qkv: Tensor, layout: Layout, heads: int, dropout: Dropout) -> Tensor:
        ctx.crew = _crew(torch.get_num_threads())
        bias, result = torch.zeros(qkv.shape[1]), qkv.new_empty(len(qkv), qkv.shape[1] // 3)
        ctx.kept = attend(qkv, bias, layout, heads, dropout, ctx.crew, result)
        return result

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        of_qkv = gradient.new_empty(len(gradient), 3 * gradient.shape[1])
        attend_back(gradient.contiguous(), ctx.kept, ctx.crew, of_qkv)
        return of_qkv, None, None, None


@cache
def _crew(threads: int) -> Crew:
    return Crew(threads)


def grouped_attention(qkv: Tensor, layout: Layout, heads: int, dropout: Dropout) -> Tensor:
    """Attention in padded blocks of sequences of like length, on CPUs.

    Args:
        qkv: Queries, keys and values beside one another, ``[tokens, 3 * width]``.
        layout: Of the batch.
        heads: Number of attention heads.
        dropout: On the attention probabilities.

    Returns:
        ``[tokens, width]``, in the dtype of ``qkv``.
    """
    with torch.autocast(qkv.device.type, enabled=False):
        return cast(
            Tensor,
            _GroupedAttention.apply(qkv, layout, heads, dropout),  # type: ignore[no-untyped-call]
        )


@dataclass(frozen=True)
class AttendedFirst:
    """What attention of first tokens keeps for its way back: its inputs and its result."""

    inputs: tuple[Tensor, Tensor, Tensor]
    result: Tensor


def attend_first(
    rows: Tensor, product: Product, layout: Layout, heads: int, dropout: Dropout
) -> tuple[Tensor, AttendedFirst]:
    """Attention of the first token of each sequence to all of its sequence.

    One query a sequence needs no keys and values of all tokens: ``q . (K x) = (K' q) . x``, and a
    weighted sum of ``V x`` is V times the weighted sum of the ``x``. The keys' bias adds the same
    to all scores of a sequence, so nothing to their softmax.

    Args:
        rows: Hidden states, ``[tokens, width]``.
        product: Of the queries', keys' and values' modules.
        layout: Of the batch.
        heads: Number of attention heads.
        dropout: On the attention probabilities.

    Returns:
        ``[sequences, width]``, in the dtype of ``rows``, and what ``attend_first_back`` needs.
    """
    inputs = (rows.detach(), product.weight.detach(), product.bias.to(rows.dtype, copy=True))
    with torch.enable_grad():
        for tensor in inputs:
            tensor.requires_grad_()
        result = _of_first(*inputs, layout, heads, dropout)
    return result.detach(), AttendedFirst(inputs, result)


def attend_first_back(gradient: Tensor, kept: AttendedFirst) -> tuple[Tensor, Tensor, Tensor]:
    """The gradients of ``attend_first``'s rows, and of its product's weight and bias."""
    of_rows, of_weight, of_bias = torch.autograd.grad(kept.result, kept.inputs, gradient)
    return of_rows, of_weight, of_bias.float()


def _of_first(
    rows: Tensor, weight: Tensor, bias: Tensor, layout: Layout, heads: int, dropout: Dropout
) -> Tensor:
    """See :func:`attend_first`."""
    width = rows.shape[1]
    size = width // heads
    of_query, of_key, of_value = weight.view(3, heads, size, width)
    bias_of_query, _, bias_of_value = bias.view(3, heads, 1, size)

    starts, places = layout.offsets[:-1, None], torch.arange(layout.longest)
    beyond = places >= torch.from_numpy(layout.sizes)[:, None]  # [sequences, longest]
    cells = starts + places.masked_fill(beyond, 0)
    # Not ``rows[cells]``: going backward, that adds up one value at a time.
    block = rows.index_select(0, cells.flatten()).view(*cells.shape, width)

    query = torch.baddbmm(bias_of_query, block[:, 0].expand(heads, -1, -1), of_query.mT)
    pull = torch.bmm(query, of_key).transpose(0, 1)  # [sequences, heads, width]
    scores = torch.bmm(pull.float() * size**-0.5, block.float().mT)
    weights = torch.softmax(scores.masked_fill(beyond[:, None], -math.inf), -1).to(rows.dtype)
    weights = dropout(weights)
    mixed = torch.bmm(torch.bmm(weights, block).transpose(0, 1), of_value.mT)
    mixed = mixed + bias_of_value * weights.sum(-1).t()[..., None]  # [heads, sequences, size]
    joined: Tensor = mixed.transpose(0, 1).reshape(-1, width)
    return joined


def nested_attention(qkv: Tensor, layout: Layout, heads: int, dropout: Dropout) -> Tensor:
    """Attention without padding through PyTorch's jagged tensors.

    On CUDA in bfloat16 this runs the variable-length flash kernel, dropout included.

    Args and result as for :func:`grouped_attention`.
    """
    width = qkv.shape[1] // 3
    with torch.autocast(qkv.device.type, enabled=False):
        query, key, value = (
            torch.nested.nested_tensor_from_jagged(
                part.reshape(-1, heads, width // heads).contiguous(),
                layout.offsets,
                min_seqlen=layout.shortest,
                max_seqlen=layout.longest,
            ).transpose(1, 2)
            for part in torch.split(qkv, width, dim=1)
        )
        mixed = F.scaled_dot_product_attention(query, key, value, dropout_p=dropout.rate)
        return mixed.transpose(1, 2).values().reshape(-1, width)
